"""The towns of a server: their road maps, and routes on them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from auxdrive.errors import SimulatorError

from auxdrive_eval.road_maps import CarlaRoadMap
from auxdrive_eval.route import Route
from auxdrive_eval.routes.planner import RoutePlanner
from auxdrive_eval.routes.spec import RouteSpec
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import Point

MOST_TRIES = 200
RANDOM_LENGTH_M = (150.0, 400.0)


class Towns:
    """Road maps and planners, each made once. A town that is asked for is loaded if the server has
    not loaded it.

    Args:
        session: with the server.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._roads: dict[str, CarlaRoadMap] = {}
        self._opendrive: dict[str, str] = {}
        self._planners: dict[str, RoutePlanner] = {}
        self._starts: dict[str, list[Point]] = {}

    def roads(self, town: str) -> CarlaRoadMap:
        """The road map of a town.

        Raises:
            SimulatorError: the server has no such town.
        """
        if town not in self._roads:
            if town != self._session.town:
                self._session.load(town)
            carla_map: Any = self._session.map
            self._opendrive[town] = str(carla_map.to_opendrive())
            self._roads[town] = CarlaRoadMap(carla_map, self._opendrive[town])
            self._starts[town] = sorted(
                (float(at.location.x), -float(at.location.y)) for at in carla_map.get_spawn_points()
            )
        return self._roads[town]

    def opendrive(self, town: str) -> str:
        """The map of a town as OpenDRIVE.

        Raises:
            SimulatorError: the server has no such town.
        """
        self.roads(town)
        return self._opendrive[town]

    def plan(
        self,
        town: str,
        keypoints: Sequence[Point],
        route_id: str,
        weather: Weather,
        yaws_rad: Sequence[float | None] = (),
    ) -> Route:
        """Plan a route by CARLA's rules (`RoutePlanner`).

        Args:
            town: its name.
            keypoints: two or more, in the world frame.
            route_id: id of the route.
            weather: of the route.
            yaws_rad: noted in the route's specification; CARLA's planner takes the nearest lane
                whatever its heading.

        Raises:
            SimulatorError: there is no such town, or no route through these keypoints.
        """
        points = tuple((float(x_m), float(y_m)) for x_m, y_m in keypoints)
        spec = RouteSpec(route_id, town, points, weather, tuple(yaws_rad))
        return self.plan_specification(spec)

    def plan_specification(self, spec: RouteSpec) -> Route:
        """Plan a route as its file describes it.

        Args:
            spec: the route.

        Raises:
            SimulatorError: there is no such town, or no route through its keypoints.
        """
        return self._planner(spec.town).plan(spec).route(spec)

    def random_route(self, town: str, seed: int) -> Route:
        """A route between two spawn points of a town.

        Args:
            town: its name.
            seed: decides which; also the route's id.

        Raises:
            SimulatorError: there is no such town, or no route of a fitting length was found.
        """
        self.roads(town)
        starts, chance = self._starts[town], random.Random(seed)
        least_m, most_m = RANDOM_LENGTH_M
        for _ in range(MOST_TRIES if len(starts) > 1 else 0):
            try:
                route = self.plan(town, chance.sample(starts, 2), str(seed), Weather())
            except SimulatorError:
                continue  # no way leads there: other points are drawn
            if least_m <= route.length_m <= most_m:
                return route
        raise SimulatorError(
            f"no route of {least_m:g} to {most_m:g} m was found for seed {seed} in {town}"
        )

    def _planner(self, town: str) -> RoutePlanner:
        if town not in self._planners:
            self._planners[town] = RoutePlanner(self.roads(town))
        return self._planners[town]
