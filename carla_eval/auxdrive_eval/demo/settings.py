"""The settings of the demo: how much of everything, the recipe, and the models that it compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auxdrive import __version__
from auxdrive.strict import Strict
from pydantic import Field

from auxdrive_eval.driving.expert_name import EXPERT

# The settings below were chosen by looking at routes 1000 to 1015, so the demo drives others.
FIRST_ROUTE_SEED = 2000
# Small images take less time to draw, to store and to augment, so that there can be more of them.
CAMERA = "128x72"
# In addition to the recipe of `--task waypoints`, with which the demo trains.
TRAINING = ("--task", "waypoints", "--set", "evaluate=[test]", "--set", "threads=1")
# The longest red light takes 21 s, so a car that has stood for longer is stuck.
CREEP_AFTER_S = 25
DRIVING = ("--controller", "pure_pursuit", "--creep-after-s", str(CREEP_AFTER_S))


class DemoSettings(Strict):
    """How much is recorded, trained and driven. With the defaults it takes 15 minutes on two cores.

    Attributes:
        frames: number of recorded frames, over all splits.
        epochs: epochs of each student, and of the teacher.
        routes: number of unseen routes that each model drives.
        seed: of everything.
        workers: number of processes that record, train and drive.
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
    """What decides the results besides the settings. A demo whose recipe was another, since another
    version of auxdrive began it, cannot be continued.
    """
    return {
        "version": __version__,
        "camera": CAMERA,
        "training": list(TRAINING),
        "driving": list(DRIVING),
        "first_route_seed": FIRST_ROUTE_SEED,
    }


@dataclass(frozen=True)
class Model:
    """One of the three models that are compared.

    The teacher is not that of the SAMD run: there it trains only half of the time, and begins again
    from the student's weights. As an upper bound, it is trained by itself, for as long as the
    student.

    Attributes:
        name: its name in tables.
        method: the method that trains it.
        sees_auxiliaries: whether it trains with the auxiliary modalities.
        role: the network of its run that drives.
        bundle: where it is exported; None if it cannot be.
    """

    name: str
    method: str
    sees_auxiliaries: bool
    role: str
    bundle: str | None

    @property
    def run(self) -> str:
        """The folder of its run."""
        return f"runs/{self.method}"

    def training(self, settings: DemoSettings) -> list[str]:
        """The arguments of `auxdrive train` for it, besides its data and its run."""
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
