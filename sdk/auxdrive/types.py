"""What goes into a predictor and comes out of it. Plain slotted classes: they stand on the
vehicle's hot path.

Ego frame (ISO 8855 / REP-103): x forward, y left, z up; metres, radians, seconds; yaw and steering
positive to the left. Legend: H, W image rows and columns; T waypoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]
UInt16 = NDArray[np.uint16]
AnyArray = NDArray[Any]


class Flag(StrEnum):
    """What happened to a prediction on its way. Those of `WITHHOLDING` leave it empty; the limits
    stand in `auxdrive.checks.limits`.

    NON_FINITE_OUTPUT: the model gave NaN or infinity, which is withheld. OUTPUT_LIMIT: the
    prediction broke the limits that `auxdrive verify` holds a bundle to, and is withheld.
    RUNTIME_FAILURE: the runtime failed while it ran the graph; there is no prediction.
    INPUT_OUT_OF_RANGE: speed or target point is not of the range that the model was trained on; the
    prediction is given, and is a guess.
    """

    NON_FINITE_OUTPUT = "non_finite_output"
    OUTPUT_LIMIT = "output_limit"
    RUNTIME_FAILURE = "runtime_failure"
    INPUT_OUT_OF_RANGE = "input_out_of_range"


WITHHOLDING = frozenset({Flag.NON_FINITE_OUTPUT, Flag.OUTPUT_LIMIT, Flag.RUNTIME_FAILURE})
"""Flags of predictions that hold nothing. A safe stop is what is left."""


def _equal(one: Any, other: Any) -> bool:
    """Equality of two values of a field; arrays are equal if type, shape and content are."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        both = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
        return both and one.dtype == other.dtype and bool(np.array_equal(one, other))
    if isinstance(one, tuple | list) and type(one) is type(other):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if one is other:
        return True
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001  # other libraries' arrays give no single truth value, or refuse: an Observation takes them, a predictor does not
        return False


def _hashed(what: type, *values: object) -> int:
    """A hash also where a value has none, as an array without axes, which is a legal time."""
    try:
        return hash((what, *values))
    except TypeError:
        return hash(what)


def _all_equal(one: Any, other: Any) -> bool:
    """Equality of two of a class by the fields that are compared."""
    return all(
        _equal(getattr(one, part.name), getattr(other, part.name))
        for part in fields(one)
        if part.compare
    )


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What the vehicle knows at one instant. Two are equal if all fields are, images pixel by
    pixel.

    Attributes:
        image: uint8 RGB (H, W, 3), as the camera gives it. The order cannot be seen from the
            numbers: OpenCV's images are BGR, and `cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)` or
            `frame[..., ::-1]` puts them right.
        time_s: capture time, seconds on a monotonic clock, or since 1970.
        speed_mps: forward speed; needed by models whose card declares it.
        target_ego_m: target point (x forward, y left) in the ego frame; needed by models whose
            card declares it.
        command: route command (a `RoadOption`'s number), for agents of your own; `drive` fills it
            in, and no bundle's model takes it.
    """

    image: UInt8
    time_s: float
    speed_mps: float | None = None
    target_ego_m: tuple[float, float] | None = None
    command: int | None = None

    def __eq__(self, other: object) -> bool:
        """Whether all fields are equal."""
        return _all_equal(self, other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        """By time alone, since an image can be changed."""
        return _hashed(Observation, self.time_s)


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a model predicts from one observation. Two are equal if they predict the same, however
    long it took.

    Attributes:
        time_s: the observation's time.
        latency_ms: wall time of the call.
        steer_rad: road-wheel angle, positive left, for steering models.
        waypoints_ego_m: float32 (T, 2), x forward and y left, for waypoint models.
        waypoint_times_s: when each waypoint is to be reached, seconds after `time_s`.
        flags: what happened on the way; empty when nothing did.
        reason: for people: why it is flagged; empty when it is not.
        values: float32 arrays by the name of the model's output, for models of other tasks.
    """

    time_s: float
    latency_ms: float = field(compare=False)
    steer_rad: float | None = None
    waypoints_ego_m: Float32 | None = None
    waypoint_times_s: tuple[float, ...] = ()
    flags: frozenset[Flag] = field(default_factory=frozenset)
    reason: str = field(default="", compare=False)
    values: Mapping[str, Float32] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether it holds no number of a model at all."""
        return self.steer_rad is None and self.waypoints_ego_m is None and not self.values

    def __eq__(self, other: object) -> bool:
        """Whether time, prediction and flags are equal."""
        return _all_equal(self, other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        """By time and flags, since arrays can be changed."""
        return _hashed(Prediction, self.time_s, self.flags)


@dataclass(frozen=True, slots=True)
class Control:
    """One actuator command.

    Attributes:
        steer_rad: road-wheel angle, positive left.
        throttle: 0..1.
        brake: 0..1.
    """

    steer_rad: float
    throttle: float
    brake: float


class RoadOption(IntEnum):
    """Route commands, numbered as CARLA's."""

    VOID = -1
    LEFT = 1
    RIGHT = 2
    STRAIGHT = 3
    LANE_FOLLOW = 4
    CHANGE_LANE_LEFT = 5
    CHANGE_LANE_RIGHT = 6


@dataclass(frozen=True, slots=True)
class Pose2:
    """A planar pose in a right-handed frame, z up.

    Attributes:
        x_m, y_m: position.
        yaw_rad: heading, positive to the left (counter-clockwise).
    """

    x_m: float
    y_m: float
    yaw_rad: float
