"""The route follower against TransFuser's planner, written down from its source, and the sparse
route against the leaderboard's; what is no route and no pose.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from auxdrive import InputError, Pose2, RoadOption, RouteFollower
from auxdrive.frames import ego_to_world, world_to_ego
from auxdrive.route_follower import downsample_route
from hypothesis import given
from hypothesis import strategies as st

FOLLOW, LEFT, CHANGE = RoadOption.LANE_FOLLOW, RoadOption.LEFT, RoadOption.CHANGE_LANE_LEFT
AT_START = Pose2(0.0, 0.0, 0.0)


def straight(n: int, step_m: float = 1.0) -> np.ndarray:
    return np.stack([np.arange(n) * step_m, np.zeros(n)], axis=1)


def winding(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    yaws = np.cumsum(rng.normal(0, 0.08, n))
    steps_m = 0.99 * np.stack([np.cos(yaws), np.sin(yaws)], axis=1)  # 50 m is no whole number
    return np.cumsum(steps_m, axis=0), yaws


def test_the_sparse_route_has_changes_of_option_lane_changes_and_a_point_each_so_often() -> None:
    options = [FOLLOW] * 130 + [LEFT] * 5 + [FOLLOW] * 3 + [CHANGE] * 2 + [FOLLOW] * 10
    # By the leaderboard's rule: a point is kept once more than 50 m were left out since the last;
    # both points of a lane change are kept, and the one after it is not, although its option is
    # another.
    assert downsample_route(straight(150), options) == [0, 52, 104, 130, 135, 138, 139, 149]


class TransFusersPlanner:
    """team_code_autopilot/nav_planner.py, RoutePlanner.run_step, over the sparse points."""

    def __init__(self, points: list[tuple[float, float]], options: list[RoadOption]) -> None:
        self.route = deque(zip(points, options, strict=True))

    def run_step(self, position: tuple[float, float]) -> tuple[tuple[float, float], RoadOption]:
        to_pop, farthest, travelled = 0, -math.inf, 0.0
        for i in range(1, len(self.route)):
            if travelled > 50.0:
                break
            travelled += math.dist(self.route[i][0], self.route[i - 1][0])
            distance = math.dist(self.route[i][0], position)
            if distance <= 7.5 and distance > farthest:
                farthest, to_pop = distance, i
        for _ in range(to_pop):
            if len(self.route) > 2:
                self.route.popleft()
        return self.route[1]


@given(st.integers(0, 10_000))
def test_target_points_and_commands_are_transfusers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, yaws = winding(rng, 300)
    options = [list(RoadOption)[i] for i in np.repeat(rng.integers(0, len(RoadOption), 20), 15)]
    kept = downsample_route(points, options)
    ours = RouteFollower(points, options)
    theirs = TransFusersPlanner(
        [(float(points[i, 0]), float(points[i, 1])) for i in kept], [options[i] for i in kept]
    )
    for step in range(0, 300, 2):
        pose = Pose2(*(points[step] + rng.normal(0, 2.0, 2)).tolist(), float(yaws[step]))
        wanted, wanted_command = theirs.run_step((pose.x_m, pose.y_m))
        assert ours.update(pose)[:2] == (
            tuple(world_to_ego(np.array(wanted), pose).tolist()),
            wanted_command,
        )


@given(st.integers(0, 10_000), st.floats(-math.pi, math.pi), st.floats(-1e5, 1e5))
def test_where_the_map_has_its_origin_and_its_north_makes_no_difference(
    seed: int, turned_rad: float, moved_m: float
) -> None:
    points, yaws = winding(np.random.default_rng(seed), 200)
    other = Pose2(moved_m, -moved_m, turned_rad)
    here, there = RouteFollower(points), RouteFollower(ego_to_world(points, other))
    for step in range(0, 200, 5):
        at = ego_to_world(points[step], other)
        one = here.update(Pose2(*points[step].tolist(), float(yaws[step])))
        two = there.update(Pose2(*at.tolist(), float(yaws[step]) + turned_rad))
        assert two.target_ego_m == pytest.approx(one.target_ego_m, abs=1e-6)


@given(st.floats(2.1, 400.0), st.integers(2, 6))
def test_far_points_are_joined_as_if_there_were_one_each_metre(step_m: float, n: int) -> None:
    follower, length_m = RouteFollower(straight(n, step_m)), (n - 1) * step_m
    targets_m = [0.0]
    for x_m in np.arange(0.0, length_m, 3.0):
        ahead_m, left_m = follower.update(Pose2(float(x_m), 0.0, 0.0)).target_ego_m
        assert left_m == 0.0
        if x_m + ahead_m > targets_m[-1] + 1e-6:
            targets_m.append(x_m + ahead_m)
    assert targets_m[-1] == pytest.approx(length_m)
    apart_m = np.diff(targets_m)
    assert (apart_m[:-1] > 50.0).all()
    assert (apart_m <= 52.0 + 1e-6).all()


def test_points_as_near_as_a_simulators_are_taken_as_they_are() -> None:
    points = straight(100, 1.9)
    assert RouteFollower(points).update(AT_START).target_ego_m == (
        points[downsample_route(points, [FOLLOW] * 100)[1], 0],
        0.0,
    )


def test_a_command_holds_from_its_point_to_the_next() -> None:
    follower = RouteFollower([(0, 0), (30, 0), (38, 8), (38, 40)], [FOLLOW, LEFT, 4, 4])
    seen = [follower.update(Pose2(float(x), 0.0, 0.0))[:2] for x in (0, 15, 29)]
    assert seen[:2] == [((30.0, 0.0), LEFT), ((15.0, 0.0), LEFT)]  # where the turn begins
    assert seen[2] == ((9.0, 8.0), FOLLOW)  # where it ends


def test_the_last_point_stays() -> None:
    follower = RouteFollower(straight(20))
    assert follower.update(Pose2(18.0, 0.0, 0.0)).target_ego_m == (1.0, 0.0)
    assert follower.update(Pose2(25.0, 0.0, math.pi / 2)).target_ego_m == pytest.approx((0.0, 6.0))


NO_ROUTES: dict[str, tuple[Callable[[], Any], str]] = {
    "one point": (lambda: [(0.0, 0.0)], "has 1 points; it needs two"),
    "no point": (lambda: np.empty((0, 2)), "has 0 points"),
    "nothing": (lambda: None, "the route is None; give points"),
    "three axes": (lambda: np.zeros((4, 3)), r"array float64 \(4, 3\); give points \(N, 2\)"),
    "ragged": (lambda: [(0.0, 0.0), (1.0,)], "the route is a list; give points"),
    "texts": (lambda: [("0", "0"), ("1", "1")], "give points"),
    "decimals": (lambda: [(Decimal(0), Decimal(0)), (Decimal(1), Decimal(1))], "give points"),
    "truths": (lambda: np.eye(2, dtype=bool), "give points"),
    "not finite": (lambda: [(0.0, 0.0), (math.nan, 1.0)], "point 1 is .nan, 1.0., not finite"),
    "infinite": (lambda: [(0.0, math.inf), (1.0, 1.0)], "point 0 is"),
    "beyond the earth": (lambda: [(0.0, 0.0), (1e10, 1.0)], "point 1 is"),
    "twice": (lambda: [(0.0, 0.0), (5.0, 0.0), (5.0, 0.0)], "points 1 and 2 are the same"),
    "far apart": (lambda: [(0.0, 0.0), (5000.0, 0.0)], "points 0 and 1 are 5000 m apart"),
    "degrees": (lambda: [(48.1, 11.5), (48.1002, 11.5003)], "0.00036 m long; .* not in degrees"),
}


@pytest.mark.parametrize("name", NO_ROUTES)
def test_what_is_no_route_is_refused(name: str) -> None:
    make, message = NO_ROUTES[name]
    with pytest.raises(InputError, match=message):
        RouteFollower(make())


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        ([FOLLOW], "1 commands for 3 points"),
        ([4, 4, 7], "command 2 is an int, no RoadOption: .*LEFT .1.*"),
        ([4, 1.5, 4], "command 1 is 1.5"),
        ([True, 4, 4], "command 0 is True"),
        (["LEFT", 4, 4], "command 0 is 'LEFT'"),
        (4, "commands is an int"),
    ],
)
def test_what_are_no_commands_is_refused(commands: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RouteFollower(straight(3), commands)


@pytest.mark.parametrize(
    ("pose", "message"),
    [
        ((0.0, 0.0, 0.0), "the pose is a tuple; give a Pose2"),
        (Pose2(math.nan, 0.0, 0.0), "pose.x_m is nan"),
        (Pose2(0.0, math.inf, 0.0), "pose.y_m is inf"),
        (Pose2(0.0, 0.0, -math.inf), "pose.yaw_rad is -inf"),
        (Pose2("0", 0.0, 0.0), "pose.x_m is '0'"),  # type: ignore[arg-type]
        (Pose2(691_608.0, 5_334_760.0, 0.0), "must be in one map frame"),
    ],
)
def test_what_is_no_pose_is_refused_and_nothing_is_passed(pose: Any, message: str) -> None:
    follower = RouteFollower(straight(200))
    with pytest.raises(InputError, match=message):
        follower.update(pose)
    assert follower.update(AT_START).target_ego_m == (52.0, 0.0)


def test_a_vehicle_needs_no_torch_for_it() -> None:
    used = "import sys, auxdrive; auxdrive.RouteFollower([(0, 0), (9, 0)])"
    code = f"{used}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_comes_after_the_target_is_told_too() -> None:
    """Of a lane change, whose every metre is a point of the sparse route, those that are not passed
    together; at the end of the route its last point.
    """
    options = [FOLLOW] * 20 + [CHANGE] * 12 + [FOLLOW] * 20 + [LEFT] * 8
    follower = RouteFollower(straight(60), options)
    told = follower.update(AT_START)
    assert (told.target_ego_m, told.command) == ((20.0, 0.0), CHANGE)
    assert (told.next_targets_ego_m, told.next_command) == ((28.0, 0.0, 52.0, 0.0), CHANGE)
    for x_m in range(50):
        told = follower.update(Pose2(float(x_m), 0.0, 0.0))
    assert (told.target_ego_m, told.command) == ((10.0, 0.0), LEFT)
    assert (told.next_targets_ego_m, told.next_command) == ((10.0, 0.0, 10.0, 0.0), LEFT)


def test_what_was_passed_last_is_told_with_the_command_that_holds_since_then() -> None:
    follower = RouteFollower(straight(60), [FOLLOW] * 20 + [LEFT] * 15 + [FOLLOW] * 25)
    for x_m, last_m, command in (
        (0.0, 0.0, FOLLOW),
        (12.0, 0.0, FOLLOW),
        (13.0, 20.0, LEFT),
        (27.0, 20.0, LEFT),
        (28.0, 35.0, FOLLOW),
    ):
        told = follower.update(Pose2(x_m, 0.0, 0.0))
        assert (told.last_target_ego_m, told.last_command) == ((last_m - x_m, 0.0), command)
