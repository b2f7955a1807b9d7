"""The lanes on which scenarios are described, from the map of a server's town: the same that the
embedded simulator drives on where it is given that map.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from auxdrive.errors import SimulatorError
from auxdrive.types import Float64

from auxdrive_eval.road_maps import CarlaRoadMap
from auxdrive_eval.road_maps.carla_signals import LIGHT
from auxdrive_eval.route import Route
from auxdrive_eval.routes.planner import RoutePlanner
from auxdrive_eval.routes.spec import RouteSpec
from auxdrive_eval.simulators.embedded.opendrive.planning import MapPlanner
from auxdrive_eval.simulators.embedded.opendrive.town import town_of_map
from auxdrive_eval.simulators.embedded.scenarios.ground import Crossing, Ground
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.simulators.embedded.town_kits import TownKit, kit_of

LIGHT_M = 25.0
"""The stop line of a lane's light is no farther from the lane's end."""
SAME_WAY = 0.7
"""Cosine between a lane and another that leads the same way, at least."""


class CarlaGround(Ground):
    """A route in CARLA, on which a driver may stop with its bumper less than a metre before a line.
    The last point before a line is up to a metre away from it, so that junctions begin at the first
    one behind it.
    """

    def _crossings(self) -> tuple[Crossing, ...]:
        return tuple(
            replace(found, start_m=self._next_m(found.start_m)) for found in super()._crossings()
        )

    def _next_m(self, along_m: float) -> float:
        return float(self.along[np.searchsorted(self.along, along_m, side="right")])


class _Lanes(NamedTuple):
    kit: TownKit
    planner: MapPlanner


class Grounds:
    """The lanes of towns, each made once."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lanes] = {}

    def of(self, route: Route, roads: CarlaRoadMap) -> tuple[TownKit, Route]:
        """The lanes of a route's town, without what the embedded simulator would put beside them,
        and the route with the lane of each point.

        Args:
            route: planned on the town's map.
            roads: of the town.

        Raises:
            SimulatorError: the route was planned otherwise, or leads over a dead end.
            DataError: the embedded simulator cannot drive on these lanes.
        """
        if route.town not in self._lanes:
            found = town_of_map(roads)
            kit = kit_of(replace(found.town, props=()))
            self._lanes[route.town] = _Lanes(kit, MapPlanner(RoutePlanner(roads), found.lanes_of))
        kit, planner = self._lanes[route.town]
        spec = RouteSpec(route.route_id, route.town, route.keypoints, heights_m=_heights_m(route))
        planned = planner.plan_specification(kit.graph, spec)
        if planned.points.shape != route.points.shape or not np.allclose(
            planned.points, route.points
        ):
            raise SimulatorError(f"route {route.route_id} was not planned on the map of its town")
        return kit, replace(planned, scenarios=route.scenarios)


def _heights_m(route: Route) -> tuple[float, ...]:
    """The height of each keypoint, as far as the route's points tell it."""
    if not route.heights_m:
        return ()
    keypoints: Float64 = np.array(route.keypoints)
    away = np.hypot(*(route.points[None] - keypoints[:, None]).transpose(2, 0, 1))
    return tuple(route.heights_m[int(index)] for index in away.argmin(axis=1))


def landmarks_of(town: Town, roads: CarlaRoadMap) -> dict[int, int]:
    """The OpenDRIVE id of each light of a town, as far as it can be told.

    Args:
        town: made from the map (`town_of_map`).
        roads: the map.
    """
    lines = roads.signals.lines(LIGHT)
    found = {}
    for number, light in town.lights.items():
        lane = town.lanes[light.lane_id]
        yaw_rad = float(lane.yaw_rad[-1])
        away = {
            math.dist(line.centre, lane.centreline[-1]): line.landmark
            for line in reversed(lines)
            if math.cos(line.yaw_rad - yaw_rad) > SAME_WAY
        }
        if away and min(away) <= LIGHT_M:
            found[number] = away[min(away)]
    return found
