"""What the embedded simulator knows of its towns before anybody drives: their routes and maps."""

from __future__ import annotations

from collections.abc import Sequence

from auxdrive_eval.road_maps.town_map import TownMap
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.road_map import EmbeddedRoadMap, map_of
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.simulators.embedded.town.routing import random_route
from auxdrive_eval.simulators.embedded.town.weather import weather_for
from auxdrive_eval.simulators.embedded.town_kits import TownKits, TownSource
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import Point


class TownRoutes:
    """Plans routes of towns, and draws these.

    Args:
        towns: where they come from.
    """

    def __init__(self, towns: TownSource) -> None:
        self._towns = towns
        self._kits = TownKits(towns)

    def plan(
        self,
        town: str,
        keypoints: Sequence[Point],
        route_id: str = "0",
        weather: Weather | None = None,
        yaws_rad: Sequence[float | None] = (),
    ) -> Route:
        """Plan a route through keypoints of a town: of a generated town by
        `auxdrive_eval.simulators.embedded.town.routing.plan_route`, of one of CARLA's maps by
        CARLA's rules (`RoutePlanner`).

        Args:
            town: its name, such as `EmbeddedTown0007`.
            keypoints: two or more (x, y) in the world frame, metres.
            route_id: id of the route.
            weather: None is the default.
            yaws_rad: heading of the lane at each keypoint, positive to the left; None where it is
                not known. Empty if none is known.

        Raises:
            SimulatorError: there is no such town, or no route that fits these keypoints.
        """
        graph = self._kits.of(town).graph
        return self._towns.plan(graph, keypoints, route_id, weather, yaws_rad)

    def random_route(
        self, seed: int, min_length_m: float = 150.0, max_length_m: float = 400.0
    ) -> Route:
        """A route of the town of that seed, in the weather of that seed.

        Args:
            seed: also the route's id.
            min_length_m: least length along the lanes.
            max_length_m: greatest length along the lanes.

        Raises:
            SimulatorError: no route of that length was found.
        """
        graph = self._kits.of(self._towns.name_of(seed)).graph
        return random_route(graph, seed, min_length_m, max_length_m, weather=weather_for(seed))

    def town_map(self, town: str) -> TownMap:
        """What a map of the town shows.

        Raises:
            SimulatorError: there is no such town.
        """
        return map_of(self.town(town))

    def town(self, name: str) -> Town:
        """The whole town of a name.

        Raises:
            SimulatorError: there is no such town.
        """
        return self._kits.of(name).graph.town

    def road_map(self, town: str) -> EmbeddedRoadMap:
        """What planner and criteria ask of a town's roads.

        Raises:
            SimulatorError: there is no such town.
        """
        return self._kits.of(town).roads
