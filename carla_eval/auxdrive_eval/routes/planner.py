"""Dense routes over a road map: a point about each metre, with the road option there, as the
leaderboard's planner gives them to agents and criteria.

Legend: N points of the dense route; the world frame is right-handed, metres.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from auxdrive.errors import InputError, SimulatorError
from auxdrive.types import Float64, RoadOption
from numpy.typing import NDArray

from auxdrive_eval.road_maps.base import LaneId, LanePoint, RoadMap
from auxdrive_eval.route import Route
from auxdrive_eval.routes.decisions import Decisions
from auxdrive_eval.routes.road_graph import (
    Edge,
    Node,
    RoadGraph,
    distances_m,
    nearest_index,
)
from auxdrive_eval.routes.spec import RouteSpec, as_spec
from auxdrive_eval.world import Point

HOP_M = 1.0
HOPS_M = (0.1, 10.0)
"""By smaller hops a town has millions of points; larger ones pass over junctions."""
CHANGE_POINTS = 5
"""A lane change ends this many points farther on in the new lane."""
SAME_M = 0.01
"""Points nearer to each other than this are the same."""
MISSED_M = 10.0
"""A lane change may end this far beyond a keypoint. A leg that ends farther off has none ahead."""
FARTHEST_M = 100.0
"""Keypoints may lie this far beside every lane; one of the leaderboard's own lies 9 m away."""
Step = tuple[LanePoint, RoadOption]


class _Goal(NamedTuple):
    """A keypoint, and the point of a lane that is nearest to it."""

    keypoint: tuple[float, float, float]
    lane_point: LanePoint
    is_end: bool


@dataclass(frozen=True, slots=True)
class DenseRoute:
    """A planned route, as the leaderboard has it: where one lane ends and the next begins, and at
    both ends of a lane change, the same point may stand there twice, with the option of either.

    Attributes:
        points: float64 (N, 3), metres.
        yaw_rad: float64 (N,), heading of the lane at each point.
        options: N road options.
        lanes: the lane of each point.
    """

    points: Float64
    yaw_rad: Float64
    options: tuple[RoadOption, ...]
    lanes: tuple[LaneId, ...]

    @property
    def length_m(self) -> float:
        """Length through all points, in three dimensions as the leaderboard measures it."""
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())

    @property
    def distinct(self) -> NDArray[np.intp]:
        """The indices of its points; of those that are the same, that of the last."""
        apart = np.linalg.norm(np.diff(self.points, axis=0), axis=1) >= SAME_M
        return np.flatnonzero([*apart, True])

    def route(self, spec: RouteSpec) -> Route:
        """The route as simulators and criteria take it, with id, town, keypoints and weather of its
        specification. Of points that are the same, the last is kept.

        Args:
            spec: from which it was planned.

        Raises:
            InputError: it is no `RouteSpec`.
        """
        spec = as_spec(spec)
        kept = self.distinct
        return Route(
            spec.route_id,
            spec.town,
            spec.keypoints,
            self.points[kept, :2],
            self.yaw_rad[kept],
            tuple(self.options[index] for index in kept),
            spec.weather,
            tuple(self.lanes[index].number for index in kept),
            heights_m=tuple(self.points[kept, 2].tolist()),
            weathers=spec.weathers,
        )


class RoutePlanner:
    """Plans dense routes by CARLA's rules: A* over the lanes from keypoint to keypoint, turns at
    junctions by the angle between the lanes before and after, lane changes in one bound of
    `CHANGE_POINTS` points. The graph of the map is made once.

    Args:
        road_map: on which routes are planned.
        hop_m: from one point to the next, within `HOPS_M`.

    Raises:
        MissingExtra: networkx is not installed.
        InputError: `hop_m` lies outside `HOPS_M`.

    Examples:
        >>> from auxdrive_eval import RoutePlanner, SimulatorSettings, make_simulator
        >>> from auxdrive_eval.routes import RouteSpec
        >>> simulator = make_simulator(SimulatorSettings(), sensors=False)
        >>> own = simulator.random_route(1000)
        >>> planner = RoutePlanner(simulator.road_map(own.town))
        >>> dense = planner.plan(RouteSpec("0", own.town, own.keypoints))
        >>> abs(dense.length_m - own.length_m) < 3.0
        True
    """

    def __init__(self, road_map: RoadMap, hop_m: float = HOP_M) -> None:
        least_m, most_m = HOPS_M
        if not least_m <= hop_m <= most_m:
            raise InputError(f"hop_m is {hop_m}; give {least_m} to {most_m} metres")
        self._map = road_map
        self._hop_m = hop_m
        self._graph = RoadGraph(road_map, hop_m)

    def plan(self, spec: RouteSpec) -> DenseRoute:
        """The dense route through the keypoints of a route. Each is moved onto the nearest lane.

        Args:
            spec: the route; its town is not asked for.

        Raises:
            InputError: it is no `RouteSpec`.
            SimulatorError: there are fewer than two keypoints, one is no finite (x, y) or lies more
                than `FARTHEST_M` beside every lane, the heights are not as many, no way leads from
                one to the next, or one lies behind the one before.
        """
        spec = as_spec(spec)
        if len(spec.keypoints) < 2:
            raise SimulatorError(f"route {spec.route_id}: a route needs two keypoints or more")
        heights_m = spec.heights_m or (0.0,) * len(spec.keypoints)
        if not _are_places(spec.keypoints, heights_m):
            raise SimulatorError(
                f"route {spec.route_id}: its keypoints must be finite numbers, (x, y) and as many "
                "heights, or none"
            )
        goals = [
            _Goal((x_m, y_m, z_m), self._map.nearest(x_m, y_m, z_m), left == 1)
            for left, (x_m, y_m), z_m in zip(
                range(len(heights_m), 0, -1), spec.keypoints, heights_m, strict=True
            )
        ]
        for number, goal in enumerate(goals):
            self._refuse_far(f"route {spec.route_id}: keypoint {number}", goal)
        decisions = Decisions(self._graph)
        steps: list[Step] = []
        for number, (start, goal) in enumerate(pairwise(goals)):
            nodes = self._graph.path(start.lane_point, goal.lane_point)
            if nodes is None:
                raise SimulatorError(
                    f"route {spec.route_id}: no way leads from keypoint {number} to keypoint "
                    f"{number + 1} in {self._map.name}"
                )
            leg = list(self._leg(nodes, start.lane_point, goal, decisions))
            behind_m = _distance_m(leg[-1][0], goal.lane_point)
            if behind_m > MISSED_M and not (goal.is_end and len(leg) > 1):
                raise SimulatorError(
                    f"route {spec.route_id}: keypoint {number + 1} lies {behind_m:.0f} m behind "
                    f"keypoint {number} on its lane in {self._map.name}"
                )
            steps.extend(leg)
        return DenseRoute(
            np.array([(point.x_m, point.y_m, point.z_m) for point, _ in steps]),
            np.array([point.yaw_rad for point, _ in steps]),
            tuple(option for _, option in steps),
            tuple(point.lane for point, _ in steps),
        )

    def _refuse_far(self, what: str, goal: _Goal) -> None:
        beside_m = math.dist(goal.keypoint[:2], (goal.lane_point.x_m, goal.lane_point.y_m))
        if not beside_m <= FARTHEST_M:
            raise SimulatorError(
                f"{what} at x {goal.keypoint[0]:.1f}, y {goal.keypoint[1]:.1f} (to the left) lies "
                f"{beside_m:.0f} m from the nearest lane of {self._map.name}; at most "
                f"{FARTHEST_M:.0f} m is allowed. Is the route meant for this town?"
            )

    def _leg(
        self, nodes: list[Node], start: LanePoint, goal: _Goal, decisions: Decisions
    ) -> Iterator[Step]:
        """The way from one keypoint to the next."""
        here = start
        for index, (a, b) in enumerate(pairwise(nodes)):
            option, edge = decisions.at(nodes, index), self._graph.edge(a, b)
            if edge.option is not RoadOption.LANE_FOLLOW:
                yield here, option
                here = self._landed(here, edge)
                yield here, option
                continue
            first = nearest_index(here, edge.points)
            until = self._until(edge, first, goal) if index == len(nodes) - 2 else None
            for number, point in enumerate(edge.points[first:], start=first):
                here = point
                yield here, option
                if until is not None and (number >= until or self._near(here, goal)):
                    break

    def _until(self, edge: Edge, first: int, goal: _Goal) -> int:
        """The index of the point on the last lane of a leg at which it ends, unless it comes near
        the keypoint before. A route whose last keypoint lies beside its lane leads to the end of
        that lane, as in the leaderboard; a keypoint on the way is where the lane is nearest to it.
        """
        nearest = nearest_index(goal.lane_point, edge.points)
        return len(edge.points) - 1 if goal.is_end and nearest >= first else nearest

    def _landed(self, here: LanePoint, change: Edge) -> LanePoint:
        lane = self._graph.lane_edge(change.points[-1].lane)
        assert lane is not None, "a change lands on a lane of the graph"
        path = lane.points[1:-1]
        if not path:
            return lane.points[-1]
        return path[min(nearest_index(here, path) + CHANGE_POINTS, len(path) - 1)]

    def _near(self, here: LanePoint, goal: _Goal) -> bool:
        return bool(distances_m(goal.keypoint, (here,))[0] < 2 * self._hop_m)


def _are_places(keypoints: Sequence[Point], heights_m: Sequence[float]) -> bool:
    """Whether they are finite numbers: (x, y), and a height for each."""
    try:
        rows = np.array(
            [(x_m, y_m, z_m) for (x_m, y_m), z_m in zip(keypoints, heights_m, strict=True)], float
        )
    except (TypeError, ValueError):
        return False
    return rows.ndim == 2 and bool(np.isfinite(rows).all())


def _distance_m(a: LanePoint, b: LanePoint) -> float:
    return math.dist((a.x_m, a.y_m, a.z_m), (b.x_m, b.y_m, b.z_m))
