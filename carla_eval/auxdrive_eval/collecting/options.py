"""The settings of a recording as files give them, by the names of the options of `auxdrive
collect`:

collect:
  frames: 12000
  modalities: rgb
  size: 128x72
  sim_option: {expert: sighted}
  delay_starts: 0.5
"""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from auxdrive.cards import CameraSpec
from auxdrive.errors import UsageError
from auxdrive.modalities import Modality
from auxdrive.strict import Strict
from pydantic import Field, field_validator, model_validator

from auxdrive_eval.collecting.settings import CollectSettings, collect_settings
from auxdrive_eval.conditions import parse_conditions
from auxdrive_eval.routes.plan import parse_seeds
from auxdrive_eval.simulators import DEFAULT_SIMULATOR
from auxdrive_eval.simulators.settings import SimulatorSettings, simulator_settings

_OF_THE_SIMULATOR = ("traffic", "town", "host", "port", "carla_root", "scenarios")


class CollectOptions(Strict):
    """A recording of the expert. Give either `frames`, a minimum, or `episodes`; what else is not
    given is as in `auxdrive collect`.

    Examples:
        >>> from auxdrive_eval.collecting.options import CollectOptions
        >>> options = CollectOptions(frames=1000, sim_option={"expert": "sighted"})
        >>> options.settings().simulator.options.expert.value
        'sighted'
    """

    frames: int | None = Field(default=None, ge=1, description="the least number of frames")
    episodes: int | None = Field(
        default=None, ge=1, description="the number of episodes, in place of `frames`"
    )
    modalities: tuple[Modality, ...] | None = Field(
        default=None, description="what is recorded; default: what the simulator records by itself"
    )
    size: str | None = Field(
        default=None, description="of the image, as 128x72; default: the simulator's own"
    )
    rate_hz: float = Field(default=4.0, gt=0, description="frames per second of game time")
    sim: str = Field(default=DEFAULT_SIMULATOR, description="the simulator")
    sim_option: dict[str, Any] = Field(
        default={}, description="its options by name, such as `{expert: sighted}`"
    )
    traffic: int | None = Field(default=None, ge=0, description="number of moving cars")
    town: str | None = Field(default=None, description="a map or a town, by the simulator")
    host: str | None = Field(default=None, description="of CARLA's server")
    port: int | None = Field(default=None, description="of CARLA's server")
    carla_root: str | None = Field(default=None, description="an installed CARLA")
    scenarios: str | None = Field(default=None, description="traffic situations, or `all`")
    route_seeds: str = Field(default="0-999", description="seeds of the routes and their towns")
    max_episode_s: float = Field(
        default=60.0, gt=0, description="longest duration of an episode, in game time"
    )
    perturb: bool = Field(default=True, description="disturb the steering at times")
    perturb_speed: bool = Field(default=False, description="accelerate at times")
    delay_starts: float | None = Field(
        default=None, ge=0, le=1, description="the share of starts that are delayed"
    )
    delay_brakes: float | None = Field(
        default=None, ge=0, le=1, description="the share of braking that is delayed"
    )
    lidar_points: bool = Field(default=False, description="record the points of the LiDAR too")
    split_by: Literal["episode", "town"] = Field(
        default="episode", description="what val and test hold out as a whole"
    )
    conditions: tuple[str, ...] = Field(
        default=(), description="of light and weather, which take turns"
    )
    seed: int = Field(default=0, ge=0, description="of routes, traffic and disturbances")

    @field_validator("conditions")
    @classmethod
    def _are_conditions(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            parse_conditions(names)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return names

    @field_validator("size", "route_seeds")
    @classmethod
    def _is_written_so(cls, text: str | None, info: Any) -> str | None:
        try:
            if text is not None:
                (size_of if info.field_name == "size" else parse_seeds)(text)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return text

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        try:
            self.settings()
        except UsageError as error:
            raise ValueError(str(error)) from None
        return self

    def settings(self) -> CollectSettings:
        """The settings of the recording, equal to those of `auxdrive collect` with these options.

        Raises:
            UsageError: values do not go together, or the simulator has no such options.
            DataError: a map cannot be read.
        """
        return collect_settings(
            simulator=self._simulator(),
            modalities=self.modalities,
            route_seeds=parse_seeds(self.route_seeds),
            delay_starts=self.delay_starts or None,
            perturb_speed=self.perturb_speed or None,
            delay_brakes=self.delay_brakes or None,
            conditions=parse_conditions(self.conditions),
            **{name: getattr(self, name) for name in _AS_THEY_ARE},
        )

    def _simulator(self) -> SimulatorSettings:
        own = {name: getattr(self, name) for name in _OF_THE_SIMULATOR}
        own = {name: value for name, value in own.items() if value is not None}
        if both := [name for name in own if name in self.sim_option]:
            raise UsageError(f"give {both[0]} or sim_option.{both[0]}, not both")
        chosen = simulator_settings(self.sim, {**self.sim_option, **own})
        return chosen if self.size is None else sized(chosen, self.size)


_AS_THEY_ARE = (
    "frames", "episodes", "rate_hz", "max_episode_s", "perturb", "lidar_points", "split_by", "seed",
)  # fmt: skip
"""Options whose values are those of the settings of the same name."""


def size_of(text: str, option: str = "size") -> tuple[int, int]:
    """Width and height of an image, as people write them.

    Args:
        text: such as 256x144.
        option: that was given, for the message.

    Raises:
        UsageError: it is written otherwise, or a number is not from 16 to 4096.
    """
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if match is None or not all(16 <= int(number) <= 4096 for number in match.groups()):
        raise UsageError(
            f"{option} {text}: write width x height in pixels, each from 16 to 4096, such as "
            "256x144"
        )
    return int(match[1]), int(match[2])


def sized(simulator: SimulatorSettings, size: str, option: str = "size") -> SimulatorSettings:
    """A simulator whose camera gives images of another size.

    Args:
        simulator: with its own camera.
        size: see `size_of`.
        option: that was given, for the message.

    Raises:
        UsageError: see `size_of`.
    """
    camera: CameraSpec = simulator.options.camera
    width, height = size_of(size, option)
    return simulator.with_camera(camera.model_copy(update={"width": width, "height": height}))
