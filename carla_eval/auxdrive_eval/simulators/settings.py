"""Simulators by name, and the settings that make one in any process. One table; the command line's
choice derives from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auxdrive.cards import CameraSpec
from auxdrive.errors import UsageError, unknown_name
from auxdrive.strict import Strict
from pydantic import Field, field_validator

from auxdrive_eval.simulators.base import Simulator

if TYPE_CHECKING:
    from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator

DEFAULT_TRAFFIC = 20
TICK_S = 0.05
"""20 Hz, as the leaderboard."""


class SimulatorSettings(Strict):
    """What makes a simulator. `traffic` is the number of moving cars; `camera` None takes the
    simulator's own.
    """

    kind: str = "embedded"
    traffic: int = Field(default=DEFAULT_TRAFFIC, ge=0, le=500)
    camera: CameraSpec | None = None
    tick_s: float = TICK_S

    @field_validator("kind")
    @classmethod
    def _is_in_the_table(cls, kind: str) -> str:
        if kind not in SIMULATORS:
            raise ValueError(unknown_name("simulator", kind, SIMULATORS))
        return kind


def simulator_settings(
    kind: str, traffic: int, camera: CameraSpec | None = None
) -> SimulatorSettings:
    """Settings from what a user typed.

    Raises:
        UsageError: no such simulator, or a number of cars out of range.
    """
    if kind not in SIMULATORS:
        raise UsageError(unknown_name("simulator", kind, SIMULATORS))
    if not 0 <= traffic <= 500:
        raise UsageError(f"traffic is the number of moving cars, 0 to 500, got {traffic}")
    return SimulatorSettings(kind=kind, traffic=traffic, camera=camera)


def _embedded(settings: SimulatorSettings, camera: CameraSpec | None) -> EmbeddedSimulator:
    from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator

    return EmbeddedSimulator(camera=camera, traffic=settings.traffic, tick_s=settings.tick_s)


def _embedded_version() -> str:
    from auxdrive_eval.simulators.embedded.version import VERSION

    return VERSION


@dataclass(frozen=True, slots=True)
class SimulatorKind:
    """A row of the table: what makes one, and the version of its worlds."""

    make: Callable[[SimulatorSettings, CameraSpec | None], Simulator]
    version: Callable[[], str]


SIMULATORS: dict[str, SimulatorKind] = {"embedded": SimulatorKind(_embedded, _embedded_version)}


def simulator_version(kind: str) -> str:
    """The version of a simulator's worlds: two drives in equal versions are comparable, route by
    route.
    """
    return SIMULATORS[kind].version()


def make_simulator(settings: SimulatorSettings, camera: CameraSpec | None = None) -> Simulator:
    """The simulator of these settings. `camera` is what an agent must see through; it goes before
    the settings' own.
    """
    return SIMULATORS[settings.kind].make(settings, camera or settings.camera)
