"""Short drives through one scenario, for the tests of scenarios."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from auxdrive.types import Control
from auxdrive_eval.criteria import EventKind
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.world import Contact, ScenarioState, WorldState

SEEDS = {
    "ControlLoss": 1003,
    "FollowLeadingVehicle": 1001,
    "DynamicObjectCrossing": 1000,
    "ParkingCrossingPedestrian": 1000,
    "PedestrianCrossing": 1003,
    "VehicleTurningRoute": 1001,
    "VehicleTurningRoutePedestrian": 1001,
    "ParkingCutIn": 1008,
    "StationaryObjectCrossing": 1001,
    "OppositeVehicleRunningRedLight": 1007,
    "SignalizedJunctionLeftTurn": 1005,
    "NonSignalizedJunctionLeftTurn": 1011,
    "SignalizedJunctionRightTurn": 1007,
    "NonSignalizedJunctionRightTurn": 1000,
    "OppositeVehicleTakingPriority": 1011,
}
"""A route of each scenario on which it begins soon, and on which the ego has green."""
LIMIT_S = 150.0
AFTER_S = 2.0


@dataclass
class Drive:
    """What happened on a route up to the end of its scenario."""

    route: Route
    states: list[WorldState] = field(default_factory=list)
    scenes: list[Scene] = field(default_factory=list)
    events: list[EventKind] = field(default_factory=list)

    @property
    def scenario(self) -> ScenarioState:
        """The only scenario, as it ended."""
        (scenario,) = self.states[-1].scenarios
        return scenario

    @property
    def contacts(self) -> set[Contact]:
        """Everything that the ego touched."""
        return {contact for state in self.states for contact in state.contacts}

    def during(self) -> list[tuple[WorldState, Scene]]:
        """The ticks between the scenario's beginning and end."""
        began_s, ended_s = self.scenario.began_s, self.scenario.ended_s
        assert began_s is not None
        assert ended_s is not None
        return [
            (state, scene)
            for state, scene in zip(self.states, self.scenes, strict=True)
            if began_s <= state.time_s <= ended_s
        ]


def expert(simulator: EmbeddedSimulator, state: WorldState) -> Control:
    """The simulator's own driver."""
    return simulator.expert()


def careless(simulator: EmbeddedSimulator, state: WorldState) -> Control:
    """Someone who keeps to the lane and to 7 m/s, whatever is ahead."""
    return Control(simulator.expert().steer_rad, 0.5 if state.speed_mps < 7.0 else 0.0, 0.0)


def drive(
    kinds: str | tuple[str, ...],
    seed: int,
    driver: Callable[[EmbeddedSimulator, WorldState], Control] = expert,
    traffic: int = 0,
) -> Drive:
    """Drive the route of a seed until its scenarios are over."""
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    simulator = EmbeddedSimulator(render=False, traffic=traffic, scenarios=kinds)
    found = drive_in(simulator, seed, driver)
    simulator.close()
    return found


def drive_in(
    simulator: EmbeddedSimulator,
    seed: int,
    driver: Callable[[EmbeddedSimulator, WorldState], Control] = expert,
) -> Drive:
    """Drive the route of a seed in this simulator until its scenarios are over."""
    route = simulator.random_route(seed)
    state = simulator.reset(route, seed)
    found = Drive(route)
    criteria = RULE_SETS["1.0"].criteria(route)
    last_s = LIMIT_S
    while state.time_s < last_s and simulator.progress_m < route.length_m - 6.0:
        state = simulator.step(driver(simulator, state))
        found.states.append(state)
        found.scenes.append(simulator.scene())
        for criterion in criteria:
            found.events += [event.kind for event in criterion.update(state)]
        if last_s == LIMIT_S and all(each.ended_s is not None for each in state.scenarios):
            last_s = state.time_s + AFTER_S
    for criterion in criteria:
        found.events += [event.kind for event in criterion.finish(state)]
    return found


def digest(found: Drive) -> str:
    """A hash of everything that moved."""
    numbers = [
        (state.ego, state.contacts, state.scenarios, scene.cars, scene.bodies, scene.lights)
        for state, scene in zip(found.states, found.scenes, strict=True)
    ]
    return hashlib.sha256(repr(numbers).encode()).hexdigest()
