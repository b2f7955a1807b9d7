"""Curves of the embedded town: sampling, smoothing, parallels and connections have the properties
that are promised.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive.geometry import cumulative_length
from auxdrive.types import Float64
from auxdrive_eval.simulators.embedded.geometry.curves import (
    DENSE_M,
    Curve,
    curvature,
    headings,
    join,
    offset,
    resample,
    smooth,
    wrap,
)
from hypothesis import assume, given
from hypothesis import strategies as st

ANGLES = st.floats(-3.1, 3.1)
RADII = st.floats(12, 60)


def arc(radius_m: float, turn_rad: float, start_yaw: float, spacing_m: float = 0.25) -> Curve:
    """A circular arc from the origin, to the left for a positive turn."""
    count = max(3, round(radius_m * abs(turn_rad) / spacing_m) + 1)
    turned = np.linspace(0.0, turn_rad, count)
    side, yaw = math.copysign(radius_m, turn_rad), start_yaw + turned
    x = side * (np.sin(yaw) - math.sin(start_yaw))
    y = side * (math.cos(start_yaw) - np.cos(yaw))
    return Curve(np.stack([x, y], axis=1), np.abs(turned) * radius_m, yaw)


def away_from(line: Float64, points: Float64) -> Float64:
    """Distance of each point from a polyline, computed piece by piece."""
    starts, pieces = line[:-1], np.diff(line, axis=0)
    to = points[:, None] - starts[None]
    share = np.clip((to * pieces).sum(axis=2) / (pieces**2).sum(axis=1), 0.0, 1.0)
    apart = to - share[..., None] * pieces[None]
    return np.asarray(np.sqrt((apart**2).sum(axis=2)).min(axis=1))


@given(ANGLES, st.integers(-4, 4))
def test_wrapping_keeps_the_direction(angle: float, turns: int) -> None:
    wrapped = wrap(angle + turns * math.tau)
    assert -math.pi < wrapped <= math.pi
    assert math.cos(wrapped - angle) == pytest.approx(1.0)


@given(RADII, st.sampled_from([-1.0, 1.0]), ANGLES, st.floats(-6, 6))
def test_an_offset_curve_keeps_its_distance_on_its_side(
    radius_m: float, side: float, yaw: float, left_m: float
) -> None:
    curve = arc(radius_m, side * 1.2, yaw)
    moved = offset(curve.points, curve.yaw_rad, left_m)
    inner = slice(40, -40) if len(curve.points) > 100 else slice(len(moved) // 2, None)
    np.testing.assert_allclose(away_from(curve.points, moved[inner]), abs(left_m), atol=0.01)
    step, to = curve.points[1] - curve.points[0], moved[0] - curve.points[0]
    to_left = (step[0] * to[1] - step[1] * to[0]) / math.hypot(*step)
    assert to_left == pytest.approx(left_m, rel=0.01, abs=1e-6)


@given(RADII, st.floats(0.6, 3.0), st.floats(0.3, 3.0))
def test_resampling_takes_equal_steps_on_the_line_and_keeps_both_ends(
    radius_m: float, turn_rad: float, spacing_m: float
) -> None:
    curve = arc(radius_m, turn_rad, 0.4)
    made = resample(curve.points, spacing_m)
    np.testing.assert_allclose(made.points[[0, -1]], curve.points[[0, -1]], atol=1e-9)
    assert made.length_m == pytest.approx(cumulative_length(curve.points)[-1])
    steps = np.diff(made.arclength)
    np.testing.assert_allclose(steps, steps[0])
    assert steps[0] == pytest.approx(spacing_m, rel=0.5)
    assert away_from(curve.points, made.points).max() < 1e-9
    with_yaw = resample(curve.points, spacing_m, curve.yaw_rad)
    np.testing.assert_allclose(with_yaw.yaw_rad, 0.4 + made.arclength / radius_m, atol=0.02)


@given(RADII, st.sampled_from([-1.0, 1.0]), ANGLES)
def test_headings_and_curvature_of_a_circle(radius_m: float, side: float, yaw: float) -> None:
    curve = arc(radius_m, side * 2.5, yaw)
    np.testing.assert_allclose(curvature(curve)[1:-1], side / radius_m, rtol=1e-3)
    found = headings(curve.points)
    np.testing.assert_allclose(found - found[0], curve.yaw_rad - curve.yaw_rad[0], atol=0.01)


@given(st.floats(0.3, 1.4), st.sampled_from([-1.0, 1.0]), st.floats(4, 12))
def test_smoothing_a_corner_keeps_its_ends_and_bends_as_its_sigma_says(
    angle: float, side: float, sigma_m: float
) -> None:
    far = 80 * np.array([math.cos(angle), side * math.sin(angle)])
    corner = np.array([[-80.0, 0.0], [0.0, 0.0], far])
    made = smooth(corner, sigma_m)
    np.testing.assert_allclose(made[[0, -1]], corner[[0, -1]], atol=1e-6)
    assert np.hypot(*np.diff(made, axis=0).T).max() <= DENSE_M * 1.01
    bend = curvature(Curve(made, cumulative_length(made), headings(made)))[8:-8] * side
    assert bend.min() > -1e-6  # it never bends the other way
    # At the apex the blend of both directions is cos(a/2) long and turns by 2 sin(a/2) times the
    # kernel's height; for small angles that is a radius of sigma * sqrt(2 pi) / a.
    turning = 2 * math.sin(angle / 2) / math.cos(angle / 2) ** 2
    assert 1 / bend.max() == pytest.approx(sigma_m * math.sqrt(math.tau) / turning, rel=0.03)


def test_smoothing_leaves_a_straight_line_alone() -> None:
    made = smooth(np.array([[0.0, 0.0], [30.0, 40.0]]), 8.0)
    assert away_from(np.array([[0.0, 0.0], [30.0, 40.0]]), made).max() < 1e-9


@given(ANGLES, st.floats(-2.2, 2.2), st.floats(6, 40), st.floats(-0.3, 0.3))
def test_a_join_leaves_and_arrives_in_position_and_heading(
    start_yaw: float, turn: float, chord_m: float, skew: float
) -> None:
    start = np.array([3.0, -2.0])
    towards = start_yaw + turn / 2 + skew
    end = start + chord_m * np.array([math.cos(towards), math.sin(towards)])
    made = join(start, start_yaw, end, start_yaw + turn, 1.0)
    np.testing.assert_allclose(made.points[[0, -1]], [start, end], atol=1e-9)
    assert wrap(float(made.yaw_rad[0]) - start_yaw) == pytest.approx(0.0, abs=1e-6)
    assert wrap(float(made.yaw_rad[-1]) - start_yaw - turn) == pytest.approx(0.0, abs=1e-6)


@given(RADII, st.floats(0.3, 1.9), ANGLES)
def test_a_join_of_two_poses_on_a_circle_is_that_circle(
    radius_m: float, turn_rad: float, yaw: float
) -> None:
    curve = arc(radius_m, turn_rad, yaw)
    assume(curve.length_m > 8)
    made = join(curve.points[0], yaw, curve.points[-1], yaw + turn_rad, 1.0)
    assert away_from(curve.points, made.points).max() < 0.01 * radius_m
