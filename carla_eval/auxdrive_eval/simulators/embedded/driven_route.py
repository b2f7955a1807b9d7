"""A route while it is driven: the ego, traffic and lights, from tick to tick."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import fields

from auxdrive.cards import CameraSpec
from auxdrive.data.plan import ExpertPlan
from auxdrive.errors import SimulatorError
from auxdrive.types import Control, Pose2

from auxdrive_eval.random_streams import stream
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import DEFAULT_CAMERA
from auxdrive_eval.simulators.embedded.ego.contacts import STANDING_MPS, EgoContacts
from auxdrive_eval.simulators.embedded.ego.expert import Expert
from auxdrive_eval.simulators.embedded.ego.intent import Intent
from auxdrive_eval.simulators.embedded.ego.reasons import Reason, is_in_view
from auxdrive_eval.simulators.embedded.ego.sight import Sight
from auxdrive_eval.simulators.embedded.ego.sighted import SightedExpert, movers_of
from auxdrive_eval.simulators.embedded.ego.tracker import RouteTracker
from auxdrive_eval.simulators.embedded.ego.vehicle import Vehicle, VehicleParameters
from auxdrive_eval.simulators.embedded.scenarios.embedded_stage import EmbeddedStage
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.scenarios.running import RouteScenarios
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.spec import ExpertKind
from auxdrive_eval.simulators.embedded.town_kits import TownKit
from auxdrive_eval.simulators.embedded.traffic.bodies import Bodies
from auxdrive_eval.simulators.embedded.traffic.cars import Traffic
from auxdrive_eval.simulators.embedded.traffic.lights import LightCycles
from auxdrive_eval.simulators.embedded.traffic.seen_ego import SeenEgo
from auxdrive_eval.world import TAIL_M, CollisionKind, Contact, RoadUser, WorldState


def require_planned(route: Route, kit: TownKit) -> None:
    """Refuse a route that was not planned on the lanes of its town.

    Args:
        route: what is to be driven.
        kit: the town that the route names.

    Raises:
        SimulatorError: a point of the route has no lane, or one that the town does not have.
    """
    lanes = kit.graph.town.lanes
    if len(route.lane_ids) != len(route.points) or not set(route.lane_ids) <= lanes.keys():
        raise SimulatorError(
            f"route {route.route_id} was not planned on the lanes of {route.town}; make it "
            "with plan(town, keypoints)"
        )


class DrivenRoute:
    """A route that is being driven. It begins with the ego at rest, its centre at the start of the
    route.

    Args:
        kit: the town of the route.
        route: planned on the lanes of that town (`require_planned`).
        parameters: size and limits of the ego.
        seed: decides traffic and lights.
        traffic: number of moving cars; where the town has less room, there are fewer.
        tick_s: seconds from one tick to the next.
        scenarios: kinds of traffic situations that are drawn, besides those that the route names.
        expert: what its expert knows.
        camera: of its expert.
    """

    def __init__(
        self,
        kit: TownKit,
        route: Route,
        parameters: VehicleParameters,
        seed: int,
        traffic: int,
        tick_s: float,
        scenarios: Sequence[str] = (),
        expert: ExpertKind = ExpertKind.ALL_KNOWING,
        camera: CameraSpec = DEFAULT_CAMERA,
    ) -> None:
        self._kit = kit
        self._tick_s = tick_s
        start = _start_of(route, parameters.centre_ahead_m)
        self._vehicle = vehicle = Vehicle(parameters)
        vehicle.place(start)
        sighted = expert is ExpertKind.SIGHTED
        junctions = SeenEgo(kit.graph.town) if sighted else None
        self.traffic = Traffic(kit.graph, seed, traffic, start, junctions)
        self._tracker = RouteTracker(route, kit.graph, parameters)
        self._tracker.update(start)
        self._ego = self._tracker.road_user(start, 0.0)
        self._bodies = Bodies()
        self._sight = Sight(camera, kit.screens) if camera.fov_deg is not None or sighted else None
        world = (kit.graph, self._tracker, vehicle, self.traffic)
        self._expert = Expert(*world)
        if sighted:
            assert self._sight is not None
            self._expert = SightedExpert(*world, self._bodies, self._sight, kit.signals, kit.rules)
        self._touching = EgoContacts(vehicle, kit.obstacles, self.traffic, self._bodies)
        self._lights = LightCycles(kit.graph.town, seed)
        self._scenarios: RouteScenarios | None = None
        if scenarios or route.scenarios:
            self._scenarios = RouteScenarios(
                EmbeddedStage(
                    ground=Ground(kit, route, self._tracker.line),
                    vehicle=vehicle,
                    tracker=self._tracker,
                    traffic=self.traffic,
                    bodies=self._bodies,
                    lights=self._lights,
                    rng=stream(seed, "scenarios"),
                    tick_s=tick_s,
                ),
                scenarios,
            )
        self._frame = 0
        self._height_m = None if self._ego is None else self.traffic.height_m(self._ego)
        self._contacts: tuple[Contact, ...] = ()
        self._scene: Scene | None = None
        self._intent: Intent | None = None

    @property
    def progress_m(self) -> float:
        """How far the ego has come along the route."""
        return self._tracker.progress_m

    def step(self, control: Control) -> None:
        """Advance by one tick: first the ego, then scenarios, then the traffic, then who touches
        whom.

        Raises:
            SimulatorError: the control is not finite.
        """
        if not all(
            math.isfinite(value) for value in (control.steer_rad, control.throttle, control.brake)
        ):
            raise SimulatorError(f"a control must be finite, got {control}")
        if self._scenarios is not None:
            control = self._scenarios.disturbed(control)
        self._touching.height_m = self._height_m
        self._touching.move(control, self._tick_s)
        self._frame += 1
        self._tracker.update(self._vehicle.pose)
        self._ego = self._tracker.road_user(self._vehicle.pose, self._vehicle.speed_mps)
        if self._ego is not None:
            self._height_m = self.traffic.height_m(self._ego)
        ego_box = self._touching.ego_box()
        if self._scenarios is not None:
            self._scenarios.step(self._time_s)
            stands = self._vehicle.speed_mps < STANDING_MPS
            self._bodies.step(self._tick_s, self._touching.cars, ego_box, stands)
        self.traffic.step(
            self._tick_s,
            self._lights.colours(self._time_s),
            self._ego,
            ego_box,
            () if self._scenarios is None else self._scenarios.claims(),
        )
        self._contacts = self._touching.settle(self._tick_s)
        if self._scenarios is not None:
            self._scenarios.note(self._contacts)
        self._scene = self._intent = None

    def expert(self) -> Control:
        """The control that the expert would choose now."""
        return self._expert.control(self._intent_now())

    def expert_plan(self) -> ExpertPlan:
        """What the expert means to do now."""
        return self._expert.plan(self._intent_now(), self._ego)

    def _intent_now(self) -> Intent:
        """What the expert's speed goes by at this tick, found once."""
        if self._intent is None:
            self._intent = self._expert.intent(self._ego)
        return self._intent

    def reasons(self) -> list[tuple[Reason, bool]]:
        """Why the expert would drive no faster now, and whether each reason is in its camera's
        view. Empty where the ego has left its route.

        Raises:
            SimulatorError: the camera has no field of view.
        """
        if self._ego is None:
            return []
        if self._sight is None:
            raise SimulatorError("what is in view needs the camera's field of view: give fov_deg")
        kit, colours = self._kit, self._lights.colours(self._time_s)
        view = self._sight.look(self._vehicle.pose, movers_of(self.traffic, self._bodies))
        return [
            (reason, is_in_view(reason, kit.graph.town, kit.signals, view, colours))
            for reason in self._expert.reasons(self._ego)
        ]

    def branch(self) -> DrivenRoute:
        """A copy that goes on by itself: what happens in it changes nothing here. It shares what
        never changes, the town and the route.
        """
        kit, route = self._kit, self._tracker.route
        shared = [kit, kit.graph.town, self._sight, route]
        shared += [getattr(kit, each.name) for each in fields(kit)]
        return copy.deepcopy(self, {id(each): each for each in shared})

    def road_users(self) -> tuple[RoadUser, ...]:
        """Everybody but the ego: moving cars, those of scenarios, and parked ones."""
        cars = (
            RoadUser(car_id, CollisionKind.VEHICLE, (x, y), yaw, (half_m, half_width_m), speed_mps)
            for (car_id, speed_mps), (x, y, yaw, half_m, half_width_m) in zip(
                ((car_id, car.speed_mps) for car_id, car in self.traffic.cars.items()),
                self._touching.cars.tolist(),
                strict=True,
            )
        )
        return (*cars, *self._bodies.road_users(), *self._kit.obstacles.parked)

    def scene(self) -> Scene:
        """What the renderer is given now. There is one object per tick, made when it is first
        needed, by which the renderer knows what it has already drawn.
        """
        if self._scene is None:
            self._scene = Scene(
                self._time_s,
                self._vehicle.pose,
                self.traffic.poses(self._touching.cars) + self._bodies.car_poses(),
                self._lights.colours(self._time_s),
                self._bodies.poses(),
            )
        return self._scene

    def state(self) -> WorldState:
        """The world as criteria and drivers see it now."""
        vehicle, roads, p = self._vehicle, self._kit.roads, self._vehicle.parameters
        centre = vehicle.centre
        yaw_rad, behind_m = vehicle.yaw_rad, p.length_m / 2 + TAIL_M
        tail = (centre[0] - behind_m * math.cos(yaw_rad), centre[1] - behind_m * math.sin(yaw_rad))
        z_m = self._height_m or 0.0
        lane = roads.lane_view(*centre, yaw_rad, z_m)
        return WorldState(
            frame=self._frame,
            time_s=self._time_s,
            ego=vehicle.pose,
            ego_centre=centre,
            speed_mps=vehicle.speed_mps,
            steer_rad=vehicle.steer_rad,
            extent=(p.length_m / 2, p.width_m / 2),
            contacts=self._contacts,
            lights=roads.lights(centre, self._lights.colours(self._time_s)),
            stop_signs=roads.stop_signs(centre),
            lane=lane,
            tail_lane_id=roads.lane_view(*tail, yaw_rad, z_m).lane_id,
            speed_limit_mps=self._kit.graph.town.lanes[lane.lane_id].speed_limit_mps,
            background_mps=tuple(car.speed_mps for car in self.traffic.cars.values()),
            scenarios=() if self._scenarios is None else self._scenarios.states(),
            blocking=() if self._scenarios is None else self._scenarios.blocking(),
        )

    @property
    def _time_s(self) -> float:
        return self._frame * self._tick_s


def _start_of(route: Route, centre_ahead_m: float) -> Pose2:
    """The pose of the rear axle with which the ego's centre is at the start of the route."""
    yaw_rad = math.remainder(float(route.yaw_rad[0]), math.tau)
    x_m, y_m = route.points[0].tolist()
    return Pose2(
        x_m - centre_ahead_m * math.cos(yaw_rad), y_m - centre_ahead_m * math.sin(yaw_rad), yaw_rad
    )
