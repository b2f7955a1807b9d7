"""Bench2Drive's driving efficiency and smoothness.

Legend: N samples, 0.1 s apart; vectors are (x, y, z) in CARLA's world frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from auxdrive.extras import needed_by_library
from auxdrive.types import AnyArray, Float64

SAMPLE_S = 0.1
PER_SEGMENT = 20
_WINDOW, _ORDER = 7, 2
MAX_SHARE_PERCENT = 1000.0
"""Min speed percentages above this are left out of the efficiency."""
LONGITUDINAL_MPS2 = (-4.05, 2.40)
LATERAL_MPS2 = 4.89
JERK_MPS3 = 8.37
LONGITUDINAL_JERK_MPS3 = 4.13
YAW_RATE, YAW_ACCELERATION = 0.95, 1.93


@dataclass(frozen=True, slots=True)
class Motion:
    """How the ego moved.

    Attributes:
        acceleration: float64 (N, 2), x and y, m/s^2.
        forward: float64 (N, 2), x and y of the unit vector ahead.
        right: float64 (N, 2), x and y of the unit vector to the right.
        yaw_rate: float64 (N,), as CARLA gives it: degrees per second.
    """

    acceleration: Float64
    forward: Float64
    right: Float64
    yaw_rate: Float64

    def __len__(self) -> int:
        return len(self.yaw_rate)

    def part(self, start: int, stop: int) -> Motion:
        """The samples from `start` up to `stop`, without it.

        Args:
            start: first sample.
            stop: the one after the last.
        """
        return Motion(
            self.acceleration[start:stop],
            self.forward[start:stop],
            self.right[start:stop],
            self.yaw_rate[start:stop],
        )


def efficiency(percentages: Iterable[Sequence[float]]) -> float | None:
    """The mean over the routes of the mean of their min speed percentages. Those above
    `MAX_SHARE_PERCENT` and routes without any are left out; None if nothing is left.

    Args:
        percentages: of each route.
    """
    kept = [[value for value in route if value <= MAX_SHARE_PERCENT] for route in percentages]
    means = [sum(route) / len(route) for route in kept if route]
    return sum(means) / len(means) if means else None


def smoothness(motion: Motion, *, corrected: bool = False) -> float | None:
    """The share of segments of 20 samples in which every limit is kept; a short last segment is
    left out, but for a drive that has no other. None for fewer than 3 samples.

    As Bench2Drive's own, this compares the yaw rate in degrees per second with limits in radians,
    and takes it for the yaw acceleration too.

    Args:
        motion: N samples.
        corrected: whether the yaw rate is turned into radians per second, and differentiated for
            the yaw acceleration.
    """
    count = len(motion)
    if count <= _ORDER:
        return None
    if count <= PER_SEGMENT:
        return float(_is_smooth(motion, corrected))
    starts = range(0, count - PER_SEGMENT + 1, PER_SEGMENT)
    passed = [_is_smooth(motion.part(start, start + PER_SEGMENT), corrected) for start in starts]
    return sum(passed) / len(passed)


def _is_smooth(motion: Motion, corrected: bool) -> bool:
    with needed_by_library("Bench2Drive's smoothness", "sim"):
        from scipy.signal import savgol_filter
    window = min(_WINDOW, len(motion))

    def smooth(values: Float64, derivative: int = 0) -> Float64:
        return np.asarray(
            savgol_filter(values, window, _ORDER, deriv=derivative, delta=SAMPLE_S), np.float64
        )

    lateral = smooth(np.einsum("ij,ij->i", motion.acceleration, motion.right))
    along = smooth(np.einsum("ij,ij->i", motion.acceleration, motion.forward))
    magnitude = smooth(np.hypot(motion.acceleration[:, 0], motion.acceleration[:, 1]))
    turned = np.radians(motion.yaw_rate) if corrected else _unwrapped(motion.yaw_rate)
    yaw_rate = smooth(turned)
    yaw_acceleration = smooth(turned, 1) if corrected else yaw_rate
    limits = (
        (along, *LONGITUDINAL_MPS2),
        (lateral, -LATERAL_MPS2, LATERAL_MPS2),
        (smooth(magnitude, 1), -JERK_MPS3, JERK_MPS3),
        (smooth(along, 1), -LONGITUDINAL_JERK_MPS3, LONGITUDINAL_JERK_MPS3),
        (yaw_acceleration, -YAW_ACCELERATION, YAW_ACCELERATION),
        (yaw_rate, -YAW_RATE, YAW_RATE),
    )
    return all(bool(((low < values) & (values < high)).all()) for values, low, high in limits)


def _unwrapped(values: Float64) -> Float64:
    """Without jumps of whole turns, as if the values were angles in radians."""
    turns = np.zeros_like(values)
    turns[1:] = np.cumsum(np.round(np.diff(values) / (2 * np.pi)))
    return values - 2 * np.pi * turns


def motion_of_path(trace: AnyArray) -> Motion:
    """The motion along a driven path. A path holds no accelerations and no yaw rates, so they are
    differences of its speeds and headings.

    Args:
        trace: (N,) with `time_s`, `yaw_rad` and `speed_mps`, one row for each tick.
    """
    if len(trace) < 2:
        return Motion(np.empty((0, 2)), np.empty((0, 2)), np.empty((0, 2)), np.empty(0))
    tick_s = float(np.median(np.diff(trace["time_s"])))
    rows = trace[:: max(1, round(SAMPLE_S / tick_s))]
    if len(rows) < 2:
        return Motion(np.empty((0, 2)), np.empty((0, 2)), np.empty((0, 2)), np.empty(0))
    yaw = np.unwrap(rows["yaw_rad"].astype(np.float64))
    forward = np.stack([np.cos(yaw), np.sin(yaw)], axis=1)
    right = np.stack([np.sin(yaw), -np.cos(yaw)], axis=1)
    velocity = rows["speed_mps"].astype(np.float64)[:, None] * forward
    time_s = rows["time_s"].astype(np.float64)
    acceleration = np.gradient(velocity, time_s, axis=0)
    return Motion(acceleration, forward, right, np.gradient(yaw, time_s) * (180.0 / math.pi))
