"""What the demo is made of: how much of everything, the recipe, and the models that it compares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from auxdrive import __version__
from auxdrive.strict import Strict
from pydantic import Field

# The settings below were chosen while looking at routes 1000 to 1015; the demo is driven on others.
FIRST_ROUTE_SEED = 2000
# A small camera makes small images to draw, to store and to change: more of them fit into the
# time. The crop leaves the red lamp in the image of a car that stands at the line. Right-hand
# traffic is not mirrored: the mirror image of a town drives on the left.
CAMERA = "128x72"
TRAINING = (
    "evaluate=[test]", "preprocessing.crop_top=0.05", "preprocessing.size=[68,128]",
    "backbone=pilotnet_bn", "batch_size=32", "lr=0.002", "balance.rest_every=4",
    "balance.turn_repeat=3", "augment.mirror=0", "augment.speed_noise=1.0", "threads=1",
)  # fmt: skip
# The longest red takes 21 s: who has stood for longer is stuck.
CREEP_AFTER_S = 25
DRIVING = ("--controller", "pure_pursuit", "--creep-after-s", str(CREEP_AFTER_S))


class DemoSettings(Strict):
    """How much is recorded, trained and driven. The defaults fit 15 minutes on two cores.

    Attributes:
        frames: recorded, over all splits. epochs: of each student, and of the teacher.
            epochs_per_round: SAMD's k.
        routes: unseen routes that each model drives. seed: of everything. workers: processes that
            record, train and drive.
    """

    # three episodes of at most 240 frames: to train, validate and test on
    frames: int = Field(default=16000, ge=500)
    epochs: int = Field(default=6, ge=1)
    epochs_per_round: int = Field(default=2, ge=1)
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


def _alone(_: DemoSettings) -> tuple[str, ...]:
    return ()


def _with_auxiliaries(settings: DemoSettings) -> tuple[str, ...]:
    return ("--aux", ",".join(settings.auxiliaries))


def _in_rounds(settings: DemoSettings) -> tuple[str, ...]:
    return (
        *_with_auxiliaries(settings),
        "--set",
        f"options.epochs_per_round={settings.epochs_per_round}",
    )


EXPERT = "expert"
"""The simulator's own driver, which drives the same routes beside the models."""


@dataclass(frozen=True)
class Model:
    """One of the three that are compared: its name, the method that trains it and what `auxdrive
    train` is told beside the recipe, the network of that run, and its bundle where it can have one.
    The teacher is no part of SAMD's run, where it trains half of the time from the student's
    weights: as an upper bound it is trained by itself, as long as the student.
    """

    name: str
    method: str
    options: Callable[[DemoSettings], tuple[str, ...]]
    role: str
    bundle: str | None

    @property
    def run(self) -> str:
        """Where it is trained."""
        return f"runs/{self.method}"


MODELS = (
    Model("baseline", "baseline", _alone, "student", "bundles/baseline"),
    Model("student", "samd", _in_rounds, "student", "bundles/samd"),
    Model("teacher", "teacher", _with_auxiliaries, "teacher", None),
)
DRIVERS = (*(model.name for model in MODELS), EXPERT)
"""Who drives the routes, each in `drives/<name>`."""
