"""The next goal on the route, as the model is told of it. Recording and driving use this same code,
so that a model meets in the loop what it was trained with.
"""

from __future__ import annotations

import math

import numpy as np
from auxdrive.frames import world_to_ego
from auxdrive.geometry import step_lengths
from auxdrive.types import Float64, Pose2

from auxdrive_eval.world import RoadOption, Route

_LANE_CHANGES = (RoadOption.CHANGE_LANE_LEFT, RoadOption.CHANGE_LANE_RIGHT)


def downsample_route(
    points: Float64, options: tuple[RoadOption, ...], sample_m: float
) -> list[int]:
    """Indices of the route points that an agent is given: at lane changes, changes of option, every
    `sample_m`, and the last.

    The leaderboard's `downsample_route` (leaderboard/utils/route_manipulation.py), whose distance
    is counted only over points left out.
    """
    step_m = step_lengths(points).tolist()
    kept: list[int] = []
    previous: RoadOption | None = None
    travelled = 0.0
    for index, option in enumerate(options):
        changed = previous != option and previous not in _LANE_CHANGES
        if option in _LANE_CHANGES or changed or travelled > sample_m or index == len(options) - 1:
            kept.append(index)
            travelled = 0.0
        else:
            travelled += step_m[index - 1]
        previous = option
    return kept


class RoutePlanner:
    """TransFuser's RoutePlanner (CVPR 2021): walks along the sparse route as the vehicle comes
    within `min_distance_m` of its points.

    The goal is the point after the one last passed; its command is the one that the model is told.
    """

    def __init__(
        self,
        route: Route,
        min_distance_m: float = 7.5,
        max_distance_m: float = 50.0,
        sample_m: float = 50.0,
    ) -> None:
        kept = downsample_route(route.points, route.options, sample_m)
        self._points = [(float(route.points[i, 0]), float(route.points[i, 1])) for i in kept]
        self._options = [route.options[i] for i in kept]
        self._min_distance_m = min_distance_m
        self._max_distance_m = max_distance_m
        self._passed = 0

    def update(self, pose: Pose2) -> tuple[tuple[float, float], RoadOption]:
        """The next goal in the ego frame (x forward, y left; metres) and its command. Call it on
        every tick.
        """
        points, first = self._points, self._passed
        ahead = 0.0
        farthest_in_range = -math.inf
        for index in range(first + 1, len(points)):
            if ahead > self._max_distance_m:
                break
            ahead += math.dist(points[index], points[index - 1])
            distance = math.dist(points[index], (pose.x_m, pose.y_m))
            if farthest_in_range < distance <= self._min_distance_m:
                farthest_in_range = distance
                self._passed = min(index, max(len(points) - 2, 0))
        goal = min(self._passed + 1, len(points) - 1)
        x_m, y_m = world_to_ego(np.array(points[goal]), pose).tolist()
        return (x_m, y_m), self._options[goal]
