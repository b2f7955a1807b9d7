"""The settings of rounds of DAgger, as `auxdrive dagger` reads them.

collect:                 # the expert's recording, as by `auxdrive collect`
  frames: 6000
  modalities: rgb
train:                   # the settings of every training, as for `auxdrive train`
  task: waypoints
  epochs: 6
train_on:                # what the rounds after the first change of them
  balance: {mistake_repeat: 3}
rounds: 3
frames: 2000
mix: [0.5, 0.25, 0]
drive: 1000-1004         # the round that drives these best is the result
patience: 2              # two rounds that brought nothing better are the last
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from auxdrive.controllers import CONTROLLERS
from auxdrive.errors import UsageError
from auxdrive.strict import Strict, merged
from pydantic import Field, field_validator, model_validator

from auxdrive_eval.collecting.options import CollectOptions
from auxdrive_eval.routes.plan import parse_seeds

Share = Annotated[float, Field(ge=0, le=1)]
_NOT_IN_TRAIN = ("data", "init_from")


class DaggerConfig(Strict):
    """What the rounds do. Round 0 trains on the expert's recording alone.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_eval import DaggerConfig
        >>> config = DaggerConfig(data=(Path("data"),), train={"task": "waypoints"}, mix=(0.5, 0.0))
        >>> [config.mix_of(number) for number in (1, 2, 3)]
        [0.5, 0.0, 0.0]
    """

    collect: CollectOptions | None = Field(
        default=None,
        description="the expert's recording, which round 0 makes, by the names of the options of "
        "`auxdrive collect`; the rounds are recorded as it is",
    )
    data: tuple[Path, ...] = Field(
        default=(),
        description="further data sets; without `collect` the first of them is the expert's "
        "recording by `auxdrive collect`",
    )
    train: dict[str, Any] = Field(
        default={}, description="the settings of every training, as for `auxdrive train`"
    )
    train_on: dict[str, Any] = Field(
        default={}, description="what the rounds after the first change of `train`"
    )
    rounds: int = Field(default=3, ge=1, description="rounds in which the student drives")
    frames: int = Field(
        default=2000, ge=1, description="least number of frames that each round records"
    )
    mix: tuple[Share, ...] = Field(
        default=(0.5, 0.25, 0.0),
        min_length=1,
        description="the probability with which the expert drives a stretch, by the round; the "
        "last goes on",
    )
    ahead: bool = Field(
        default=True,
        description="record where the expert would be from each frame on, which the task "
        "`waypoints` needs; without, the rounds of `path_speed` and `steering` record nearly twice "
        "as fast",
    )
    start: Literal["last", "anew"] = Field(
        default="last",
        description="where the training of a round starts: at the weights of the last round, or "
        "at fresh ones",
    )
    routes: str = Field(
        default="0-999", description="seeds of the routes on which rounds are recorded"
    )
    drive: str = Field(
        default="",
        description="seeds of validation routes, such as 1000-1004, which the student of each "
        "round drives for its driving score; empty: none",
    )
    choose: Literal["score", "last"] | None = Field(
        default=None,
        description="which round is the result: `score`, the one with the best driving score on "
        "`drive` (of equal ones the earlier), or `last`; null: by the score where there is one",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="no further round after so many in a row without a better driving score; "
        "null: all of them",
    )
    controller: str | None = Field(
        default=None, description="drives by what is predicted; null: that of the task"
    )
    seed: int = Field(
        default=0, ge=0, le=999, description="seed of routes, traffic and mixture of the rounds"
    )

    @field_validator("train", "train_on")
    @classmethod
    def _is_no_place(cls, settings: dict[str, Any]) -> dict[str, Any]:
        if named := [name for name in _NOT_IN_TRAIN if name in settings]:
            raise ValueError(f"leave {', '.join(named)} out; the rounds set it")
        return settings

    @field_validator("routes", "drive")
    @classmethod
    def _are_seeds(cls, seeds: str) -> str:
        try:
            if seeds:
                parse_seeds(seeds)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return seeds

    @field_validator("controller")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        try:
            if name is not None:
                CONTROLLERS[name]
        except UsageError as error:
            raise ValueError(str(error)) from None
        return name

    @model_validator(mode="after")
    def _has_data(self) -> Self:
        if self.collect is None and not self.data:
            raise ValueError(
                "give collect, the settings of the expert's recording, or data, a recording of "
                "`auxdrive collect`"
            )
        return self

    @model_validator(mode="after")
    def _can_choose(self) -> Self:
        if self.choose == "score" and not self.drive:
            raise ValueError("choose: score needs drive, the seeds of validation routes")
        if self.patience is not None and not self.chooses_by_score:
            raise ValueError(
                "patience goes by the driving score: give drive, the seeds of validation routes, "
                "and leave choose: last out"
            )
        return self

    @property
    def chooses_by_score(self) -> bool:
        """Whether the round with the best driving score is the result, and not the last."""
        return bool(self.drive) and self.choose != "last"

    def mix_of(self, number: int) -> float:
        """The probability with which the expert drives a stretch in a round.

        Args:
            number: of the round, from 1.
        """
        return self.mix[min(number, len(self.mix)) - 1]

    def training(self, number: int) -> dict[str, Any]:
        """The settings of a round's training, without its data.

        Args:
            number: of the round, from 0.
        """
        return merged(self.train, self.train_on) if number else dict(self.train)
