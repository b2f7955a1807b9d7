"""Plane curves as polylines: sampling, smoothing, parallels, and curves that connect lanes.

Legend: N points along a curve, float64 (N, 2); yaw float64 (N,), radians, continuous along the
curve (without jumps of a full turn).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from auxdrive.geometry import cumulative_length
from auxdrive.types import Float64

DENSE_M = 0.25


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve sampled in equal steps: points (N, 2), arclength (N,), yaw_rad (N,)."""

    points: Float64
    arclength: Float64
    yaw_rad: Float64

    @property
    def length_m(self) -> float:
        """Length, metres."""
        return float(self.arclength[-1])


def headings(points: Float64) -> Float64:
    """Direction of travel at each point by central differences, continuous, float64 (N,)."""
    dx, dy = np.gradient(points[:, 0], edge_order=2), np.gradient(points[:, 1], edge_order=2)
    return np.asarray(np.unwrap(np.arctan2(dy, dx)))


def resample(points: Float64, spacing_m: float, yaw_rad: Float64 | None = None) -> Curve:
    """Sample a polyline in equal steps.

    Args:
        points: (N, 2), metres.
        spacing_m: about how long a step is; the steps divide the polyline evenly.
        yaw_rad: (N,), the headings at `points`, which are then interpolated; None computes headings
            from the new points.
    """
    along = cumulative_length(points)
    count = max(2, round(along[-1] / spacing_m) + 1)
    at = np.linspace(0.0, along[-1], count)
    out = np.stack([np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])], axis=1)
    return Curve(out, at, np.interp(at, along, yaw_rad) if yaw_rad is not None else headings(out))


def smooth(points: Float64, sigma_m: float) -> Float64:
    """A polyline smoothed by a Gaussian along its length. Its ends stay where they are.

    A corner of angle a becomes a bend whose smallest radius is sigma * sqrt(2 pi) / a, and whose
    curvature rises and falls smoothly.

    Args:
        points: (N, 2), metres.
        sigma_m: standard deviation of the Gaussian, as a length along the polyline.

    Returns:
        Points `DENSE_M` apart.
    """
    dense = resample(points, DENSE_M).points
    reach = min(int(4 * sigma_m / DENSE_M), len(dense) - 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * DENSE_M / sigma_m) ** 2)
    kernel /= kernel.sum()
    # Continuing the line by its point reflection at each end keeps the end points in place and,
    # where the ends are straight, also their direction.
    before = 2 * dense[0] - dense[reach:0:-1]
    after = 2 * dense[-1] - dense[-2 : -reach - 2 : -1]
    padded = np.concatenate([before, dense, after])
    return np.stack([np.convolve(padded[:, axis], kernel, mode="valid") for axis in (0, 1)], axis=1)


def offset(points: Float64, yaw_rad: Float64, left_m: float) -> Float64:
    """The points, each moved sideways.

    Args:
        points: (N, 2), metres.
        yaw_rad: (N,), the direction of travel at each.
        left_m: how far to the left of that direction; negative is to the right.
    """
    normal = np.stack([-np.sin(yaw_rad), np.cos(yaw_rad)], axis=1)
    return points + left_m * normal


def curvature(curve: Curve) -> Float64:
    """Signed curvature at each point, in 1/m, positive to the left."""
    return np.asarray(np.gradient(curve.yaw_rad, curve.arclength))


def wrap(angle_rad: float) -> float:
    """The same angle in (-pi, pi]."""
    return float(np.pi - (np.pi - angle_rad) % (2 * np.pi))


def join(start: Float64, start_yaw: float, end: Float64, end_yaw: float, spacing_m: float) -> Curve:
    """A cubic Bezier curve from one pose to another, tangent to both.

    Its control points lie as far from the ends as for a circular arc between symmetric poses: chord
    * 2/3 * tan(a/4) / sin(a/2) for a turn by a.

    Args:
        start: (2,), where the curve begins.
        start_yaw: direction of travel there, radians.
        end: (2,), where it ends.
        end_yaw: direction of travel there, radians.
        spacing_m: about how far apart its points are (`resample`).
    """
    turn = wrap(end_yaw - start_yaw)
    chord = float(np.hypot(*(end - start)))
    half = abs(turn) / 2
    handle = chord / 3 if half < 1e-3 else chord * 2 / 3 * np.tan(half / 2) / np.sin(half)
    p1 = start + handle * np.array([np.cos(start_yaw), np.sin(start_yaw)])
    p2 = end - handle * np.array([np.cos(end_yaw), np.sin(end_yaw)])
    t = np.linspace(0.0, 1.0, max(16, int(chord / 0.1)))[:, None]
    points = (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * p1 + 3 * (1 - t) * t**2 * p2 + t**3 * end
    velocity = 3 * (1 - t) ** 2 * (p1 - start) + 6 * (1 - t) * t * (p2 - p1) + 3 * t**2 * (end - p2)
    yaw = np.unwrap(np.arctan2(velocity[:, 1], velocity[:, 0]))
    return resample(points, spacing_m, yaw)
