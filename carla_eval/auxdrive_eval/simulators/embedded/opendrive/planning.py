"""Routes on the town of a map, planned as the leaderboard does, on the lanes made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from auxdrive.errors import SimulatorError
from auxdrive.types import Float64

from auxdrive_eval.road_maps.base import LaneId
from auxdrive_eval.route import Route
from auxdrive_eval.routes.planner import RoutePlanner
from auxdrive_eval.routes.spec import RouteSpec
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import Point

LEAST_M = 5.0


class MapPlanner:
    """Plans by CARLA's rules (`RoutePlanner`), and says on which lane of the town each point lies.

    Args:
        planner: on the file's map.
        lanes_of: the lanes that were made from each lane of the map.
    """

    def __init__(self, planner: RoutePlanner, lanes_of: Mapping[LaneId, Sequence[int]]) -> None:
        self._planner = planner
        self._lanes_of = lanes_of

    def plan(
        self,
        graph: LaneGraph,
        keypoints: Sequence[Point],
        route_id: str,
        weather: Weather,
        yaws_rad: Sequence[float | None],
    ) -> Route:
        """The route through keypoints, each of which is moved onto the nearest lane.

        Args:
            graph: the lanes of the town.
            keypoints: two or more (x, y) in the world frame, metres.
            route_id: id of the route.
            weather: on the route.
            yaws_rad: noted in the route's specification; CARLA's planner takes the nearest lane
                whatever its heading.

        Raises:
            SimulatorError: there are fewer than two keypoints, one lies far beside every lane, no
                way leads from one to the next, one lies behind the one before, the route is too
                short, or it leads over a dead end.
        """
        points = tuple((float(x_m), float(y_m)) for x_m, y_m in keypoints)
        spec = RouteSpec(route_id, graph.town.name, points, weather, tuple(yaws_rad))
        return self.plan_specification(graph, spec)

    def plan_specification(self, graph: LaneGraph, spec: RouteSpec) -> Route:
        """The route that a specification describes.

        Args:
            graph: the lanes of the town.
            spec: the route.

        Raises:
            SimulatorError: as `plan`.
        """
        route_id = spec.route_id
        dense = self._planner.plan(spec)
        route = dense.route(spec)
        if len(route.points) < 2 or route.length_m < LEAST_M:
            raise SimulatorError(
                f"route {route_id}: its keypoints lie {route.length_m:.1f} m apart along the "
                f"lanes, less than {LEAST_M} m"
            )
        lanes = [
            self._lane(graph, dense.lanes[index], route.points[number], route_id)
            for number, index in enumerate(dense.distinct)
        ]
        return replace(
            route, yaw_rad=np.unwrap(route.yaw_rad), lane_ids=tuple(_without_gaps(graph, lanes))
        )

    def _lane(self, graph: LaneGraph, key: LaneId, point: Float64, route_id: str) -> int:
        own = self._lanes_of.get(key, ())
        if not own:
            raise SimulatorError(
                f"route {route_id}: it leads over lane {key.lane} of road {key.road} of "
                f"{graph.town.name}, which leads to a dead end"
            )
        if len(own) == 1:
            return own[0]
        away = {
            float(np.hypot(*(graph.town.lanes[lane].centreline - point).T).min()): lane
            for lane in reversed(own)
        }
        return away[min(away)]


def _without_gaps(graph: LaneGraph, lanes: Sequence[int]) -> list[int]:
    """The lane of each point of a route. A lane that is so short that no point lies on it has the
    first one behind it.
    """
    found = list(lanes)
    for index in range(1, len(found)):
        before, after = graph.town.lanes[found[index - 1]], found[index]
        if after == before.lane_id or after in before.successors:
            continue
        short = [lane for lane in before.successors if after in graph.town.lanes[lane].successors]
        if short:
            found[index] = short[0]
    return found
