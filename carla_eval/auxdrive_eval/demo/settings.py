"""The settings of the demo: the budget that it follows, how much of everything where somebody wants
it smaller, and who drives at the end.
"""

from __future__ import annotations

from typing import Any

from auxdrive import __version__
from auxdrive.strict import Strict, merged
from pydantic import Field

from auxdrive_eval.dagger.budgets import BUDGETS
from auxdrive_eval.dagger.loading import load_dagger
from auxdrive_eval.dagger.settings import DaggerConfig
from auxdrive_eval.driving.expert_name import EXPERT

BUDGET = "quick"
# The routes 1000 to 1999 are for choosing settings, so the demo drives others.
FIRST_ROUTE_SEED = 2000
FIRST, STUDENT = "first", "student"
MODELS = (FIRST, STUDENT)
"""The student of round 0, which knows the expert's drives alone, and that of the chosen round."""
DRIVERS = (*MODELS, EXPERT)
"""Who drives the routes, each in `drives/<name>`."""
TEST_PART = "test"


class DemoSettings(Strict):
    """How much is recorded, trained and driven. What is None is as in the budget.

    Attributes:
        frames: number of frames of the expert, over all splits.
        epochs: epochs of the first training; those of the rounds after it are no longer.
        rounds: number of rounds in which the student drives.
        round_frames: number of frames that each of them records.
        routes: number of unseen routes that each model drives.
        seed: of everything.
        workers: number of processes that record and drive; the results do not depend on it.
    """

    # three episodes of at most 240 frames: to train, validate and test on
    frames: int | None = Field(default=None, ge=500)
    epochs: int | None = Field(default=None, ge=1)
    rounds: int | None = Field(default=None, ge=1)
    round_frames: int | None = Field(default=None, ge=1)
    routes: int = Field(default=20, ge=1, le=1000)
    seed: int = Field(default=0, ge=0, le=999)
    workers: int = Field(default=2, ge=1)

    def config(self) -> DaggerConfig:
        """The settings of the rounds: those of the budget, but for what is given here."""
        values = load_dagger(BUDGETS[BUDGET]).model_dump()
        given = {"collect": {"seed": self.seed}, "train": {"seed": self.seed}, "seed": self.seed}
        values = merged(values, given)
        values["train"]["evaluate"] = [TEST_PART]
        if self.frames is not None:
            values["collect"] |= {"frames": self.frames, "episodes": None}
        if self.epochs is not None:
            values["train"]["epochs"] = self.epochs
            on = values["train_on"]
            values["train_on"] = {**on, "epochs": min(on.get("epochs", self.epochs), self.epochs)}
        given = {"rounds": self.rounds, "frames": self.round_frames}
        values |= {name: value for name, value in given.items() if value is not None}
        return DaggerConfig.model_validate(values)


def recipe(settings: DemoSettings) -> dict[str, Any]:
    """What decides the results. A demo whose recipe was another, since other settings or another
    version of auxdrive began it, cannot be continued.

    Args:
        settings: of the demo.
    """
    return {
        "version": __version__,
        "unseen_routes": unseen_routes(settings),
        **settings.config().model_dump(mode="json"),
    }


def unseen_routes(settings: DemoSettings) -> str:
    """The seeds of the routes that are driven at the end.

    Args:
        settings: of the demo.
    """
    return f"{FIRST_ROUTE_SEED}-{FIRST_ROUTE_SEED + settings.routes - 1}"
