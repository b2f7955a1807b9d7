"""Scenarios in towns of CARLA, in the embedded simulator."""

from __future__ import annotations

import carla_towns
import numpy as np
import pytest
from auxdrive_eval.criteria import EventKind
from auxdrive_eval.simulators.embedded.opendrive.source import OpenDriveTown, file_sha256
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.traffic.bodies import FIRST_BODY_ID
from auxdrive_eval.world import ScenarioOutcome
from scenario_drives import careless, drive_in


def simulator_of(town: str, kind: str, traffic: int = 10) -> EmbeddedSimulator:
    """A simulator of the town with that scenario; skipped where the town's file is absent."""
    carla_towns.needs_carla()
    path = next(iter(carla_towns.TOWNS.glob(f"{town}*.xodr.gz")), None)
    if path is None:
        pytest.skip(f"the map of {town} is not in {carla_towns.TOWNS}")
    towns = OpenDriveTown(path, file_sha256(path))
    return EmbeddedSimulator(render=False, traffic=traffic, scenarios=[kind], towns=towns)


def seed_with(simulator: EmbeddedSimulator) -> int:
    """The first seed whose route has room for the scenario."""
    return next(
        seed
        for seed in range(1000, 1040)
        if simulator.reset(simulator.random_route(seed), seed).scenarios
    )


@pytest.mark.parametrize(
    ("town", "kind"),
    [
        ("Town02", "DynamicObjectCrossing"),
        ("Town02", "SignalizedJunctionLeftTurn"),
        ("Town07", "OppositeVehicleTakingPriority"),
        ("Town10HD", "StaticCutIn"),
    ],
)
def test_the_expert_comes_through_unharmed(town: str, kind: str) -> None:
    simulator = simulator_of(town, kind)
    found = drive_in(simulator, seed_with(simulator))
    assert found.scenario.outcome is ScenarioOutcome.PASSED
    assert found.contacts == set()


def test_the_car_ahead_slows_down_while_another_drives_on_beside_it() -> None:
    simulator = simulator_of("Town10HD", "OtherLeadingVehicle", traffic=0)
    found = drive_in(simulator, seed_with(simulator))
    assert found.scenario.outcome is ScenarioOutcome.PASSED
    assert found.contacts == set()
    during = [scene for _, scene in found.during() if len(scene.cars) == 2]
    places = np.array([[(car.x_m, car.y_m) for car in scene.cars] for scene in during])
    speeds = np.hypot(*np.diff(places, axis=0).transpose(2, 0, 1)) / 0.05
    limit_mps = found.states[-1].speed_limit_mps
    assert limit_mps is not None
    assert speeds[0] == pytest.approx(limit_mps, rel=0.1)
    slow, beside = (np.median(speeds[100:200, car]) / limit_mps for car in (0, 1))
    assert slow == pytest.approx(1 / 3.2, rel=0.1)
    assert slow < beside < 0.9


def test_a_careless_driver_hits_the_car_that_pulls_out_of_the_neighbouring_lane() -> None:
    simulator = simulator_of("Town10HD", "StaticCutIn")
    found = drive_in(simulator, seed_with(simulator), careless)
    assert found.scenario.outcome is ScenarioOutcome.COLLISION
    assert EventKind.COLLISION_VEHICLE in found.events


def test_a_car_that_finds_no_room_does_not_stay_in_the_other_lane() -> None:
    simulator = simulator_of("Town10HD", "StaticCutIn", traffic=60)
    found = drive_in(simulator, 1003)
    assert found.scenario.outcome is ScenarioOutcome.NOT_PLACED
    assert found.scenario.note == "other cars were between the ego and the car"
    assert all(car.car_id < FIRST_BODY_ID for car in found.scenes[-1].cars)
