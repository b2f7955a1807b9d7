"""What goes into a predictor and what comes out of it. These are plain classes with slots, and no
pydantic models, because the vehicle makes them for every frame.

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

from auxdrive.output_form import OutputForm

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]
UInt16 = NDArray[np.uint16]
AnyArray = NDArray[Any]


class Flag(StrEnum):
    """What is wrong with a prediction. A prediction with a flag of `WITHHOLDING` is empty.

    Attributes:
        NON_FINITE_OUTPUT: the model gave NaN or infinity; its output is withheld.
        OUTPUT_LIMIT: the output is larger than the limits of `auxdrive.checks.limits`, to which
            `auxdrive verify` holds a bundle too; it is withheld.
        RUNTIME_FAILURE: the runtime failed while it ran the graph; there is no output.
        INPUT_OUT_OF_RANGE: the speed or the target point lies outside what the model was trained
            on. The prediction is given, but it is a guess.
        OUT_OF_DISTRIBUTION: the image looks unlike those that the model was trained on: its
            `ood_score` exceeds the card's threshold. The prediction is given, but it is a guess.

    Examples:
        >>> from auxdrive import Flag, Prediction
        >>> flags = frozenset({Flag.INPUT_OUT_OF_RANGE})
        >>> guess = Prediction(time_s=0.0, latency_ms=4.0, steer_rad=0.1, flags=flags)
        >>> Flag.OUTPUT_LIMIT in guess.flags
        False
    """

    NON_FINITE_OUTPUT = "non_finite_output"
    OUTPUT_LIMIT = "output_limit"
    RUNTIME_FAILURE = "runtime_failure"
    INPUT_OUT_OF_RANGE = "input_out_of_range"
    OUT_OF_DISTRIBUTION = "out_of_distribution"


WITHHOLDING = frozenset({Flag.NON_FINITE_OUTPUT, Flag.OUTPUT_LIMIT, Flag.RUNTIME_FAILURE})
"""Flags of predictions that hold no output. A controller can only stop the car on them."""


def _equal(one: Any, other: Any) -> bool:
    """Whether two values of a field are equal; of arrays dtype, shape and content must be."""
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
    # Other libraries' arrays give no single truth value, or refuse: an Observation takes them, a
    # predictor does not.
    except Exception:  # noqa: BLE001
        return False


def _hashed(what: type, *values: object) -> int:
    """A hash, even where a value has none: a time may be an array without axes, which cannot be
    hashed.
    """
    try:
        return hash((what, *values))
    except TypeError:
        return hash(what)


def _all_equal(one: Any, other: Any) -> bool:
    """Whether two objects of one class are equal in every field that takes part in comparisons."""
    return all(
        _equal(getattr(one, part.name), getattr(other, part.name))
        for part in fields(one)
        if part.compare
    )


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What the vehicle knows at one instant. Two observations are equal if all their fields are,
    images pixel by pixel.

    Attributes:
        image: uint8 RGB (H, W, 3), as the camera gives it. A wrong order of the channels cannot be
            detected: OpenCV's images are BGR, which `cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)` or
            `frame[..., ::-1]` turns into RGB.
        time_s: capture time in seconds, on a monotonic clock or since 1970.
        speed_mps: forward speed; needed by models whose card declares it.
        target_ego_m: target point (x forward, y left) in the ego frame; needed by models whose
            card declares it.
        command: route command (the number of a `RoadOption`). `auxdrive drive` fills in this and
            what follows, for agents of your own too.
        next_targets_ego_m: the two target points after that one, (x, y, x, y) in the ego frame.
        next_command: the route command at the first of these.
        standing_s: how long the vehicle has stood still; 0 while it moves (see
            `auxdrive.standing.StandingTime`).
        moving_s: how long it has moved since it last stood still; 0 while it stands, at most 10
            (likewise).
        last_target_ego_m: the target point that was passed last, in the ego frame.
        last_command: the route command there, which holds until the next.

    Examples:
        >>> import numpy as np
        >>> from auxdrive import Observation
        >>> image = np.zeros((240, 320, 3), np.uint8)
        >>> seen = Observation(image, time_s=12.5, speed_mps=4.0, target_ego_m=(20.0, 1.5))
        >>> seen.command is None
        True
    """

    image: UInt8
    time_s: float
    speed_mps: float | None = None
    target_ego_m: tuple[float, float] | None = None
    command: int | None = None
    next_targets_ego_m: tuple[float, float, float, float] | None = None
    next_command: int | None = None
    standing_s: float | None = None
    moving_s: float | None = None
    last_target_ego_m: tuple[float, float] | None = None
    last_command: int | None = None

    def __eq__(self, other: object) -> bool:
        """Whether all fields are equal."""
        return _all_equal(self, other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        """Of the time alone, since the content of an image can change."""
        return _hashed(Observation, self.time_s)


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a model predicts from one observation. Two predictions are equal if time, prediction and
    flags are; `latency_ms`, `reason` and `ood_score` do not count.

    Attributes:
        time_s: the observation's time.
        latency_ms: wall time of the call.
        steer_rad: road-wheel angle, positive left, for steering models.
        waypoints_ego_m: float32 (T, 2), x forward and y left, for waypoint models.
        waypoint_times_s: when each waypoint is to be reached, seconds after `time_s`.
        flags: what is wrong with it; empty when nothing is.
        reason: why it is flagged, as a sentence for people; empty when it is not.
        values: for models of other tasks, float32 arrays (any shape) by the name of the output.
        ood_score: how unlike the training images this one is: about 1 for those, larger for others
            (the card's `ood` says from where on it is flagged). None for models without the score,
            where it is not finite (which is flagged), and where the runtime failed.
        class_names: of the classes, for models that tell classes apart.

    Examples:
        >>> from auxdrive import Prediction
        >>> prediction = Prediction(time_s=12.5, latency_ms=3.1, steer_rad=0.05)
        >>> prediction.is_empty
        False
    """

    time_s: float
    latency_ms: float = field(compare=False)
    steer_rad: float | None = None
    waypoints_ego_m: Float32 | None = None
    waypoint_times_s: tuple[float, ...] = ()
    flags: frozenset[Flag] = field(default_factory=frozenset)
    reason: str = field(default="", compare=False)
    values: Mapping[str, Float32] = field(default_factory=dict)
    ood_score: float | None = field(default=None, compare=False)
    class_names: tuple[str, ...] = ()

    @property
    def form(self) -> OutputForm:
        """What the model's card says of its output."""
        return OutputForm(self.waypoint_times_s, self.class_names)

    @property
    def is_empty(self) -> bool:
        """Whether it holds no output of the model, as when that was withheld."""
        return self.steer_rad is None and self.waypoints_ego_m is None and not self.values

    def __eq__(self, other: object) -> bool:
        """Whether time, prediction and flags are equal."""
        return _all_equal(self, other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        """Of time and flags alone, since the content of arrays can change."""
        return _hashed(Prediction, self.time_s, self.flags)


@dataclass(frozen=True, slots=True)
class Control:
    """One actuator command.

    Attributes:
        steer_rad: road-wheel angle, positive left.
        throttle: 0 (none) to 1 (full).
        brake: 0 (none) to 1 (full).

    Examples:
        >>> from auxdrive import Control
        >>> Control(steer_rad=0.1, throttle=0.3, brake=0.0)
        Control(steer_rad=0.1, throttle=0.3, brake=0.0)
    """

    steer_rad: float
    throttle: float
    brake: float


class RoadOption(IntEnum):
    """Route commands: what the route does here. Numbered as in CARLA.

    Examples:
        >>> from auxdrive import RoadOption
        >>> RoadOption(4).name
        'LANE_FOLLOW'
    """

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
        x_m: first coordinate of the position.
        y_m: second coordinate of the position.
        yaw_rad: heading from the x axis, positive to the left (counter-clockwise).

    Examples:
        >>> from auxdrive import Pose2
        >>> Pose2(x_m=3.0, y_m=-1.0, yaw_rad=0.5).yaw_rad
        0.5
    """

    x_m: float
    y_m: float
    yaw_rad: float
