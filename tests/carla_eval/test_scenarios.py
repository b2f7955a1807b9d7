"""Every scenario: it can be placed on many routes, the expert comes through unharmed, a careless
driver does not, and it is the same in another process.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.errors import UsageError
from auxdrive_eval.criteria import EventKind
from auxdrive_eval.simulators.embedded.scenarios import OTHER_NAMES, SCENARIOS
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.settings import simulator_settings
from auxdrive_eval.world import ScenarioOutcome
from scenario_drives import SEEDS, careless, digest, drive, expert

HARMED = {
    "DynamicObjectCrossing": EventKind.COLLISION_PEDESTRIAN,
    "ParkingCrossingPedestrian": EventKind.COLLISION_PEDESTRIAN,
    "PedestrianCrossing": EventKind.COLLISION_PEDESTRIAN,
    "VehicleTurningRoutePedestrian": EventKind.COLLISION_PEDESTRIAN,
    "StationaryObjectCrossing": EventKind.COLLISION_LAYOUT,
}
"""The infraction of a careless driver; of other scenarios it is a collision with a vehicle. What
comes of a loss of control stands in test_scenarios_cars.
"""


@pytest.mark.parametrize("kind", SEEDS)
@pytest.mark.parametrize("traffic", [0, 20])
def test_the_expert_comes_through_unharmed(kind: str, traffic: int) -> None:
    found = drive(kind, SEEDS[kind], expert, traffic)
    assert found.scenario.outcome is ScenarioOutcome.PASSED
    assert found.scenario.kind == kind
    assert (found.contacts, found.events) == (set(), [])


@pytest.mark.parametrize("kind", [kind for kind in SEEDS if kind != "ControlLoss"])
def test_a_careless_driver_is_penalised(kind: str) -> None:
    found = drive(kind, SEEDS[kind], careless)
    assert found.scenario.outcome is ScenarioOutcome.COLLISION
    assert HARMED.get(kind, EventKind.COLLISION_VEHICLE) in found.events


def test_a_drive_with_all_scenarios_is_the_same_in_another_process() -> None:
    code = (
        "from scenario_drives import *\n"
        "from auxdrive_eval.simulators.embedded.scenarios import SCENARIOS\n"
        "print(digest(drive(tuple(SCENARIOS), 1007, expert, 5)))"
    )
    command = (sys.executable, "-c", code)
    told = subprocess.run(
        command, capture_output=True, check=True, text=True, cwd=Path(__file__).parent
    )
    here = drive(tuple(SCENARIOS), 1007, expert, 5)
    assert len(here.states[-1].scenarios) >= 2
    assert told.stdout.strip() == digest(here)


def test_a_scenario_is_chosen_by_name_and_a_wrong_name_is_refused() -> None:
    chosen = simulator_settings("embedded", {"scenarios": "Scenario3, FollowLeadingVehicle"})
    assert chosen.options.model_dump()["scenarios"] == "FollowLeadingVehicle,DynamicObjectCrossing"
    every = simulator_settings("embedded", {"scenarios": "all"})
    assert every.options.model_dump()["scenarios"] == ",".join(SCENARIOS)
    with pytest.raises(UsageError, match="Did you mean 'DynamicObjectCrossing'"):
        simulator_settings("embedded", {"scenarios": "DynamicObjectCrosing"})


def test_the_page_names_every_scenario_and_its_other_names() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text()
    for kind in SCENARIOS:
        others = [name for name, meant in OTHER_NAMES.items() if meant == kind]
        also = f" {', '.join(f'`{name}`' for name in others)}" if others else ""
        assert f"| `{kind}` |{also} |" in page


def test_every_scenario_but_two_can_be_in_a_generated_town() -> None:
    """No generated road has two lanes of one direction, so that these are tried in
    test_scenarios_on_carla_towns.
    """
    assert set(SCENARIOS) - set(SEEDS) == {"StaticCutIn", "OtherLeadingVehicle"}


def test_what_the_expert_would_do_is_foreseen_with_the_scenarios_and_changes_nothing() -> None:
    kind = "OppositeVehicleRunningRedLight"
    simulator = EmbeddedSimulator(render=False, traffic=3, scenarios=[kind])
    state = simulator.reset(simulator.random_route(SEEDS[kind]), SEEDS[kind])
    while state.scenarios[0].began_s is None:
        state = simulator.step(simulator.expert())
    ticks = (40, 100, 200)
    foreseen = simulator.expert_ahead(ticks)
    came = [simulator.step(simulator.expert()) for _ in range(max(ticks))]
    assert [came[tick - 1] for tick in ticks] == list(foreseen)
    assert came[-1].scenarios[0].outcome is ScenarioOutcome.PASSED
    simulator.close()
