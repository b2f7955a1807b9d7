"""What a model may answer: the limits that `verify` holds a bundle to, and the predictor each call.
What it may be asked stands in `auxdrive.ego`.

They are a floor, not a safety envelope: an answer within them may still be wrong. Legend: T
waypoints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auxdrive.cards import ModelCard, Task
    from auxdrive.steering import SteeringSpec

LOCK_MARGIN = 1.05
"""A steering output may exceed full lock by this factor: a regression has no hard end, and the
controller cuts it.
"""

MAX_SPEED_MPS = 70.0
"""No car that auxdrive drives is faster: waypoints farther away than this times their time are
wrong.
"""

FIRST_WAYPOINT_S, LAST_WAYPOINT_S = 0.01, 60.0
"""No planner's waypoints are nearer or farther in time: the limit on speed would mean nothing."""


@dataclass(frozen=True, slots=True)
class OutputLimit:
    """The largest figure that an answer may have; the figure is that of `output_figure`."""

    largest: float
    unit: str
    what: str


def output_limit(card: ModelCard) -> OutputLimit:
    """The limit of a card's answers; see `limit_of`."""
    return limit_of(card.task, card.steering)


def limit_of(task: Task, steering: SteeringSpec) -> OutputLimit:
    """Full lock with a margin, or no faster to any waypoint than a car can be."""
    if task == "steering":
        return OutputLimit(
            steering.max_road_wheel_deg * LOCK_MARGIN, "deg", "largest steering angle"
        )
    return OutputLimit(MAX_SPEED_MPS, "m/s", "largest mean speed to a waypoint")


def steering_figure(steer_rad: float) -> float:
    """The size of a steering angle in degrees; infinite where it is not finite."""
    return math.degrees(abs(steer_rad)) if math.isfinite(steer_rad) else math.inf


def waypoints_figure(waypoints_t2: Sequence[Sequence[float]], times_s: Sequence[float]) -> float:
    """The largest mean speed in m/s to any of the waypoints (T, 2) in metres; infinite where one is
    not finite.
    """
    largest = 0.0
    for (x_m, y_m), time_s in zip(waypoints_t2, times_s, strict=True):
        speed_mps = math.hypot(x_m, y_m) / time_s
        if not speed_mps < math.inf:
            return math.inf
        largest = max(largest, speed_mps)
    return largest


def output_figure(card: ModelCard, answer: Sequence[float] | Sequence[Sequence[float]]) -> float:
    """The figure of one answer, as nested Python lists: (1,) radians or (T, 2) metres. Infinite
    where it is not finite.
    """
    if card.task == "steering":
        return steering_figure(answer[0])  # type: ignore[arg-type]
    return waypoints_figure(answer, card.waypoint_times_s)  # type: ignore[arg-type]
