"""The settings of a recording, from a user or from the recording's folder, and the assignment of
episodes to splits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from auxdrive.data.dataset import SPLIT_NAME
from auxdrive.errors import DataError, UsageError
from auxdrive.mistakes import mistakes_of
from auxdrive.modalities import Modality
from auxdrive.strict import Strict, read_model, without_empty
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from auxdrive_eval.conditions import parse_conditions
from auxdrive_eval.routes.plan import COLLECT_SEEDS
from auxdrive_eval.simulators.settings import SimulatorSettings

SETTINGS_NAME = "collect.json"
BLOCK = 10
"""Of so many consecutive episodes, one is for validation and one for the test."""


class StudentSettings(Strict):
    """Who drove beside the expert while a data set was recorded.

    Attributes:
        name: of the student's folder.
        sha256: hash of everything that it consists of.
        role: which network of a run.
        controller: that turned its predictions into controls; None for that of its task.
        mix: the probability with which the expert drove a stretch.
        ahead: whether it was recorded where the expert would be from each frame on.
    """

    name: str
    sha256: str
    role: str
    controller: str | None
    mix: float = Field(ge=0, lt=1)
    ahead: bool = True


class CollectSettings(Strict):
    """The settings that decide what a recording holds. Give either `episodes` or `frames`; `frames`
    is a minimum.

    Attributes:
        simulator: what drives and senses.
        modalities: what is recorded.
        rate_hz: frames per second of game time; the simulator's ticks are a multiple.
        seed: of routes, traffic, disturbances and splits.
        route_seeds: seeds of the routes and their towns.
        episodes: how many to record.
        frames: at least how many to record.
        max_episode_s: longest duration of an episode, in game time.
        perturb: whether the steering is disturbed at times.
        perturb_speed: whether the car accelerates at times whatever the expert wants. None, and not
            in the file, for no.
        lidar_points: whether the points of the LiDAR are recorded too.
        delay_starts: the probability with which the car is held for a while where it stands and the
            expert would go. None, and not in the file, holds it nowhere.
        delay_brakes: the probability with which the car rolls on for a moment where the expert
            brakes; None, and not in the file, lets it roll nowhere.
        split: put all episodes in the split of this name; None divides them into 'train', 'val' and
            'test'.
        split_by: what is held out as a whole: 'episode', or 'town' with all its episodes.
        conditions: of the weather, which take turns (`auxdrive_eval.conditions`); none leaves the
            routes in the weathers of their seeds.
        student: who drove beside the expert. None, and not in the file, where the expert alone
            drove.

    Examples:
        >>> from auxdrive.modalities import Modality
        >>> from auxdrive_eval import CollectSettings
        >>> settings = CollectSettings(modalities=(Modality.RGB,), frames=1000, rate_hz=5.0)
        >>> settings.ticks_per_frame
        4
    """

    simulator: SimulatorSettings = Field(default_factory=SimulatorSettings)
    modalities: tuple[Modality, ...]
    rate_hz: float = Field(default=4.0, gt=0)
    seed: int = Field(default=0, ge=0)
    route_seeds: tuple[int, ...] = tuple(COLLECT_SEEDS)
    episodes: int | None = Field(default=None, ge=1)
    frames: int | None = Field(default=None, ge=1)
    max_episode_s: float = Field(default=60.0, gt=0)
    perturb: bool = True
    perturb_speed: bool | None = None
    lidar_points: bool = False
    delay_starts: float | None = Field(default=None, gt=0, le=1)
    delay_brakes: float | None = Field(default=None, gt=0, le=1)
    split: str | None = None
    split_by: Literal["episode", "town"] = "episode"
    conditions: tuple[str, ...] = ()
    student: StudentSettings | None = None

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_empty(
            handler(self), "student", "delay_starts", "delay_brakes", "perturb_speed"
        )

    @field_validator("conditions")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return parse_conditions(names)
        except UsageError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if (self.episodes is None) == (self.frames is None):
            raise ValueError("give the number of episodes or of frames")
        if not self.route_seeds:
            raise ValueError("there are no route seeds")
        if self.split is not None and not re.fullmatch(SPLIT_NAME, self.split):
            raise ValueError(
                f"a split's name is a letter and up to 30 letters, digits and _, not {self.split!r}"
            )
        check_frames(self.simulator, self.modalities, self.rate_hz, self.lidar_points)
        return self

    @property
    def ticks_per_frame(self) -> int:
        """Simulator ticks from one recorded frame to the next."""
        return ticks_of(self.simulator, self.rate_hz)


def ticks_of(simulator: SimulatorSettings, rate_hz: float) -> int:
    """Simulator ticks from one recorded frame to the next.

    Args:
        simulator: whose ticks are counted.
        rate_hz: frames per second of game time.
    """
    return round(1 / (rate_hz * simulator.options.tick_s))


def check_frames(
    simulator: SimulatorSettings,
    modalities: Sequence[Modality],
    rate_hz: float,
    lidar_points: bool = False,
) -> None:
    """Refuse frames that a simulator cannot give.

    Args:
        simulator: that senses.
        modalities: what is to be recorded.
        rate_hz: frames per second of game time.
        lidar_points: whether the points of the LiDAR are to be recorded.

    Raises:
        ValueError: it does not sense them, or its ticks are no fraction of the rate's period.
    """
    sensed = simulator.spec.sensors
    unknown = [modality.value for modality in modalities if modality not in sensed]
    if unknown or not modalities or len(set(modalities)) != len(modalities):
        raise ValueError(
            f"record some of {', '.join(sensed)}, each once; the other modalities are derived "
            "from these, where they can be had"
        )
    if lidar_points and not simulator.spec.lidar_points:
        raise ValueError(f"{simulator.spec.title} gives no LiDAR points")
    tick_s = simulator.options.tick_s
    ticks = 1 / (rate_hz * tick_s)
    if ticks < 1 - 1e-9 or abs(ticks - round(ticks)) > 1e-9:
        raise ValueError(
            f"{rate_hz} Hz is not a whole number of the simulator's ticks of {tick_s} s"
        )


def recorded_by_default(simulator: SimulatorSettings) -> tuple[Modality, ...]:
    """What a simulator's recording holds where nobody chooses."""
    return simulator.spec.recorded or simulator.spec.sensors


def collect_settings(
    simulator: SimulatorSettings | None = None,
    modalities: Sequence[Modality] | None = None,
    **values: object,
) -> CollectSettings:
    """Settings from a user's values.

    Args:
        simulator: None is the embedded simulator with its defaults.
        modalities: what to record; None is what the simulator records by default
            (`SimulatorSpec.recorded`).
        values: the other fields of `CollectSettings`, by their names; `episodes` or `frames` must
            be among them.

    Raises:
        UsageError: values are not possible; the message names every mistake.

    Examples:
        >>> from auxdrive_eval import SimulatorSettings, collect_settings
        >>> simulator = SimulatorSettings(options={"traffic": 5})
        >>> settings = collect_settings(simulator, frames=1000)
        >>> [modality.value for modality in settings.modalities]
        ['rgb', 'depth', 'segmentation', 'lidar']
    """
    simulator = simulator or SimulatorSettings()
    recorded = recorded_by_default(simulator) if modalities is None else tuple(modalities)
    try:
        return CollectSettings.model_validate(
            {"simulator": simulator, "modalities": recorded, **values}
        )
    except ValidationError as error:
        raise UsageError("; ".join(mistakes_of(error, CollectSettings))) from None


def read_settings(path: Path) -> CollectSettings:
    """Read the settings of a recording.

    Raises:
        DataError: they cannot be read.
    """
    try:
        return read_model(path, CollectSettings)
    except DataError as error:
        raise DataError(f"{error}\nChoose another --out") from error


def divided(indices: list[int], seed: int) -> dict[str, list[int]]:
    """Divide numbers into 'train', 'val' and 'test', which may be empty, as
    `auxdrive_eval.collecting.planning.splits_of` says.

    Args:
        indices: ascending.
        seed: of the draw.
    """
    held: dict[str, set[int]] = {"val": set(), "test": set()}
    for index in indices:
        places = held_out(seed, index // BLOCK)
        for name, place in zip(held, places, strict=True):
            if index % BLOCK == place:
                held[name].add(index)
    for taken_so_far, name in enumerate(held, start=1):
        free = [index for index in indices if not any(index in taken for taken in held.values())]
        if not held[name] and len(indices) > taken_so_far and free:
            held[name] = {free[-1]}
    chosen = set().union(*held.values())
    return {
        "train": [index for index in indices if index not in chosen],
        **{name: sorted(taken) for name, taken in held.items()},
    }


def held_out(seed: int, block: int) -> tuple[int, int]:
    """The positions of the validation and the test episode within a block of ten.

    Args:
        seed: of the draw.
        block: number of the block.
    """
    places = np.random.default_rng([seed, block]).choice(BLOCK, size=2, replace=False)
    return int(places[0]), int(places[1])
