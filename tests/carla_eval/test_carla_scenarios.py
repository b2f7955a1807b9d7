"""Scenarios of route files in CARLA, played through the stock client on the test server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("carla", reason="needs the extra [carla]")

from auxdrive.types import Control
from auxdrive_eval.route import Route, RouteScenario
from auxdrive_eval.routes.plan import routes_of_file
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from auxdrive_eval.world import CollisionKind, LightColour, ScenarioOutcome, WorldState
from carla_server.process import ServerProcess
from carla_server.small_town import LANE, lane_of_road, small_xodr
from carla_towns import TOWNS

Driver = Callable[[Simulator, WorldState], Control]
TRIGGER_M = 30.0
SPAWNED = ("walker.", "vehicle.", "static.prop.")
CAMERA = {"width": 32, "height": 24, "fov_deg": 90.0, "x_m": 1.7, "z_m": 1.6}


def simulator_of(server: ServerProcess, town: str, scenarios: str = "") -> Simulator:
    """A simulator without sensors, whose option `scenarios` draws some on every route."""
    own = {"town": town, "port": server.port, "max_steer_deg": 40.0, "scenarios": scenarios}
    settings = SimulatorSettings(kind="carla", options={**own, "traffic": 0, "camera": CAMERA})
    return make_simulator(settings, sensors=False)


@contextmanager
def running(town: str, folder: Path) -> Iterator[tuple[ServerProcess, Simulator]]:
    """A server of a town of a folder, and a simulator of it without sensors."""
    with ServerProcess(["--town", town, "--xodr", str(folder)]) as server:
        with closing(simulator_of(server, town)) as simulator:
            yield server, simulator
        assert not [name for name in server.report()["actors"] if name.startswith(SPAWNED)]


@pytest.fixture(scope="module")
def two_lanes(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[ServerProcess, Simulator]]:
    """The small town with a second lane beside its right one."""
    folder, right = tmp_path_factory.mktemp("two"), lane_of_road(-1, LANE)
    text = small_xodr().replace('name="Small"', 'name="TwoLanes"')
    (folder / "TwoLanes.xodr").write_text(text.replace(right, right + lane_of_road(-2, LANE)))
    with running("TwoLanes", folder) as both:
        yield both


def route_file(folder: Path, *kinds: str) -> Path:
    """A route file of leaderboard 2.x along the first straight, where all begin at one place."""
    asked = "".join(
        f'<scenario name="{kind}_{number}" type="{kind}"><trigger_point x="{TRIGGER_M}" y="1.75" '
        'z="0" yaw="0"/></scenario>'
        for number, kind in enumerate(kinds)
    )
    path = folder / "routes.xml"
    path.write_text(
        '<routes><route id="7" town="TwoLanes"><weathers/><waypoints><position x="8" y="1.75" '
        'z="0"/><position x="150" y="1.75" z="0"/></waypoints>'
        f"<scenarios>{asked}</scenarios></route></routes>"
    )
    return path


def expert(simulator: Simulator, state: WorldState) -> Control:
    return simulator.expert()


def careless(simulator: Simulator, state: WorldState) -> Control:
    """Someone who obeys lights and keeps to 9 m/s, whatever else is ahead."""
    control = simulator.expert()
    forward = np.array([np.cos(state.ego.yaw_rad), np.sin(state.ego.yaw_rad)])
    for light in state.lights:
        along = np.cos(light.lane_yaw_rad - state.ego.yaw_rad) > 0.9
        left_m = forward @ (np.mean(light.stop_line, axis=0) - state.ego_centre)
        if along and 0.0 < left_m < 25.0 and light.colour is not LightColour.GREEN:
            return control
    return Control(control.steer_rad, 0.5 if state.speed_mps < 9.0 else 0.0, 0.0)


def drive(simulator: Simulator, route: Route, driver: Driver) -> list[WorldState]:
    """Drive until all scenarios are over, or the ego has hit what belongs to them."""
    states = [simulator.reset(route, 1)]
    while states[-1].time_s < 60.0:
        states.append(simulator.step(driver(simulator, states[-1])))
        told = states[-1].scenarios
        if told and all(
            each.ended_s is not None or each.outcome is ScenarioOutcome.COLLISION for each in told
        ):
            break
    return states


def left_of_scenarios(server: ServerProcess) -> list[str]:
    """What stands in the world beside the ego that is no part of the town."""
    actors = [name for name in server.report()["actors"] if name.startswith(SPAWNED)]
    actors.remove("vehicle.lincoln.mkz_2020")
    return [name for name in actors if "dirt" not in name]


@pytest.mark.parametrize(
    ("kind", "hit"),
    [
        ("DynamicObjectCrossing", CollisionKind.PEDESTRIAN),
        ("FollowLeadingVehicle", CollisionKind.VEHICLE),
        ("StaticCutIn", CollisionKind.VEHICLE),
        ("StationaryObjectCrossing", CollisionKind.LAYOUT),
    ],
)
def test_who_looks_comes_through_and_who_does_not_is_told(
    two_lanes: tuple[ServerProcess, Simulator], tmp_path: Path, kind: str, hit: CollisionKind
) -> None:
    server, simulator = two_lanes
    (route,) = routes_of_file(route_file(tmp_path, kind), simulator)
    states = drive(simulator, route, expert)
    (told,) = states[-1].scenarios
    assert (told.name, told.outcome) == (f"{kind}_0", ScenarioOutcome.PASSED)
    assert told.at_m == pytest.approx(TRIGGER_M - 8.0, abs=1.0)
    assert left_of_scenarios(server) == []
    if kind == "StaticCutIn":  # the one with most to it
        assert drive(simulator, route, expert) == states
    states = drive(simulator, route, careless)
    assert states[-1].scenarios[0].outcome is ScenarioOutcome.COLLISION
    touched = {contact.kind for state in states for contact in state.contacts}
    assert touched == {hit}


def test_control_is_lost_on_dirt(
    two_lanes: tuple[ServerProcess, Simulator], tmp_path: Path
) -> None:
    _, simulator = two_lanes
    (route,) = routes_of_file(route_file(tmp_path, "ControlLoss"), simulator)
    states = [simulator.reset(route, 1)]
    while states[-1].ego_centre[0] < TRIGGER_M + 20.0:
        states.append(simulator.step(simulator.expert()))
    before = [abs(s.steer_rad) for s in states if s.ego_centre[0] < TRIGGER_M + 10.0]
    assert max(before) < 0.01  # the road is straight
    assert max(abs(state.steer_rad) for state in states) > 0.04
    assert states[-1].scenarios[0].outcome is ScenarioOutcome.RUNNING


def test_what_cannot_be_played_says_why(
    two_lanes: tuple[ServerProcess, Simulator], tmp_path: Path
) -> None:
    _, simulator = two_lanes
    twice = ["StationaryObjectCrossing"] * 2
    (route,) = routes_of_file(route_file(tmp_path, *twice, "ParkingCutIn"), simulator)
    far = RouteScenario("far", "ControlLoss", (500.0, 0.0), 0.0)
    state = simulator.reset(replace(route, scenarios=(*route.scenarios, far)), 1)
    while state.scenarios[1].outcome is ScenarioOutcome.AHEAD and state.time_s < 20.0:
        state = simulator.step(simulator.expert())
    outcomes = [each.outcome for each in state.scenarios]
    notes = [each.note for each in state.scenarios]
    nowhere = ScenarioOutcome.NOT_PLACED
    assert outcomes == [ScenarioOutcome.RUNNING, nowhere, nowhere, nowhere]
    assert "there was no room for static.prop.container" in notes[1]
    assert "no parking lane" in notes[2]
    assert "from the route" in notes[3]


def test_scenarios_are_drawn_by_the_seed(two_lanes: tuple[ServerProcess, Simulator]) -> None:
    server, first = two_lanes
    route = first.plan("TwoLanes", [(8.0, -1.75), (150.0, -1.75)])
    first.close()  # two do not share a server
    with closing(simulator_of(server, "TwoLanes", "ControlLoss,ParkingCutIn")) as simulator:
        drawn = [simulator.reset(route, seed).scenarios for seed in (1, 1, 2)]
    assert [each.kind for each in drawn[0]] == ["ControlLoss"]  # there is no parking lane
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_car_runs_its_red_light_and_the_expert_gives_way(town02: Simulator) -> None:
    scenario = RouteScenario(
        "runner", "OppositeVehicleRunningRedLight", (132.1, -212.0), -np.pi / 2
    )
    way = [(132.1, -200.5), (132.5, -232.0), (163.0, -240.9)]
    route = replace(town02.plan("Town02", way), scenarios=(scenario,))
    states = drive(town02, route, careless)
    assert states[-1].scenarios[0].outcome is ScenarioOutcome.COLLISION
    touched = {contact.kind for state in states for contact in state.contacts}
    assert touched == {CollisionKind.VEHICLE}
    assert drive(town02, route, expert)[-1].scenarios[0].outcome is ScenarioOutcome.PASSED


def test_the_expert_lets_who_comes_from_ahead_pass_before_it_turns_left(
    town02: Simulator,
) -> None:
    scenario = RouteScenario("left", "SignalizedJunctionLeftTurn", (181.0, -187.6), np.pi)
    way = [(187.0, -188.0), (150.0, -187.6), (132.1, -220.0)]
    route = replace(town02.plan("Town02", way), scenarios=(scenario,))
    states = drive(town02, route, expert)
    assert states[-1].scenarios[0].outcome is ScenarioOutcome.PASSED
    assert not any(state.contacts for state in states)


@pytest.fixture(scope="module")
def town02() -> Iterator[Simulator]:
    if not TOWNS.exists():
        pytest.skip("needs the shared maps of CARLA's towns")
    with running("Town02", TOWNS) as (_, simulator):
        yield simulator
