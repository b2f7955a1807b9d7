"""The half of the CARLA simulator that holds the client: routes are planned on the maps of a server
and driven in it, in synchronous mode. It runs in a process of its own (`simulator.py`), since the
client may end the process in which it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from auxdrive.data.plan import ExpertPlan
from auxdrive.errors import SimulatorError
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray, Control, Float32

from auxdrive_eval.road_maps.town_map import TownMap
from auxdrive_eval.route import Route
from auxdrive_eval.routes.spec import RouteSpec
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.simulators.carla.driven_route import DrivenRoute
from auxdrive_eval.simulators.carla.scenarios.grounds import Grounds
from auxdrive_eval.simulators.carla.spec import CarlaOptions
from auxdrive_eval.simulators.carla.town.towns import Towns
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import Point, RoadUser, WorldState


class ClientHalf:
    """Does what `CarlaSimulator` is asked. Each route begins with its town loaded anew, so that
    nothing of an earlier one is left.

    Args:
        options: of the simulator.
        port: of the server.
        sensors: False for a world without sensors.

    Raises:
        MissingExtra: the extra [carla] is not installed.
        SimulatorError: the server's version is another one than the client's.
        SimulationCrashed: the server does not answer.
    """

    def __init__(self, options: CarlaOptions, port: int, sensors: bool) -> None:
        self._options, self._with_sensors = options, sensors
        self._driven: DrivenRoute | None = None
        self._session = Session(options, port)
        self._towns = Towns(self._session)
        self._grounds = Grounds()

    def __call__(self, job: tuple[str, tuple[Any, ...]]) -> Any:
        """Do one job.

        Args:
            job: the name of a method, and its arguments.
        """
        name, arguments = job
        return getattr(self, name)(*arguments)

    def version(self) -> str:
        """The version of client and server."""
        return str(self._session.version)

    def plan(
        self,
        town: str,
        keypoints: Sequence[Point],
        route_id: str = "0",
        weather: Weather | None = None,
        yaws_rad: Sequence[float | None] = (),
    ) -> Route:
        """Plan a route through keypoints of a town, by CARLA's own rules.

        Args:
            town: its name, such as `Town01`.
            keypoints: two or more (x, y) in the world frame, metres.
            route_id: id of the route.
            weather: None is the default.
            yaws_rad: without effect; CARLA takes the nearest lane.

        Raises:
            SimulatorError: there is no such town, or no route that fits these keypoints.
        """
        self._leave_for(town)
        return self._towns.plan(town, keypoints, route_id, weather or Weather(), yaws_rad)

    def plan_specification(self, spec: RouteSpec) -> Route:
        """Plan a route as its file describes it.

        Args:
            spec: the route.

        Raises:
            SimulatorError: there is no such town, or no route through its keypoints.
        """
        self._leave_for(spec.town)
        return self._towns.plan_specification(spec)

    def random_route(self, seed: int) -> Route:
        """A route of a seed between two spawn points of the town that the options name.

        Raises:
            SimulatorError: there is no such town, or no route of a fitting length was found.
        """
        self._leave_for(self._options.town)
        return self._towns.random_route(self._options.town, seed)

    def town_map(self, town: str) -> TownMap:
        """What a map of the town shows.

        Raises:
            SimulatorError: the server has no such town.
        """
        self._leave_for(town)
        return self._towns.roads(town).town_map()

    def opendrive(self, town: str) -> str:
        """The map of a town as OpenDRIVE.

        Raises:
            SimulatorError: the server has no such town.
        """
        self._leave_for(town)
        return self._towns.opendrive(town)

    def reset(self, route: Route, seed: int) -> WorldState:
        """Load the town, and put the ego at rest with its centre at the start of the route.

        Args:
            route: from `plan` or `random_route`.
            seed: decides the traffic.

        Returns:
            The world before the first tick.

        Raises:
            SimulatorError: the server has no such town, or there is no room for the ego.
            SimulationCrashed: the server failed.
        """
        self._end_route()
        self._driven = DrivenRoute(
            self._session,
            self._towns.roads(route.town),
            self._grounds,
            self._options,
            route,
            seed,
            self._with_sensors,
        )
        return self._driven.state

    def step(self, control: Control) -> WorldState:
        """Advance by one tick.

        Raises:
            SimulatorError: no route was set, or the control is not finite.
            SimulationCrashed: the server failed.
        """
        driven = self._driving()
        driven.step(control)
        return driven.state

    def sense(self, modalities: Collection[Modality]) -> Mapping[Modality, AnyArray]:
        """What the sensors see now, in the stored formats.

        Raises:
            SimulatorError: no route was set, or there is no such sensor.
            SimulationCrashed: a frame has not come in time, or an image is black.
        """
        return self._driving().sense(modalities)

    def lidar_points(self) -> Float32:
        """The points that the LiDAR sees now. See `SeesPoints`.

        Raises:
            SimulatorError: no route was set, or there is no LiDAR.
            SimulationCrashed: the frame has not come in time.
        """
        return self._driving().lidar_points()

    def expert(self) -> Control:
        """The control that our own simple driver would choose now. See `ego.expert.Expert`.

        Raises:
            SimulatorError: no route was set.
        """
        return self._driving().expert()

    def expert_plan(self) -> ExpertPlan:
        """What it means to do. See `Planning`.

        Raises:
            SimulatorError: no route was set.
        """
        return self._driving().expert_plan()

    def road_users(self) -> tuple[RoadUser, ...]:
        """Who else is on the road. See `Surveying`.

        Raises:
            SimulatorError: no route was set.
        """
        return self._driving().road_users()

    def close(self) -> None:
        """Remove every actor, and give the server its time back. It may be called again."""
        try:
            self._end_route()
        finally:
            self._session.close()

    def _driving(self) -> DrivenRoute:
        if self._driven is None:
            raise SimulatorError("no route is being driven: call reset(route, seed) first")
        return self._driven

    def _end_route(self) -> None:
        driven, self._driven = self._driven, None
        if driven is not None:
            driven.close()

    def _leave_for(self, town: str) -> None:
        if self._driven is not None and town != self._driven.town:
            self._end_route()  # the town will be loaded, in which nothing of the route is left
