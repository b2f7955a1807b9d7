"""What a map of a town shows to who looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from auxdrive.types import Float64

from auxdrive_eval.world import Point


class LaneLine(NamedTuple):
    """A lane as a map shows it.

    Attributes:
        centreline: float64 (N, 2), metres.
        width_m: width of the lane.
    """

    centreline: Float64
    width_m: float


StopLine = tuple[Point, Point]
"""The line at which cars stop: its left and right end, as seen by a driver who approaches it."""


@dataclass(frozen=True, slots=True)
class TownMap:
    """What a town's map shows.

    Attributes:
        lanes: all of them.
        lights: the stop line of each traffic light.
        stop_signs: the stop line of each stop sign.

    Examples:
        >>> from auxdrive_eval import make_simulator, SimulatorSettings
        >>> simulator = make_simulator(SimulatorSettings(), sensors=False)
        >>> town = simulator.town_map("EmbeddedTown1000")
        >>> town.lanes[0].centreline.shape[1]
        2
    """

    lanes: tuple[LaneLine, ...]
    lights: tuple[StopLine, ...] = ()
    stop_signs: tuple[StopLine, ...] = ()
