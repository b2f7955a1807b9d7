"""What the demo is made of: how much of everything, the recipe, and the models that it compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auxdrive import __version__
from auxdrive.strict import Strict
from pydantic import Field

# The settings below were chosen while looking at routes 1000 to 1015; the demo is driven on others.
FIRST_ROUTE_SEED = 2000
# A small camera makes small images to draw, to store and to change: more of them fit into the
# time.
CAMERA = "128x72"
# Beside the recipe of `--task waypoints`, by which the demo trains.
TRAINING = ("--task", "waypoints", "--set", "evaluate=[test]", "--set", "threads=1")
# The longest red takes 21 s: who has stood for longer is stuck.
CREEP_AFTER_S = 25
DRIVING = ("--controller", "pure_pursuit", "--creep-after-s", str(CREEP_AFTER_S))


class DemoSettings(Strict):
    """How much is recorded, trained and driven. The defaults fit 15 minutes on two cores.

    Attributes:
        frames: recorded, over all splits. epochs: of each student, and of the teacher.
        routes: unseen routes that each model drives. seed: of everything. workers: processes that
            record, train and drive.
    """

    # three episodes of at most 240 frames: to train, validate and test on
    frames: int = Field(default=16000, ge=500)
    epochs: int = Field(default=6, ge=1)
    routes: int = Field(default=10, ge=1, le=1000)
    auxiliaries: tuple[str, ...] = ("lidar",)
    seed: int = Field(default=0, ge=0)
    workers: int = Field(default=2, ge=1)
    traffic: int = Field(default=20, ge=0)


def recipe() -> dict[str, Any]:
    """What decides the results beside the settings; a demo that another version began is not gone
    on with.
    """
    return {
        "version": __version__,
        "camera": CAMERA,
        "training": list(TRAINING),
        "driving": list(DRIVING),
        "first_route_seed": FIRST_ROUTE_SEED,
    }


EXPERT = "expert"
"""The simulator's own driver, which drives the same routes beside the models."""


@dataclass(frozen=True)
class Model:
    """One of the three that are compared. The teacher is no part of SAMD's run, where it trains
    half of the time from the student's weights: as an upper bound it is trained by itself, as long
    as the student.

    Attributes:
        name: in tables.
        method: that trains it.
        sees_auxiliaries: whether it trains with the auxiliary modalities.
        role: the network of its run that is driven.
        bundle: where it is exported; None where it cannot be.
    """

    name: str
    method: str
    sees_auxiliaries: bool
    role: str
    bundle: str | None

    @property
    def run(self) -> str:
        """Where it is trained."""
        return f"runs/{self.method}"

    def training(self, settings: DemoSettings) -> list[str]:
        """What `auxdrive train` is told of it, beside its data and its run."""
        budget = ["--epochs", str(settings.epochs), "--seed", str(settings.seed)]
        auxiliaries = ["--aux", ",".join(settings.auxiliaries)] if self.sees_auxiliaries else []
        return ["--method", self.method, *TRAINING, *budget, *auxiliaries]


MODELS = (
    Model("baseline", "baseline", False, "student", "bundles/baseline"),
    Model("student", "samd", True, "student", "bundles/samd"),
    Model("teacher", "teacher", True, "teacher", None),
)
DRIVERS = (*(model.name for model in MODELS), EXPERT)
"""Who drives the routes, each in `drives/<name>`."""
