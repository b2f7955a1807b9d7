"""A route while it is driven in CARLA: ego, sensors, traffic and lights, from tick to tick."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from auxdrive.data.plan import ExpertPlan
from auxdrive.errors import SimulatorError
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray, Control, Float32

from auxdrive_eval.road_maps import CarlaRoadMap
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import SimulationCrashed
from auxdrive_eval.simulators.carla.border import ahead, forward_mps, pose, rear_axle, transform
from auxdrive_eval.simulators.carla.cast import Cast
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.simulators.carla.ego.contacts import Contacts
from auxdrive_eval.simulators.carla.ego.expert import Expert
from auxdrive_eval.simulators.carla.ego.surroundings import Other, Surroundings, road_user_of
from auxdrive_eval.simulators.carla.ego.vehicle import Ego
from auxdrive_eval.simulators.carla.scenarios.grounds import Grounds
from auxdrive_eval.simulators.carla.scenarios.play import Scenarios
from auxdrive_eval.simulators.carla.sensing.sensors import Sensors
from auxdrive_eval.simulators.carla.sensing.signal_classes import SignalClasses
from auxdrive_eval.simulators.carla.spec import CarlaOptions
from auxdrive_eval.simulators.carla.town.lights import Lights
from auxdrive_eval.simulators.carla.town.weather import RouteWeathers
from auxdrive_eval.simulators.carla.traffic.pedestrians import Pedestrians
from auxdrive_eval.simulators.carla.traffic.vehicles import Traffic
from auxdrive_eval.world import TAIL_M, RoadUser, WorldState

SETTLING_TICKS, MOST_TICKS = 20, 200
"""The ego falls onto the road during the first ones. A sensor may miss the ticks right after it was
attached, since the client subscribes to it in a thread of its own.
"""
STARTING_TICKS = 5
HOLD = Control(0.0, 0.0, 1.0)
SPECTATOR_M, SPECTATOR_PITCH_RAD, WATCHING_TICKS = 30.0, 1.5, 10
"""The spectator looks down on the ego from this height, and follows it every so many ticks."""


class DrivenRoute:
    """A route that is being driven. It begins with the ego at rest, its centre at the start of the
    route.

    Args:
        session: with the server; the route's town is loaded anew.
        roads: of that town.
        grounds: the lanes of towns, on which scenarios are described.
        options: of the simulator.
        route: what is driven.
        seed: decides the traffic.
        sensors: whether there are any.

    Raises:
        SimulatorError: there is no room for the ego.
        SimulationCrashed: the server failed.
    """

    _state: WorldState

    def __init__(
        self,
        session: Session,
        roads: CarlaRoadMap,
        grounds: Grounds,
        options: CarlaOptions,
        route: Route,
        seed: int,
        sensors: bool,
    ) -> None:
        self._session, self._roads, self._options = session, roads, options
        self._grounds = grounds
        self._cast = Cast(session)
        self._traffic: Traffic | None = None
        self._pedestrians: Pedestrians | None = None
        self._scenarios: Scenarios | None = None
        self._spectator: Any = None
        self.town = route.town
        try:
            self._set_up(route, seed, sensors)
        except BaseException:
            self.close()
            raise

    def step(self, control: Control) -> None:
        """Advance by one tick.

        Raises:
            SimulatorError: the control is not finite.
            SimulationCrashed: the server failed.
        """
        if self._scenarios is not None:
            control = self._scenarios.disturbed(control)
        self._ego.apply(control)
        if self._scenarios is not None:
            self._scenarios.lead(self._snapshot, self._state)
        self._tick()
        self._number += 1
        self._state = self._observed()
        self._play()
        self._weathers.follow(self._state.ego_centre)
        if self._number % WATCHING_TICKS == 0:
            x_m, y_m = self._state.ego_centre
            self._watch(x_m, y_m, self._z_m, self._state.ego.yaw_rad)

    @property
    def state(self) -> WorldState:
        """The world after the last tick."""
        return self._state

    def sense(self, modalities: Collection[Modality]) -> Mapping[Modality, AnyArray]:
        """See `Simulator.sense`.

        Args:
            modalities: those that are wanted.
        """
        return self._seeing().frames(modalities, self._frame)

    def lidar_points(self) -> Float32:
        """See `SeesPoints`."""
        return self._seeing().lidar_points(self._frame)

    def expert(self) -> Control:
        """The control that the expert would choose now."""
        return self._expert.control(self._state, self._others())

    def expert_plan(self) -> ExpertPlan:
        """What the expert means to do now."""
        with self._session.asked("what else moves"):
            seen = self._surroundings.others()
        return self._expert.plan(self._state, seen)

    def road_users(self) -> tuple[RoadUser, ...]:
        """Everybody but the ego."""
        return tuple(road_user_of(other) for other in self._others())

    def close(self) -> None:
        """Remove every actor that was spawned for the route."""
        if self._traffic is not None:
            self._traffic.close()
        self._cast.clear()

    def _others(self) -> tuple[Other, ...]:
        with self._session.asked("what else moves"):
            return self._surroundings.others()

    def _play(self) -> None:
        """Let scenarios begin, go on and end after a tick."""
        if self._scenarios is not None:
            self._scenarios.step(self._snapshot, self._state, self._others())
            self._state = replace(self._state, scenarios=self._scenarios.states())

    def _seeing(self) -> Sensors:
        if self._sensors is None:
            raise SimulatorError("this simulator was made without sensors")
        return self._sensors

    def _set_up(self, route: Route, seed: int, sensors: bool) -> None:
        session, options = self._session, self._options
        session.load(route.town)
        self._weathers = RouteWeathers(session, route)
        x_m, y_m = route.points[0].tolist()
        height_m = route.heights_m[0] if route.heights_m else self._roads.nearest(x_m, y_m).z_m
        self._ego = ego = Ego(session, self._cast, options, route, height_m)
        self._expert = Expert(route, ego.axles, math.radians(options.max_steer_deg), self._roads)
        self._surroundings = Surroundings(session, ego.vehicle)
        self._watch(x_m, y_m, height_m, float(route.yaw_rad[0]))
        self._contacts = Contacts(session, self._cast, ego.vehicle)
        self._sensors = (
            Sensors(session, self._cast, options, ego.vehicle, ego.axles.rear_m)
            if sensors
            else None
        )
        ego.apply(HOLD)
        self._settle()
        # All that the seed decides begins now, however long the sensors took to wake up.
        self._traffic = Traffic(session, self._cast, options, ego.vehicle, seed)
        self._pedestrians = Pedestrians(
            session,
            self._cast,
            options.pedestrians,
            ego.vehicle,
            seed,
            options.crossing,
            options.tick_s,
        )
        with session.asked("to reset the traffic lights"):
            session.world.reset_all_traffic_lights()
        self._lights = Lights(session, self._roads)
        if route.scenarios or options.scenarios:
            self._scenarios = self._set_up_scenarios(route, seed)
        for _ in range(STARTING_TICKS):
            self._tick()
        if self._sensors is not None and Modality.SEGMENTATION in options.modalities:
            self._sensors.signals = SignalClasses(session, self._roads)
        self._contacts.taken((x_m, y_m))
        self._number = 0
        self._state = self._observed()
        if self._scenarios is not None:
            self._state = replace(self._state, scenarios=self._scenarios.states())

    def _set_up_scenarios(self, route: Route, seed: int) -> Scenarios:
        session, ego = self._session, self._ego
        start = rear_axle(
            pose(self._snapshot.find(ego.vehicle.id).get_transform()), ego.axles.rear_m
        )
        return Scenarios(
            session,
            self._cast,
            self._roads,
            self._grounds,
            self._options,
            ego,
            start,
            route,
            self._lights,
            seed,
        )

    def _settle(self) -> None:
        sensors = self._sensors
        for number in range(MOST_TICKS):
            self._tick()
            if number + 1 >= SETTLING_TICKS and (sensors is None or sensors.are_awake):
                return
        assert sensors is not None
        raise SimulationCrashed(
            f"CARLA's sensors for {', '.join(sensors.asleep())} sent nothing in {MOST_TICKS} ticks"
        )

    def _tick(self) -> None:
        if self._pedestrians is not None:
            self._pedestrians.walk()
        self._frame = self._session.tick()
        self._snapshot: Any = self._session.world.get_snapshot()

    def _watch(self, x_m: float, y_m: float, z_m: float, yaw_rad: float) -> None:
        """Put the spectator, through whose eyes a server's window looks, above a place."""
        above = transform(
            self._session.carla, (x_m, y_m, z_m + SPECTATOR_M), yaw_rad, SPECTATOR_PITCH_RAD
        )
        with self._session.asked("to move the spectator"):
            if self._spectator is None:
                self._spectator = self._session.world.get_spectator()
            self._spectator.set_transform(above)

    def _observed(self) -> WorldState:
        ego, roads = self._ego, self._roads
        with self._session.asked("where the ego is"):
            seen = self._snapshot.find(ego.vehicle.id)
        if seen is None:
            raise SimulationCrashed("the ego has vanished from CARLA's world")
        place, here = seen.get_transform(), pose(seen.get_transform())
        z_m = self._z_m = float(place.location.z)
        centre = ahead(here, ego.centre_m)
        behind = ahead(here, ego.centre_m - ego.half_size_m[0] - TAIL_M)
        return WorldState(
            frame=self._number,
            time_s=self._number * self._options.tick_s,
            ego=rear_axle(here, ego.axles.rear_m),
            ego_centre=centre,
            speed_mps=forward_mps(seen.get_velocity(), here),
            steer_rad=ego.steer_rad,
            extent=ego.half_size_m,
            contacts=self._contacts.taken(centre),
            lights=roads.lights(centre, self._lights.colours()),
            stop_signs=roads.stop_signs(centre),
            lane=roads.lane_view(*centre, here.yaw_rad, z_m),
            tail_lane_id=roads.lane_view(*behind, here.yaw_rad, z_m).lane_id,
            speed_limit_mps=ego.speed_limit_mps,
            background_mps=() if self._traffic is None else self._traffic.speeds_mps(),
        )
