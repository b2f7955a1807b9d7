"""CARLA as a `Simulator`. The client lives in a process of its own, since it ends the process in
which it is where a server with a traffic manager dies, and may hang for ever. So whatever befalls
server and client is an error here.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from auxdrive.cards import VehicleSpec
from auxdrive.data.plan import ExpertPlan
from auxdrive.errors import AuxdriveError, WorkerDied
from auxdrive.machine.worker_processes import OwnProcess
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Control, Float32

from auxdrive_eval.road_maps import CarlaRoadMap
from auxdrive_eval.road_maps.town_map import TownMap
from auxdrive_eval.route import Route
from auxdrive_eval.routes.spec import RouteSpec
from auxdrive_eval.simulators.base import ATTEMPTS, SimulationCrashed
from auxdrive_eval.simulators.carla.client import ClientHalf
from auxdrive_eval.simulators.carla.connection.server import Server
from auxdrive_eval.simulators.carla.ego.vehicle import axles_of
from auxdrive_eval.simulators.carla.spec import CarlaOptions
from auxdrive_eval.simulators.carla.versions import client_library
from auxdrive_eval.simulators.embedded.scenarios import OTHER_NAMES, SCENARIOS
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import Point, RoadUser, WorldState

VERSION = "2"
"""Raise it whenever the same route, seed and driver give another drive than before."""
PLANNING_S = 120.0
SPARE_S = 5.0
"""The client has its own time-outs; its process is ended this much later than the last of them."""
_log = logging.getLogger(__name__)


class CarlaSimulator:
    """An implementation of `auxdrive_eval.simulators.base.Simulator` by a server of CARLA. Each
    route begins with its town loaded anew, so that nothing of an earlier one is left.

    Args:
        options: where the server is, and what is driven in it.
        sensors: False for a world without sensors.

    Raises:
        MissingExtra: the extra [carla] is not installed.
        SimulatorError: there is no server, another process uses it, or its version is another one
            than the client's.
        SimulationCrashed: the server does not answer.
    """

    scenario_names = frozenset({*SCENARIOS, *OTHER_NAMES})

    def __init__(self, options: CarlaOptions, *, sensors: bool = True) -> None:
        axles = axles_of(options.ego)
        client_library()
        self._options = options
        self.tick_s = options.tick_s
        self.camera = options.camera
        self.vehicle = VehicleSpec(name=options.ego, wheelbase_m=axles.wheelbase_m)
        self.steering = SteeringSpec(max_road_wheel_deg=options.max_steer_deg)
        self._begin(sensors, ATTEMPTS if options.carla_root else 1)

    def _begin(self, sensors: bool, starts: int) -> None:
        """Find a server or start one, and connect; a server that ends as it starts is started
        again.
        """
        while True:
            starts -= 1
            try:
                self._connect(sensors)
                return
            except SimulationCrashed as crashed:
                if starts == 0:
                    raise
                _log.warning("the simulation crashed as it began, and begins again: %s", crashed)

    def _connect(self, sensors: bool) -> None:
        options = self._options
        self._server = Server(options)
        self._process: OwnProcess[tuple[str, tuple[Any, ...]], Any] | None = OwnProcess(
            partial(ClientHalf, options, self._server.port, sensors)
        )
        try:
            version = self._ask(options.wait_s + PLANNING_S, "version")
        except BaseException:
            self.close()
            raise
        self.version = f"{VERSION} of CARLA {version}"

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
        given = (town, tuple(keypoints), route_id, weather, tuple(yaws_rad))
        found: Route = self._ask(self._loading_s, "plan", *given)
        return found

    def plan_specification(self, spec: RouteSpec) -> Route:
        """Plan a route as its file describes it, with the heights of its keypoints and its
        weather.

        Args:
            spec: the route.

        Raises:
            SimulatorError: there is no such town, or no route through its keypoints.
        """
        found: Route = self._ask(self._loading_s, "plan_specification", spec)
        return found

    def random_route(self, seed: int) -> Route:
        """A route of a seed between two spawn points of the town that the options name.

        Raises:
            SimulatorError: there is no such town, or no route of a fitting length was found.
        """
        found: Route = self._ask(self._loading_s, "random_route", seed)
        return found

    def town_map(self, town: str) -> TownMap:
        """What a map of the town shows.

        Raises:
            SimulatorError: the server has no such town.
        """
        found: TownMap = self._ask(self._loading_s, "town_map", town)
        return found

    def road_map(self, town: str) -> CarlaRoadMap:
        """What planner and criteria ask of a town's roads.

        Raises:
            SimulatorError: the server has no such town.
        """
        text: str = self._ask(self._loading_s, "opendrive", town)
        return CarlaRoadMap(client_library().Map(town, text), text)

    def reset(self, route: Route, seed: int) -> WorldState:
        """Load the town, and put the ego at rest with its centre at the start of the route.

        Args:
            route: from `plan` or `random_route`.
            seed: decides the traffic.

        Returns:
            The world before the first tick.

        Raises:
            SimulatorError: the server has no such town, or there is no room for the ego.
            SimulationCrashed: the server or its client failed.
        """
        limit_s = self._loading_s + 10 * self._options.timeout_s
        state: WorldState = self._ask(limit_s, "reset", route, seed)
        return state

    def step(self, control: Control) -> WorldState:
        """Advance by one tick.

        Raises:
            SimulatorError: no route was set, or the control is not finite.
            SimulationCrashed: the server or its client failed.
        """
        state: WorldState = self._ask(2 * self._options.timeout_s, "step", control)
        return state

    def sense(self, modalities: Collection[Modality]) -> Mapping[Modality, AnyArray]:
        """What the sensors see now, in the stored formats.

        Raises:
            SimulatorError: no route was set, or there is no such sensor.
            SimulationCrashed: a frame has not come in time, or an image is black.
        """
        wanted = tuple(modalities)
        frames: Mapping[Modality, AnyArray] = self._ask(
            self._options.sensor_timeout_s, "sense", wanted
        )
        return frames

    def lidar_points(self) -> Float32:
        """The points that the LiDAR sees now. See `SeesPoints`.

        Raises:
            SimulatorError: no route was set, or there is no LiDAR.
            SimulationCrashed: the frame has not come in time.
        """
        points: Float32 = self._ask(self._options.sensor_timeout_s, "lidar_points")
        return points

    def expert(self) -> Control:
        """The control that our own simple driver would choose now. See `ego.expert.Expert`.

        Raises:
            SimulatorError: no route was set.
            SimulationCrashed: the server or its client failed.
        """
        control: Control = self._ask(2 * self._options.timeout_s, "expert")
        return control

    def expert_plan(self) -> ExpertPlan:
        """What our own simple driver means to do now. See `Planning`.

        Raises:
            SimulatorError: no route was set.
            SimulationCrashed: the server or its client failed.
        """
        plan: ExpertPlan = self._ask(2 * self._options.timeout_s, "expert_plan")
        return plan

    def road_users(self) -> tuple[RoadUser, ...]:
        """Who else is on the road. See `Surveying`.

        Raises:
            SimulatorError: no route was set.
            SimulationCrashed: the server or its client failed.
        """
        users: tuple[RoadUser, ...] = self._ask(2 * self._options.timeout_s, "road_users")
        return users

    def close(self) -> None:
        """Remove every actor, give the server its time back, and end it if it was started here."""
        with contextlib.suppress(AuxdriveError):  # what has failed has nothing to release
            self._ask(2 * self._options.timeout_s, "close")
        self._end_process()
        self._server.close()

    @property
    def _loading_s(self) -> float:
        return self._options.loading_s + PLANNING_S

    def _ask(self, limit_s: float, name: str, *arguments: Any) -> Any:
        if self._process is None:
            raise SimulationCrashed("CARLA's client has ended; make the simulator anew")
        try:
            return self._process.ask((name, arguments), limit_s + SPARE_S)
        except WorkerDied as died:
            self._end_process()
            raise SimulationCrashed(f"CARLA's client failed at '{name}': {died}") from died

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()
