"""The scenarios of a route while it is driven in CARLA."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from auxdrive.errors import DataError, SimulatorError
from auxdrive.types import Control, Pose2

from auxdrive_eval.random_streams import stream
from auxdrive_eval.road_maps import CarlaRoadMap
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.carla.cast import Cast
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.simulators.carla.ego.surroundings import Other
from auxdrive_eval.simulators.carla.ego.vehicle import Ego
from auxdrive_eval.simulators.carla.scenarios.bodies import CarlaBodies
from auxdrive_eval.simulators.carla.scenarios.cars import CarlaCars
from auxdrive_eval.simulators.carla.scenarios.grounds import CarlaGround, Grounds, landmarks_of
from auxdrive_eval.simulators.carla.scenarios.players import Players
from auxdrive_eval.simulators.carla.spec import CarlaOptions
from auxdrive_eval.simulators.carla.town.lights import HeldLights, Lights
from auxdrive_eval.simulators.embedded.ego.tracker import RouteTracker
from auxdrive_eval.simulators.embedded.ego.vehicle import VehicleParameters
from auxdrive_eval.simulators.embedded.geometry.boxes import box
from auxdrive_eval.simulators.embedded.scenarios import chosen_kinds, known_kind
from auxdrive_eval.simulators.embedded.scenarios.running import RouteScenarios
from auxdrive_eval.simulators.embedded.scenarios.stage import Stage
from auxdrive_eval.simulators.embedded.traffic.bodies import Body
from auxdrive_eval.simulators.embedded.traffic.car import Car
from auxdrive_eval.world import ScenarioOutcome, ScenarioState, WorldState

EGO_ID = 0
STANDING_MPS = 0.1


@dataclass(kw_only=True)
class CarlaStage(Stage):
    """The world of a route in CARLA, from tick to tick.

    Attributes:
        tracker: where the ego is on the route.
        centre_m: from the ego's rear axle to its centre.
        half_m: half of its length.
        ego_mps: its speed.
    """

    bodies: CarlaBodies
    traffic: CarlaCars
    lights: HeldLights
    tracker: RouteTracker
    centre_m: float
    half_m: float
    ego_mps: float = field(default=0.0)

    @property
    def ego_m(self) -> float:
        """Where the ego's centre is on the route."""
        return self.tracker.progress_m + self.centre_m

    @property
    def front_m(self) -> float:
        """Where the ego's front bumper is on the route."""
        return self.ego_m + self.half_m

    @property
    def speed_mps(self) -> float:
        """The ego's speed."""
        return self.ego_mps

    def join_traffic(
        self, body: Body, colour: int, lane: int, along_m: float, ahead: Sequence[int]
    ) -> Car:
        """See `Stage`: the actor stays, and somebody else leads it.

        Args:
            body: a car.
            colour: number of its paint colour.
            lane: on which it drives from now on.
            along_m: where its centre is on that lane.
            ahead: the lanes that it will drive next.
        """
        self.bodies.release(body.body_id)
        return self.traffic.take(body, colour, lane, along_m, ahead)

    def claim_ahead(self, car: Car, ahead_m: float) -> None:
        """Nothing: who drives in CARLA looks at its actors.

        Args:
            car: of the traffic.
            ahead_m: how far along its lanes.
        """

    def claim_standing(self, connectors: Collection[int]) -> None:
        """Nothing: who drives in CARLA looks at its actors.

        Args:
            connectors: the lanes of the junction.
        """

    def dismiss(self, actor_ids: Collection[int]) -> None:
        """Remove who and what belongs to a scenario that is over, as scenario_runner does.

        Args:
            actor_ids: theirs.
        """
        for number in sorted(actor_ids):
            if number in self.bodies.all:
                self.bodies.remove(number)
            elif number in self.traffic.cars:
                self.traffic.remove(number)


class Scenarios:
    """The scenarios of one drive. Those that cannot be played say why.

    Args:
        session: with the server.
        cast: that removes their actors.
        roads: of the town.
        grounds: the lanes of towns.
        options: of the simulator.
        ego: the vehicle that is driven.
        start: the ego's rear axle.
        route: with its scenarios.
        lights: the traffic lights of the town.
        seed: decides what varies.
    """

    def __init__(
        self,
        session: Session,
        cast: Cast,
        roads: CarlaRoadMap,
        grounds: Grounds,
        options: CarlaOptions,
        ego: Ego,
        start: Pose2,
        route: Route,
        lights: Lights,
        seed: int,
    ) -> None:
        self._running: RouteScenarios | None = None
        self._nowhere: tuple[ScenarioState, ...] = ()
        try:
            kit, on_lanes = grounds.of(route, roads)
        except (SimulatorError, DataError) as error:
            self._nowhere = _not_placed(route, str(error))
            return
        players = Players(session, cast, roads, math.radians(options.max_steer_deg))
        tracker = RouteTracker(on_lanes, kit.graph, VehicleParameters())
        tracker.update(start)
        self._stage = CarlaStage(
            ground=CarlaGround(kit, on_lanes, tracker.line),
            traffic=CarlaCars(players, kit.graph, options.tick_s),
            bodies=CarlaBodies(players),
            lights=lights.held(landmarks_of(kit.graph.town, roads)),
            rng=stream(seed, "scenarios"),
            tick_s=options.tick_s,
            tracker=tracker,
            centre_m=ego.axles.rear_m + ego.centre_m,
            half_m=ego.half_size_m[0],
        )
        self._running = RouteScenarios(self._stage, chosen_kinds(options.scenarios))

    def states(self) -> tuple[ScenarioState, ...]:
        """What has come of each so far."""
        return self._nowhere if self._running is None else self._running.states()

    def disturbed(self, control: Control) -> Control:
        """The control that reaches the ego.

        Args:
            control: its driver's.
        """
        return control if self._running is None else self._running.disturbed(control)

    def lead(self, snapshot: Any, state: WorldState) -> None:
        """Say how everybody moves in the next tick.

        Args:
            snapshot: of the world now.
            state: the same, as the driver sees it.
        """
        if self._running is None:
            return
        half_m, half_width_m = state.extent
        yaw_rad, (x_m, y_m) = state.ego.yaw_rad, state.ego_centre
        ego = box(x_m, y_m, yaw_rad, 2 * half_m, 2 * half_width_m)
        stands = state.speed_mps < STANDING_MPS
        self._stage.bodies.lead(snapshot, ego, stands)
        velocity_mps = (
            state.speed_mps * math.cos(yaw_rad),
            state.speed_mps * math.sin(yaw_rad),
        )
        there = Other(
            EGO_ID, False, (x_m, y_m), half_m, half_width_m, state.speed_mps, yaw_rad, velocity_mps
        )
        self._stage.traffic.lead(snapshot, there)

    def step(self, snapshot: Any, state: WorldState, around: tuple[Other, ...]) -> None:
        """Begin, continue and end scenarios after a tick.

        Args:
            snapshot: of the world now.
            state: the same, as the driver sees it.
            around: the other vehicles, and the pedestrians.
        """
        if self._running is None:
            return
        stage = self._stage
        stage.tracker.update(state.ego)
        stage.ego_mps = state.speed_mps
        stage.bodies.look(snapshot)
        stage.traffic.look(snapshot, around)
        self._running.step(state.time_s)
        self._running.note(state.contacts)
        stage.lights.settle(state.time_s)


def _not_placed(route: Route, why: str) -> tuple[ScenarioState, ...]:
    return tuple(
        ScenarioState(
            asked.name,
            known_kind(asked.kind) or asked.kind,
            None,
            ScenarioOutcome.NOT_PLACED,
            note=why,
        )
        for asked in route.scenarios
    )
