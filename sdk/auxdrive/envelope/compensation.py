"""Compensates the delay between a frame and the command that follows from it: the waypoints, which
are given in the ego frame of that moment, are moved into the ego frame of now.

Legend: T waypoints. Ego frame: x forward, y left.
"""

from __future__ import annotations

import math

import numpy as np

from auxdrive.checks.limits import MAX_SPEED_MPS
from auxdrive.types import Prediction

MAX_DELAY_S = 10.0
"""The largest `ControllerOptions.max_age_s`: nobody drives by a prediction that is older."""
MAX_YAW_RATE_RADPS = 10.0
"""No vehicle turns faster."""


def delay_of(prediction: Prediction, age_s: float, speed_mps: float) -> float:
    """The time by which a prediction is to be moved; 0 where it is not to be.

    Args:
        prediction: the newest one.
        age_s: the time since its frame; it need not be finite.
        speed_mps: measured; it need not be finite.
    """
    if prediction.waypoints_ego_m is None or not abs(speed_mps) <= MAX_SPEED_MPS:
        return 0.0
    return age_s if 0.0 < age_s <= MAX_DELAY_S else 0.0


def at_now(
    prediction: Prediction, delay_s: float, speed_mps: float, yaw_rate_radps: float
) -> Prediction:
    """A prediction as seen from where the ego is now, if it has driven along a circle since.

    The ego turns by the angle a = yaw rate * delay and drives the chord of an arc of the length
    speed * delay, in the direction a / 2. Waypoints that it should have reached by now are left out
    as long as two remain. `time_s` and `waypoint_times_s` stay: the former is still the frame's
    time, and the latter are seconds after it.

    Args:
        prediction: of waypoints; any other, and one whose waypoints are no array (T, 2) of floating
            numbers, is returned as it is.
        delay_s: since its frame, from 0 to `MAX_DELAY_S`.
        speed_mps: the ego's speed, finite.
        yaw_rate_radps: at which it turns, positive to the left, finite.
    """
    waypoints = prediction.waypoints_ego_m
    if (
        type(waypoints) is not np.ndarray
        or waypoints.dtype.kind != "f"
        or waypoints.ndim != 2
        or waypoints.shape[1] != 2
        or not len(waypoints)
    ):
        return prediction
    turn = min(max(yaw_rate_radps, -MAX_YAW_RATE_RADPS), MAX_YAW_RATE_RADPS) * delay_s
    half = 0.5 * turn
    chord_m = speed_mps * delay_s * (math.sin(half) / half if half else 1.0)
    cos, sin = math.cos(turn), math.sin(turn)
    x_m, y_m = chord_m * math.cos(half), chord_m * math.sin(half)
    # As `frames.world_to_ego`, but in plain numbers: for a few points they are several times as
    # fast, and what is not finite makes no warnings. The controller refuses it.
    numbers: list[float] = []
    for x, y in waypoints.tolist():
        x, y = x - x_m, y - y_m
        numbers += (cos * x + sin * y, cos * y - sin * x)
    moved = np.array(numbers).reshape(-1, 2)
    times = prediction.waypoint_times_s
    if passed := _passed(times, delay_s, len(moved)):
        moved, times = moved[passed:], times[passed:]
    return Prediction(
        prediction.time_s,
        prediction.latency_ms,
        prediction.steer_rad,
        moved,
        times,
        prediction.flags,
        prediction.reason,
        prediction.values,
        prediction.ood_score,
    )


def _passed(times_s: tuple[float, ...], delay_s: float, count: int) -> int:
    """How many waypoints lie in the past and can be left out; 0 where the times are none of
    `count` waypoints, which the controller refuses.
    """
    if type(times_s) is not tuple or len(times_s) != count:
        return 0
    passed = 0
    while passed < count - 2 and type(at := times_s[passed]) is float and at <= delay_s:
        passed += 1
    return passed
