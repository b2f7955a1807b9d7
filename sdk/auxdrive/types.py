"""What goes into a predictor and comes out of it. Plain slotted classes: they stand on the vehicle's hot path.

Ego frame (ISO 8855 / REP-103): x forward, y left, z up; metres, radians, seconds; yaw and steering positive to the left.
Legend: H, W image rows and columns; T waypoints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]
AnyArray = NDArray[Any]


class Flag(StrEnum):
    """What happened to a prediction on its way."""

    NON_FINITE_OUTPUT = "non_finite_output"


@dataclass(frozen=True, slots=True)
class Observation:
    """What the vehicle knows at one instant.

    Attributes:
        image: uint8 RGB (H, W, 3), as the camera gives it.
        time_s: capture time, seconds on a monotonic clock.
        speed_mps: forward speed; needed by models whose card declares it.
        target_ego_m: next goal (x forward, y left) in the ego frame; needed by models whose card declares it.
        command: route command (CARLA's RoadOption number), for agents of your own; `drive` fills it in, and no bundle's model takes it.
    """

    image: UInt8
    time_s: float
    speed_mps: float | None = None
    target_ego_m: tuple[float, float] | None = None
    command: int | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model said of one observation.

    Attributes:
        time_s: the observation's time.
        latency_ms: wall time of the call.
        steer_rad: road-wheel angle, positive left, for steering models.
        waypoints_ego_m: float32 (T, 2), x forward and y left, for waypoint models.
        waypoint_times_s: when each waypoint is to be reached, seconds after `time_s`.
        flags: what happened on the way; empty when nothing did.
    """

    time_s: float
    latency_ms: float
    steer_rad: float | None = None
    waypoints_ego_m: Float32 | None = None
    waypoint_times_s: tuple[float, ...] = ()
    flags: frozenset[Flag] = field(default_factory=frozenset)


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
