"""The embedded simulator: a generated town, traffic, one ego, and sensors that are drawn by a
software renderer. It needs no GPU, no display and no CARLA.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.errors import SimulatorError
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, Control, Float32, Pose2

from auxdrive_eval.simulators.base import TICK_S
from auxdrive_eval.simulators.embedded.ego.contacts import EgoContacts
from auxdrive_eval.simulators.embedded.ego.expert import Expert
from auxdrive_eval.simulators.embedded.ego.nearby_signals import SignalViews
from auxdrive_eval.simulators.embedded.ego.obstacles import StaticObstacles
from auxdrive_eval.simulators.embedded.ego.tracker import RouteTracker
from auxdrive_eval.simulators.embedded.ego.vehicle import Vehicle, VehicleParameters
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.sensors import Sensors
from auxdrive_eval.simulators.embedded.spec import (
    DEFAULT_CAMERA,
    DEFAULT_TRAFFIC,
    TICKS_S,
)
from auxdrive_eval.simulators.embedded.town.generate import town_from_name, town_name
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.routing import plan_route, random_route
from auxdrive_eval.simulators.embedded.town.weather import weather_for
from auxdrive_eval.simulators.embedded.traffic.car import Car
from auxdrive_eval.simulators.embedded.traffic.cars import Traffic
from auxdrive_eval.simulators.embedded.traffic.lights import LightCycles
from auxdrive_eval.simulators.embedded.version import VERSION
from auxdrive_eval.world import (
    TAIL_M,
    Contact,
    LaneLine,
    Point,
    Route,
    TownMap,
    Weather,
    WorldState,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _TownKit:
    """A town, and what is computed from it only once."""

    graph: LaneGraph
    obstacles: StaticObstacles
    signals: SignalViews


@dataclass(slots=True)
class _Run:
    """The route that is being driven."""

    kit: _TownKit
    route: Route
    lights: LightCycles
    traffic: Traffic
    tracker: RouteTracker
    expert: Expert
    touching: EgoContacts
    ego: Car | None
    frame: int = 0
    contacts: tuple[Contact, ...] = ()
    scene: Scene | None = None
    """Made when it is first needed. There is one object per tick, by which the renderer knows what
    it has already drawn.
    """


class EmbeddedSimulator:
    """An implementation of `auxdrive_eval.simulators.base.Simulator` in Python and NumPy, with
    Panda3D for the sensors.

    Args:
        camera: the camera of the image modalities.
        traffic: number of moving cars.
        render: False for a world without sensors, which needs no renderer.
    """

    version = VERSION

    def __init__(
        self,
        camera: CameraSpec = DEFAULT_CAMERA,
        render: bool = True,
        traffic: int = DEFAULT_TRAFFIC,
        tick_s: float = TICK_S,
    ) -> None:
        if traffic < 0:
            raise SimulatorError(f"traffic is a number of cars, got {traffic}")
        if not TICKS_S[0] <= tick_s <= TICKS_S[1]:
            raise SimulatorError(f"a tick takes from {TICKS_S[0]} to {TICKS_S[1]} s, got {tick_s}")
        self.tick_s = tick_s
        self.camera = camera
        self._parameters = VehicleParameters()
        self.vehicle = VehicleSpec(
            name="embedded single-track",
            wheelbase_m=self._parameters.wheelbase_m,
            max_steer_rate_radps=self._parameters.max_steer_rate_radps,
        )
        self.steering = SteeringSpec(
            kind="road_wheel_rad", max_road_wheel_deg=math.degrees(self._parameters.max_steer_rad)
        )
        self._sensors = Sensors(camera, render)
        self._traffic_count = traffic
        self._kits: dict[str, _TownKit] = {}
        self._car = Vehicle(self._parameters)
        self._run: _Run | None = None
        self._told_full: set[str] = set()

    # Routes

    def plan(
        self,
        town: str,
        keypoints: Sequence[Point],
        route_id: str = "0",
        weather: Weather | None = None,
        yaws_rad: Sequence[float | None] = (),
    ) -> Route:
        """Plan a route through keypoints of a town (such as `EmbeddedTown0007`). See
        `auxdrive_eval.simulators.embedded.town.routing.plan_route`.

        Raises:
            SimulatorError: there is no such town, or no route that fits these keypoints.
        """
        return plan_route(self._kit(town).graph, keypoints, route_id, weather, yaws_rad=yaws_rad)

    def random_route(
        self, seed: int, min_length_m: float = 150.0, max_length_m: float = 400.0
    ) -> Route:
        """A route of the town of that seed (modulo 10000), in the weather of that seed."""
        graph = self._kit(town_name(seed % 10_000)).graph
        return random_route(graph, seed, min_length_m, max_length_m, weather=weather_for(seed))

    def town_map(self, town: str) -> TownMap:
        """What a map of the town shows.

        Raises:
            SimulatorError: there is no embedded town of that name.
        """
        built = town_from_name(town)
        return TownMap(
            lanes=tuple(LaneLine(lane.centreline, lane.width_m) for lane in built.lanes.values()),
            lights=tuple(light.stop_line for light in built.lights.values()),
            stop_signs=tuple(sign.stop_line for sign in built.stop_signs.values()),
        )

    def _kit(self, town: str) -> _TownKit:
        kit = self._kits.get(town)
        if kit is None:
            built = town_from_name(town)
            kit = _TownKit(LaneGraph(built), StaticObstacles(built), SignalViews(built))
            if len(self._kits) >= 4:
                self._kits.pop(next(iter(self._kits)))
            self._kits[town] = kit
        return kit

    # The protocol

    def reset(self, route: Route, seed: int) -> WorldState:
        """Put the ego at rest with its centre at the start of the route, as CARLA does. `seed`
        decides traffic and lights.

        If a town has no room for all the cars that were asked for, this is logged, once per town.

        Raises:
            SimulatorError: there is no such embedded town, or the route was not planned on its
                lanes (`plan`).
        """
        kit = self._kit(route.town)
        town = kit.graph.town
        if len(route.lane_ids) != len(route.points) or not set(route.lane_ids) <= town.lanes.keys():
            raise SimulatorError(
                f"route {route.route_id} was not planned on the lanes of {route.town}; make it "
                "with plan(town, keypoints)"
            )
        yaw_rad, ahead_m = (
            math.remainder(float(route.yaw_rad[0]), math.tau),
            self._parameters.centre_ahead_m,
        )
        x_m, y_m = route.points[0].tolist()
        start = Pose2(x_m - ahead_m * math.cos(yaw_rad), y_m - ahead_m * math.sin(yaw_rad), yaw_rad)
        self._car.place(start)
        traffic = Traffic(kit.graph, seed, self._traffic_count, start)
        if len(traffic.cars) < self._traffic_count and route.town not in self._told_full:
            self._told_full.add(route.town)
            _log.warning(
                "%s has room for %d moving cars of the %d that were asked for",
                route.town,
                len(traffic.cars),
                self._traffic_count,
            )
        tracker = RouteTracker(route, kit.graph, self._parameters)
        tracker.update(start)
        expert = Expert(kit.graph, tracker, self._car, traffic)
        ego = tracker.road_user(start, 0.0)
        touching = EgoContacts(self._car, kit.obstacles, traffic)
        self._run = _Run(
            kit, route, LightCycles(town, seed), traffic, tracker, expert, touching, ego
        )
        self._sensors.load(town, route.weather)
        return self._state(self._run)

    def step(self, control: Control) -> WorldState:
        """Advance by one tick. The steering is clipped to the maximum steering angle, the pedals to
        0..1.

        Raises:
            SimulatorError: no route was set, or the control is not finite.
        """
        run = self._running()
        if not all(
            math.isfinite(value) for value in (control.steer_rad, control.throttle, control.brake)
        ):
            raise SimulatorError(f"a control must be finite, got {control}")
        run.touching.move(control, self.tick_s)
        run.frame += 1
        run.tracker.update(self._car.pose)
        run.ego = run.tracker.road_user(self._car.pose, self._car.speed_mps)
        run.traffic.step(
            self.tick_s,
            run.lights.colours(run.frame * self.tick_s),
            run.ego,
            run.touching.ego_box(),
        )
        run.contacts = run.touching.settle(self.tick_s)
        run.scene = None
        self._sensors.forget()
        return self._state(run)

    def sense(self, modalities: Collection[Modality]) -> Mapping[Modality, AnyArray]:
        """What the sensors see now, in the stored formats. Each frame is made at most once per
        tick.

        Raises:
            SimulatorError: no route was set, the simulator was made without a renderer, or it has
                no such sensor.
        """
        return self._sensors.frames(modalities, self.scene())

    def expert(self) -> Control:
        """The control that the expert would choose now. The expert knows the whole world.

        Raises:
            SimulatorError: no route was set.
        """
        run = self._running()
        return run.expert.control(run.ego)

    def close(self) -> None:
        """Release the renderer."""
        self._sensors.close()
        self._run = None

    # Beyond the protocol

    @property
    def progress_m(self) -> float:
        """How far the ego has come along its route."""
        return self._running().tracker.progress_m

    def scene(self) -> Scene:
        """The scene that the renderer is given now."""
        run = self._running()
        if run.scene is None:
            time_s = run.frame * self.tick_s
            run.scene = Scene(
                time_s,
                self._car.pose,
                run.traffic.poses(run.touching.cars),
                run.lights.colours(time_s),
            )
        return run.scene

    def lidar_points(self) -> Float32:
        """The points that the LiDAR sees now, computed once per tick. The LiDAR histogram of
        `sense` counts them.

        Returns:
            float32 (N, 4), read-only: x, y, z in metres, and intensity 0..1. The frame is the
            ego's, not the sensor's: x forward, y left, z up from the ground under the rear axle.
            Beams that hit nothing within range are left out.

        Raises:
            SimulatorError: no route was set, or the simulator was made without a renderer.
        """
        return self._sensors.lidar_points(self.scene())

    # Parts of a tick

    def _running(self) -> _Run:
        if self._run is None:
            raise SimulatorError("no route is being driven: call reset(route, seed) first")
        return self._run

    def _state(self, run: _Run) -> WorldState:
        centre = self._car.centre
        time_s = run.frame * self.tick_s
        colours = run.lights.colours(time_s)
        yaw_rad, behind_m = self._car.yaw_rad, self._parameters.length_m / 2 + TAIL_M
        tail = (centre[0] - behind_m * math.cos(yaw_rad), centre[1] - behind_m * math.sin(yaw_rad))
        return WorldState(
            frame=run.frame,
            time_s=time_s,
            ego=self._car.pose,
            ego_centre=centre,
            speed_mps=self._car.speed_mps,
            steer_rad=self._car.steer_rad,
            extent=(self._parameters.length_m / 2, self._parameters.width_m / 2),
            contacts=run.contacts,
            lights=run.kit.signals.lights(centre, colours),
            stop_signs=run.kit.signals.stop_signs(centre),
            lane=run.kit.graph.nearest_lane(*centre, yaw_rad),
            tail_lane_id=run.kit.graph.nearest_lane(*tail, yaw_rad).lane_id,
        )
