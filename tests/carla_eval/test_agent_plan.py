"""The sparse plan that an agent is given, and the target points that TransFuser's planner makes of
it.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise

import numpy as np
import pytest
from auxdrive import Pose2, RouteFollower
from auxdrive.errors import InputError
from auxdrive.frames import ego_to_world
from auxdrive.types import RoadOption
from auxdrive_eval.road_maps.base import LaneId
from auxdrive_eval.road_maps.geo import GeoReference
from auxdrive_eval.routes.agent_plan import SAMPLE_1_M, SAMPLE_2_M, agent_plan
from auxdrive_eval.routes.planner import DenseRoute
from hypothesis import given
from hypothesis import strategies as st

CHANGES = (RoadOption.CHANGE_LANE_LEFT, RoadOption.CHANGE_LANE_RIGHT)
stretches = st.lists(
    st.tuples(st.sampled_from([RoadOption(n) for n in range(1, 7)]), st.integers(1, 150)),
    min_size=1,
    max_size=8,
)


def dense(parts: list[tuple[RoadOption, int]], slope: float = 0.0) -> DenseRoute:
    options = tuple(option for option, count in parts for _ in range(count))
    along = np.arange(float(len(options)))
    points = np.stack([along, np.zeros_like(along), slope * along], axis=1)
    return DenseRoute(points, along * 0.0, options, (LaneId(1, 0, -1),) * len(options))


@given(stretches, st.sampled_from([SAMPLE_1_M, SAMPLE_2_M]))
def test_what_a_sparse_plan_keeps(parts: list[tuple[RoadOption, int]], sample_m: float) -> None:
    route = dense(parts)
    plan = agent_plan(route, GeoReference(), sample_m)
    kept = [int(point.place.x_m) for point in plan]
    assert kept == sorted(set(kept))
    assert kept[0] == 0
    assert kept[-1] == len(route.options) - 1
    assert all(
        point.option is route.options[index] for point, index in zip(plan, kept, strict=True)
    )
    assert {i for i, option in enumerate(route.options) if option in CHANGES} <= set(kept)
    for index in range(1, len(route.options)):
        before = route.options[index - 1]
        if before != route.options[index] and before not in CHANGES:
            assert index in kept
    # The distance is counted over points that are left out: at most two more than the limit.
    assert max(np.diff(kept), default=0) <= sample_m + 2


def test_heights_count() -> None:
    flat, steep = (
        dense([(RoadOption.LANE_FOLLOW, 200)]),
        dense([(RoadOption.LANE_FOLLOW, 200)], 1.0),
    )
    count = [len(agent_plan(route, GeoReference(), SAMPLE_1_M)) for route in (flat, steep)]
    assert count == [5, 7]


def test_a_plan_has_degrees() -> None:
    plan = agent_plan(dense([(RoadOption.LEFT, 3)]), GeoReference(0.0, 0.0), SAMPLE_2_M)
    assert plan[-1].longitude_deg == pytest.approx(2.0 * 180 / (math.pi * 6378137.0))
    assert (plan[-1].latitude_deg, plan[-1].place.yaw_rad) == (0.0, 0.0)


def transfusers(route: deque, place: np.ndarray, passed_m: float) -> tuple[np.ndarray, RoadOption]:
    """TransFuser's RoutePlanner.run_step with a look-ahead of 50 m; route[1] is the target."""
    passed, farthest, ahead = 0, -math.inf, 0.0
    for index in range(1, len(route)):
        if ahead > 50.0:
            break
        ahead += float(np.linalg.norm(route[index][0] - route[index - 1][0]))
        away = float(np.linalg.norm(route[index][0] - place))
        if farthest < away <= passed_m:
            farthest, passed = away, index
    for _ in range(passed):
        if len(route) > 2:
            route.popleft()
    return route[1]


@given(
    st.lists(st.tuples(st.floats(-1.5, 1.5), st.floats(0.5, 70.0), st.integers(1, 6)), min_size=2,
             max_size=12),
    st.sampled_from([4.0, 7.5]),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_target_points_are_transfusers(
    legs: list[tuple[float, float, int]], passed_m: float, seed: int
) -> None:
    """A vehicle wanders along a sparse plan and never quite on it."""
    points, yaw = [np.zeros(2)], 0.0
    for turn, length_m, _ in legs:
        yaw += turn
        points.append(points[-1] + length_m * np.array([math.cos(yaw), math.sin(yaw)]))
    commands = [RoadOption.LANE_FOLLOW, *(RoadOption(option) for _, _, option in legs)]
    follower = RouteFollower.of_sparse(np.array(points), commands, passed_m)
    theirs = deque(zip(points, commands, strict=True))
    noise = np.random.default_rng(seed)
    for a, b in pairwise(points):
        for share in np.arange(0.0, 1.0, 0.2):
            place = a + share * (b - a) + noise.normal(0.0, 2.0, 2)
            pose = Pose2(*place.tolist(), float(noise.uniform(-3, 3)))
            target, command = transfusers(theirs, place, passed_m)
            ours = follower.update(pose)
            assert ours.command is command
            there = ego_to_world(np.array(ours.target_ego_m), pose)
            assert np.abs(there - target).max() < 1e-6


def test_sparse_routes_that_are_none() -> None:
    with pytest.raises(InputError, match="1500 m apart"):
        RouteFollower.of_sparse([(0.0, 0.0), (1500.0, 0.0)], [4, 4])
    with pytest.raises(InputError, match="give metres above 0"):
        RouteFollower.of_sparse([(0.0, 0.0), (1.0, 0.0)], [4, 4], 0)
    with pytest.raises(InputError, match="1 commands for 2 points"):
        RouteFollower.of_sparse([(0.0, 0.0), (1.0, 0.0)], [4])


@pytest.mark.parametrize("sample_m", [0.0, -1.0, math.nan])
def test_a_plan_without_a_distance_is_refused(sample_m: float) -> None:
    with pytest.raises(InputError, match=r"sample_m is .*; give metres above 0"):
        agent_plan(dense([(RoadOption.LEFT, 3)]), GeoReference(0.0, 0.0), sample_m)
