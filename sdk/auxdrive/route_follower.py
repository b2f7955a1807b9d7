"""The target points on a route and the commands there: how a model is told where to go.

Recording, driving in a simulator and a vehicle use this one class. So a model is given in the
vehicle what it was given in training.

Legend: N points of a route, in a map frame (right-handed, z up, metres); K of them that are kept in
the sparse route.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from auxdrive.checks.numbers import number, shown
from auxdrive.ego import MAX_TARGET_M
from auxdrive.errors import InputError
from auxdrive.frames import world_to_ego
from auxdrive.geometry import step_lengths
from auxdrive.given_route import filled_route, finite_points, route_commands, route_points
from auxdrive.types import AnyArray, Float64, Pose2, RoadOption

SAMPLE_M = 50.0
"""Where the command does not change, a point is kept each time that more than this was left out."""
PASSED_M = 7.5
"""A point of the sparse route counts as passed once the rear axle has come this near to it."""
LOOK_AHEAD_M = 50.0
"""How far ahead, along the sparse route, points are looked for that the vehicle has passed."""
_LANE_CHANGES = (RoadOption.CHANGE_LANE_LEFT, RoadOption.CHANGE_LANE_RIGHT)


class TargetPoint(NamedTuple):
    """The point that a model is told to drive to, and what the route does after it.

    Attributes:
        target_ego_m: the point in the ego frame, x forward and y left of the rear axle.
        command: the route's command at that point.
        next_targets_ego_m: the two target points after it, x and y of the one, then of the other,
            in the ego frame. Each lies farther from the one before it than a point counts as
            passed; at the end of the route its last point stands for those that it lacks.
        next_command: the route's command at the first of these two.
        last_target_ego_m: the point of the sparse route that was passed last, in the ego frame; the
            first one at the beginning.
        last_command: the route's command there. It holds until the target point: that of a turn
            from 7.5 m before the turn to its end.
    """

    target_ego_m: tuple[float, float]
    command: RoadOption
    next_targets_ego_m: tuple[float, float, float, float]
    next_command: RoadOption
    last_target_ego_m: tuple[float, float]
    last_command: RoadOption


class RouteFollower:
    """Follows a route together with the vehicle and gives the next target point. It is TransFuser's
    planner (CVPR 2021) on the CARLA leaderboard's sparse route.

    The sparse route keeps those points of the route where the command changes, a point about every
    50 m, and the last. The target point is the next of these after the one that the vehicle last
    came within 7.5 m of. The route must begin where the vehicle stands. Once its last point is
    reached, it stays the target point: stopping there is up to the vehicle's program.

    Args:
        points: (N, 2), at least two, x and y in metres in any map frame. Points that lie farther
            apart than 2 m are joined by straight lines, so give bends in full.
        commands: N, for each point a `RoadOption` or its number, which holds from that point to the
            next; `LANE_FOLLOW` everywhere by default. With the commands of junctions there are
            target points where a turn begins and where it ends, as in training.
        passed_m: a point counts as passed once the rear axle has come this near to it, above 0.

    Raises:
        InputError: the points or commands make no route.

    Examples:
        >>> from auxdrive import Pose2, RouteFollower
        >>> follower = RouteFollower([(0.0, 0.0), (30.0, 0.0), (30.0, 40.0)])
        >>> follower.update(Pose2(x_m=2.0, y_m=0.0, yaw_rad=0.0)).target_ego_m
        (28.0, 22.0)
    """

    def __init__(
        self, points: AnyArray | Sequence[Sequence[float]],
        commands: Sequence[RoadOption | int] | None = None, passed_m: float = PASSED_M,
    ) -> None:  # fmt: skip
        given = route_points(points)
        filled, options = filled_route(given, route_commands(commands, len(given)))
        kept = downsample_route(filled, options)
        self._follow(filled[kept], [options[i] for i in kept], passed_m)

    @classmethod
    def of_sparse(
        cls, points: AnyArray | Sequence[Sequence[float]], commands: Sequence[RoadOption | int],
        passed_m: float = PASSED_M,
    ) -> RouteFollower:  # fmt: skip
        """A follower of a route that is sparse already, such as the plan that the leaderboard gives
        to an agent: every point of it may be a target point. A point may stand there twice.

        Args:
            points: (N, 2), at least two.
            commands: N, for each point the command there.
            passed_m: TransFuser's agents take 4.0 (CVPR 2021) or 7.5 (2022).

        Raises:
            InputError: the points or commands make no route.

        Examples:
            >>> from auxdrive import Pose2, RouteFollower
            >>> plan = RouteFollower.of_sparse([(0.0, 0.0), (40.0, 0.0), (90.0, 0.0)], [4, 4, 4])
            >>> plan.update(Pose2(x_m=36.5, y_m=0.0, yaw_rad=0.0)).target_ego_m
            (53.5, 0.0)
        """
        given = finite_points(points)
        if (far := step_lengths(given).max()) > MAX_TARGET_M:
            raise InputError(
                f"two points of the sparse route are {far:.0f} m apart; at most "
                f"{MAX_TARGET_M:.0f} m are allowed"
            )
        follower = cls.__new__(cls)
        follower._follow(given, route_commands(commands, len(given)), passed_m)
        return follower

    def _follow(self, points: Float64, commands: Sequence[RoadOption], passed_m: float) -> None:
        self._points = [(float(x), float(y)) for x, y in points]
        self._commands = list(commands)
        self._passed_m = number("passed_m", passed_m, "how near is passed, in metres")
        if self._passed_m <= 0:
            raise InputError(f"passed_m is {self._passed_m}; give metres above 0")
        self._passed = 0

    def update(self, pose: Pose2) -> TargetPoint:
        """The target point and its command, now that the vehicle is at a pose. Call it for every
        new pose: a point counts as passed only if some pose came within 7.5 m of it.

        Args:
            pose: of the rear axle, in the route's map frame.

        Raises:
            InputError: it is no pose or not finite, or the target point is more than 1000 m away,
                as when route and pose are in different map frames.
        """
        ego = _pose(pose)
        points, first = self._points, self._passed
        ahead = 0.0
        farthest_in_range = -math.inf
        for index in range(first + 1, len(points)):
            if ahead > LOOK_AHEAD_M:
                break
            ahead += math.dist(points[index], points[index - 1])
            distance = math.dist(points[index], (ego.x_m, ego.y_m))
            if farthest_in_range < distance <= self._passed_m:
                farthest_in_range = distance
                self._passed = min(index, max(len(points) - 2, 0))
        target = min(self._passed + 1, len(points) - 1)
        x_m, y_m = world_to_ego(np.array(points[target]), ego).tolist()
        if not math.hypot(x_m, y_m) <= MAX_TARGET_M:
            raise InputError(
                f"the target point is {math.hypot(x_m, y_m):.0f} m away from the pose; route and "
                "pose must be in one map frame, and the route must begin where the vehicle is"
            )
        second = self._after(target)
        third = self._after(second)
        (x2_m, y2_m), (x3_m, y3_m), (x0_m, y0_m) = world_to_ego(
            np.array([points[second], points[third], points[self._passed]]), ego
        ).tolist()
        return TargetPoint(
            (x_m, y_m), self._commands[target], (x2_m, y2_m, x3_m, y3_m), self._commands[second],
            (x0_m, y0_m), self._commands[self._passed],
        )  # fmt: skip

    def _after(self, index: int) -> int:
        """The target point that comes after one: the next that is not passed together with it, or
        the last.
        """
        points, last = self._points, len(self._points) - 1
        for other in range(index + 1, last):
            if math.dist(points[other], points[index]) > self._passed_m:
                return other
        return last


def downsample_route(
    points: Float64, commands: Sequence[RoadOption], sample_m: float = SAMPLE_M
) -> list[int]:
    """The points of a route that its sparse route keeps: those at lane changes and changes of
    command, one every `sample_m`, and the last.

    This is the leaderboard's `downsample_route` (leaderboard/utils/route_manipulation.py), which
    counts the distance only over points that are left out.

    Args:
        points: (N, 2) or (N, 3), of the route.
        commands: N, one for each point.
        sample_m: 50 in leaderboard 1.0 and Bench2Drive, 200 in 2.0 and 2.1.

    Returns:
        K indices into the points.
    """
    step_m = step_lengths(points)
    if points.shape[-1] == 3:
        step_m = np.hypot(step_m, np.diff(points[:, 2]))
    steps = step_m.tolist()
    kept: list[int] = []
    previous: RoadOption | None = None
    travelled = 0.0
    for index, option in enumerate(commands):
        changed = previous != option and previous not in _LANE_CHANGES
        is_last = index == len(commands) - 1
        if option in _LANE_CHANGES or changed or travelled > sample_m or is_last:
            kept.append(index)
            travelled = 0.0
        else:
            travelled += steps[index - 1]
        previous = option
    return kept


def _pose(given: Pose2) -> Pose2:
    if not isinstance(given, Pose2):
        raise InputError(f"the pose is {shown(given)}; give a Pose2 in the route's map frame")
    return Pose2(
        number("pose.x_m", given.x_m, "the rear axle's x in metres"),
        number("pose.y_m", given.y_m, "the rear axle's y in metres"),
        number("pose.yaw_rad", given.yaw_rad, "the heading in radians, positive to the left"),
    )
