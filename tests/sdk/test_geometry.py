"""Polylines and pure pursuit, for many paths at once, against plain loops over their points."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from auxdrive.controllers.pure_pursuit import goal_of
from auxdrive.frames import offsets_to_ego, world_to_ego
from auxdrive.geometry import (
    cumulative_length,
    euclidean,
    point_at_distance,
    polyline_length,
    pure_pursuit_tan,
    simplified,
    step_lengths,
)
from auxdrive.types import Pose2
from hypothesis import example, given
from hypothesis import strategies as st

COORDINATES = st.floats(-50, 50)
POINTS = st.tuples(COORDINATES, COORDINATES)
PATHS = st.integers(1, 6).flatmap(
    lambda t: st.lists(st.lists(POINTS, min_size=t, max_size=t), min_size=1, max_size=4)
)


@given(st.lists(POINTS, min_size=1, max_size=12), st.sampled_from([np.hypot, euclidean]))
def test_lengths_agree_with_a_loop(points: list[tuple[float, float]], distance: object) -> None:
    travelled = [0.0]
    for one, other in pairwise(points):
        travelled.append(travelled[-1] + math.dist(one, other))
    line = np.array(points, dtype=np.float64)
    assert cumulative_length(line, distance) == pytest.approx(travelled)  # type: ignore[arg-type]
    assert polyline_length(line, distance) == pytest.approx(travelled[-1])  # type: ignore[arg-type]
    np.testing.assert_allclose(np.cumsum([0.0, *step_lengths(line)]), travelled, atol=1e-9)


@given(PATHS)
def test_many_polylines_at_once_are_each_by_itself(paths: list[list[tuple[float, float]]]) -> None:
    together = np.array(paths, dtype=np.float64)
    assert polyline_length(together).tolist() == [float(polyline_length(p)) for p in together]
    assert step_lengths(together).tolist() == [step_lengths(p).tolist() for p in together]


def test_the_two_distances_agree_but_for_rounding() -> None:
    points = np.random.default_rng(0).normal(size=(500, 2))
    one, other = step_lengths(points), step_lengths(points, euclidean)
    np.testing.assert_allclose(one, other, rtol=1e-15)
    by_numpy = np.linalg.norm(np.diff(points, axis=0), axis=1)
    np.testing.assert_array_equal(other, by_numpy)  # stored scores were made with this one


def leaves_at(path: list[tuple[float, float]], distance_m: float) -> tuple[float, float]:
    """Point by point: halve the first piece that ends outside until its middle is on the circle."""
    start = (0.0, 0.0)
    for end in path:
        if math.hypot(*end) >= distance_m:
            low, high = 0.0, 1.0
            for _ in range(80):
                middle = (low + high) / 2
                x = start[0] + middle * (end[0] - start[0])
                y = start[1] + middle * (end[1] - start[1])
                low, high = (low, middle) if math.hypot(x, y) >= distance_m else (middle, high)
            return start[0] + high * (end[0] - start[0]), start[1] + high * (end[1] - start[1])
        start = end
    return path[-1]


@given(PATHS, st.lists(st.floats(0.1, 60), min_size=4, max_size=4))
def test_paths_leave_the_circle_where_a_search_finds_it(
    paths: list[list[tuple[float, float]]], distances: list[float]
) -> None:
    distance_n = np.array(distances[: len(paths)])
    found = point_at_distance(np.array(paths, dtype=np.float64), distance_n)
    for point, path, distance_m in zip(found, paths, distances, strict=False):
        if max(math.hypot(*end) for end in path) < distance_m:
            np.testing.assert_allclose(point, path[-1], rtol=1e-9, atol=1e-9)
        else:
            np.testing.assert_allclose(point, leaves_at(path, distance_m), rtol=1e-6, atol=1e-6)


@given(PATHS, st.floats(0.1, 60))
def test_one_path_in_plain_numbers_gives_the_same_to_the_last_bit(
    paths: list[list[tuple[float, float]]], distance_m: float
) -> None:
    for path in paths:
        goal = goal_of([list(end) for end in path], distance_m)
        if all(euclidean(np.float64(x), np.float64(y)) < distance_m for x, y in path):
            assert goal == path[-1]  # the very waypoint
        else:
            found = point_at_distance(np.array([path], dtype=np.float64), distance_m)[0]
            assert goal == tuple(found.tolist())


def test_where_a_path_ends_earlier_the_last_step_is_added() -> None:
    path = np.random.default_rng(1).normal(size=(200, 4, 2))
    found = point_at_distance(path, 99.0)
    np.testing.assert_array_equal(found, path[:, -2] + (path[:, -1] - path[:, -2]))


@given(st.floats(3, 80), st.floats(0.05, 1.4), st.sampled_from([-1.0, 1.0]))
def test_pure_pursuit_finds_the_circle_that_the_goal_lies_on(
    radius_m: float, angle: float, side: float
) -> None:
    """A vehicle on a circle of radius R steers by atan(L / R), wherever on it the goal lies."""
    goal = np.array([radius_m * math.sin(angle), side * radius_m * (1 - math.cos(angle))])
    tangent = float(pure_pursuit_tan(goal, 2.8, 1e-6))
    assert tangent == pytest.approx(side * 2.8 / radius_m, rel=1e-6)


def test_a_goal_on_top_of_the_car_turns_the_wheel_as_one_at_the_least_chord() -> None:
    goals = np.array([[0.0, 0.01], [0.0, 0.0], [2.0, 0.0]])
    assert pure_pursuit_tan(goals, 2.8, 2.0).tolist() == [2 * 2.8 * 0.01 / 4.0, 0.0, 0.0]


@given(st.lists(POINTS, min_size=1, max_size=5), COORDINATES, COORDINATES, st.floats(-7, 7))
def test_offsets_of_many_vehicles_are_those_of_each(
    points: list[tuple[float, float]], x_m: float, y_m: float, yaw_rad: float
) -> None:
    world = np.array(points, dtype=np.float64)
    offsets = world - (x_m, y_m)
    together = offsets_to_ego(np.stack([offsets, offsets]), np.array([[yaw_rad], [0.0]]))
    alone = world_to_ego(world, Pose2(x_m, y_m, yaw_rad))
    np.testing.assert_allclose(together[0], alone, atol=1e-9)
    np.testing.assert_array_equal(together[1], offsets)


def distance_to_segment(point: complex, first: complex, last: complex) -> float:
    """By way of the direction: the square of a short chord may be too small for a float."""
    length = abs(last - first)
    if not length:
        return abs(point - first)
    direction = (last - first) / length
    along_m = ((point - first) * direction.conjugate()).real
    return abs(point - first - min(max(along_m, 0.0), length) * direction)


@example(points=[(0.0, 0.0), (0.0, 2.8e-189)], tolerance=1.0)
@given(st.lists(POINTS, max_size=25), st.floats(0.1, 20.0))
def test_a_simplified_line_lies_where_the_line_lay(
    points: list[tuple[float, float]], tolerance: float
) -> None:
    line = np.array(points, dtype=np.float64).reshape(-1, 2)
    kept = simplified(line, tolerance)
    assert kept[[0, -1][: len(kept)]].tolist() == line[[0, -1][: len(line)]].tolist()
    shown = [complex(x, y) for x, y in kept]
    for x, y in points:
        nearest = min(
            (distance_to_segment(complex(x, y), a, b) for a, b in pairwise(shown)),
            default=abs(complex(x, y) - shown[0]),
        )
        assert nearest <= tolerance + 1e-6


def test_a_straight_line_needs_its_ends_alone() -> None:
    line = np.stack([np.linspace(0, 90, 400), np.zeros(400)], axis=1)
    assert simplified(line, 0.1).tolist() == [[0.0, 0.0], [90.0, 0.0]]
