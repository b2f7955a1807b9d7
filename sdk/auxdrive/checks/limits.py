"""What a model may be asked and what it may answer: the limits that `verify` holds a bundle to, and
the predictor every call.

They are a floor, not a safety envelope: an answer within them may still be wrong. Legend: T
waypoints.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auxdrive.cards import InputRange, ModelCard, Task
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

MAX_TARGET_M = 1000.0
"""No planner of a road vehicle gives a next goal that is farther away in x or y."""

ANY_VEHICLE = {
    "speed_mps": InputRange(low=(-MAX_SPEED_MPS,), high=(MAX_SPEED_MPS,)),
    "target_ego_m": InputRange(
        low=(-MAX_TARGET_M, -MAX_TARGET_M), high=(MAX_TARGET_M, MAX_TARGET_M)
    ),
}
"""By name of the input: what holds for every vehicle, and alone where a card states no training
ranges.
"""

RANGE_MARGIN = 0.1
"""An input may leave the range that was trained on by this share of the range's width on either
side, ...
"""
LEAST_MARGIN = {"speed_mps": 0.5, "target_ego_m": 1.0}
"""... and by at least this, in the input's unit: recordings at one speed have no width."""


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


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one input's columns, margins included; `trained` says whether they come from
    training.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    trained: bool


def input_bounds(card: ModelCard) -> dict[str, Bounds]:
    """The bounds of a card's ego inputs; see `bounds_of`."""
    return bounds_of([spec.name for spec in card.inputs], card.input_ranges)


def bounds_of(inputs: Iterable[str], ranges: Mapping[str, InputRange] | None) -> dict[str, Bounds]:
    """By name of the ego inputs among `inputs`: what each may be without a flag. Where no training
    ranges are known, that is `ANY_VEHICLE`, and no training range reaches beyond it.
    """
    return {
        name: _bounds(name, None if ranges is None else ranges[name])
        for name in inputs
        if name in ANY_VEHICLE
    }


def _bounds(name: str, trained: InputRange | None) -> Bounds:
    outer = ANY_VEHICLE[name]
    if trained is None:
        return Bounds(outer.low, outer.high, trained=False)
    low, high = [], []
    for least, most, lowest, highest in zip(
        trained.low, trained.high, outer.low, outer.high, strict=True
    ):
        margin = max(LEAST_MARGIN[name], RANGE_MARGIN * (most - least))
        low.append(max(least - margin, lowest))
        high.append(min(most + margin, highest))
    return Bounds(tuple(low), tuple(high), trained=True)
