"""The planner against TransFuser's, written down from its source, and the sparse route against the
leaderboard's.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import pytest
from auxdrive.frames import world_to_ego
from auxdrive.types import Pose2
from auxdrive_eval.routes.planner import RoutePlanner, downsample_route
from auxdrive_eval.world import RoadOption, Route
from hypothesis import given
from hypothesis import strategies as st

FOLLOW, LEFT, CHANGE = RoadOption.LANE_FOLLOW, RoadOption.LEFT, RoadOption.CHANGE_LANE_LEFT


def route_of(points: np.ndarray, options: list[RoadOption]) -> Route:
    return Route("0", "T", (), points.astype(np.float64), np.zeros(len(points)), tuple(options))


def straight(n: int) -> np.ndarray:
    return np.stack([np.arange(n, dtype=np.float64), np.zeros(n)], axis=1)


def test_the_sparse_route_has_changes_of_option_lane_changes_and_a_point_each_so_often() -> None:
    options = [FOLLOW] * 130 + [LEFT] * 5 + [FOLLOW] * 3 + [CHANGE] * 2 + [FOLLOW] * 10
    # By the leaderboard's rule: a point is kept once more than 50 m were left out since the last;
    # both points of a lane change are kept, and the one after it is not, although its option is
    # another.
    assert downsample_route(straight(150), tuple(options), 50.0) == [
        0,
        52,
        104,
        130,
        135,
        138,
        139,
        149,
    ]


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
def test_goals_and_commands_are_transfusers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turns = np.cumsum(rng.normal(0, 0.08, 300))
    points = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1), axis=0)
    options = [list(RoadOption)[i] for i in np.repeat(rng.integers(0, len(RoadOption), 20), 15)]
    kept = downsample_route(points, tuple(options), 50.0)
    ours = RoutePlanner(route_of(points, options))
    theirs = TransFusersPlanner(
        [(float(points[i, 0]), float(points[i, 1])) for i in kept], [options[i] for i in kept]
    )
    for step in range(0, 300, 2):
        pose = Pose2(*(points[step] + rng.normal(0, 2.0, 2)).tolist(), float(turns[step]))
        goal, command = ours.update(pose)
        wanted, wanted_command = theirs.run_step((pose.x_m, pose.y_m))
        assert goal == pytest.approx(world_to_ego(np.array(wanted), pose))
        assert command is wanted_command
