"""The expert that acts on what its camera sees: nobody out of view changes what it does, it stops
where it sees its signal, and goes at once when it may.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from auxdrive_eval.simulators.embedded.driven_route import DrivenRoute
from auxdrive_eval.simulators.embedded.ego.reasons import Reason, Why, strictest, unexplained_mps2
from auxdrive_eval.simulators.embedded.ego.sighted import STOP_S, SightedExpert, movers_of
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.spec import ExpertKind
from auxdrive_eval.simulators.embedded.town.model import CarKind
from auxdrive_eval.simulators.embedded.traffic.occupancy import occupancy_of
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from auxdrive_eval.world import LightColour
from scenario_drives import SEEDS, drive_in

STANDS_MPS, GOES_MPS = 0.1, 0.3


def sighted(**options: Any) -> Any:
    settings = SimulatorSettings(options={"expert": "sighted", **options})
    return make_simulator(settings, sensors=False)


def test_nobody_out_of_view_changes_what_it_does() -> None:
    """In a copy of the world everybody who is not in view, in mind or right beside it is taken out,
    and cars that are not in view are put in its way: the control is the same.
    """
    simulator, removed, hidden = sighted(traffic=40), 0, 0
    simulator.reset(simulator.random_route(1003), 1003)
    for _ in range(30):
        for _ in range(15):
            simulator.step(simulator.expert())
        world: DrivenRoute = simulator._driving().branch()
        expert, traffic, ego = world._expert, world.traffic, world._ego
        assert isinstance(expert, SightedExpert)
        assert ego is not None
        traffic.occupancy = occupancy_of(traffic.graph, traffic.cars, ())
        control, known = world.expert(), known_to(expert, world)
        for car_id in traffic.cars.keys() - known:
            traffic.remove(car_id)
            removed += 1
        there = {car_id: car for car_id, car in traffic.cars.items() if car_id in known}
        for lane in (ego.lane, *ego.ahead):
            for at_m in range(4, int(traffic.graph.length[lane]), 6):
                car = traffic.add(CarKind.SEDAN, 0, lane, float(at_m))
                traffic.cars = {**there, car.car_id: car}
                if car.car_id not in known_to(expert, world):
                    there[car.car_id] = car
        hidden += len(there) - len(known & there.keys())
        traffic.cars = there
        traffic.occupancy = occupancy_of(traffic.graph, there, ())
        assert world.expert() == control
    assert removed > 300
    assert hidden > 100


def known_to(expert: SightedExpert, world: DrivenRoute) -> frozenset[int]:
    """Whom it may know of: in mind, right beside it, or with a corner that no building hides."""
    movers = movers_of(world.traffic, world._bodies)
    view = expert._sight.look(world._vehicle.pose, movers)
    corners = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1), (0, 0)])
    showing = set()
    for who, where, height_m in zip(movers.ids, movers.boxes, movers.heights_m, strict=True):
        along, left = (corners * where[3:]).T
        cos, sin = math.cos(where[2]), math.sin(where[2])
        plan = np.column_stack([along * cos - left * sin, along * sin + left * cos]) + where[:2]
        places = [np.column_stack([plan, np.full(5, z)]) for z in (0.1, height_m)]
        if view.sees(np.concatenate(places), movers=False).any():
            showing.add(who)
    return frozenset(showing) | expert._kept_in_mind() | expert._beside(view)


def test_the_all_knowing_one_is_changed_by_whom_it_cannot_see() -> None:
    """The same traffic moves it: what it waits for is told, and is often not in view."""
    simulator = EmbeddedSimulator(render=False, traffic=60)
    told = []
    for seed in (1003, 1011):
        simulator.reset(simulator.random_route(seed), seed)
        for _ in range(70):
            for _ in range(10):
                simulator.step(simulator.expert())
            told.append(simulator.expert_reasons())
            driven = simulator._driving()
            least = strictest(reason for reason, _ in told[-1]).accel_mps2
            intent = driven._expert.intent(driven._ego)
            assert least == intent.accel_mps2(driven._vehicle.speed_mps)
    unexplained = [each for each in told if unexplained_mps2(each) > 0.3]
    assert unexplained
    whose = {strictest(reason for reason, _ in each).why for each in unexplained}
    assert whose <= {Why.AHEAD, Why.CROSSING, Why.ROOM}


def test_what_is_unexplained_is_what_the_view_would_have_allowed() -> None:
    road, lamp, car = (
        (Reason(Why.ROAD, 1.5), True),
        (Reason(Why.LIGHT, -1.0), True),
        (Reason(Why.AHEAD, -2.0, who=7), False),
    )
    assert unexplained_mps2([road, car]) == 3.5
    assert unexplained_mps2([road, lamp, car]) == 1.0
    assert unexplained_mps2([road, lamp]) == 0.0


@pytest.fixture(scope="module")
def stops() -> dict[str, list[tuple[float, float, bool, float]]]:
    """Its stops at lights and stop signs without any traffic, by kind: how long it stood, how far
    before the line, whether it then saw the lamp or the line, and how long after green, or after
    the stop, it moved.
    """
    simulator = sighted(traffic=0)
    found: dict[str, list[tuple[float, float, bool, float]]] = {"light": [], "stop_sign": []}
    for seed in (1013, 1018):
        route = simulator.random_route(seed)
        state = simulator.reset(route, seed)
        stood_s, may_s, before = 0.0, None, None
        while simulator.progress_m < route.length_m - 8.0 and state.time_s < 70.0:
            state = simulator.step(simulator.expert())
            driven = simulator._driving()
            ego, traffic = driven._ego, driven.traffic
            assert ego is not None
            lane = driven._kit.graph.town.lanes[ego.lane]
            kind = "light" if lane.light_id is not None else "stop_sign"
            if state.speed_mps < STANDS_MPS and lane.junction_id is None and state.time_s > 3.0:
                stood_s += simulator.tick_s
                in_view = all(seen for _, seen in simulator.expert_reasons())
                before = (traffic.junctions.to_line_m(ego), in_view)
                green = kind == "stop_sign" or traffic.colours[lane.light_id] is LightColour.GREEN
                may_s = (0.0 if may_s is None else may_s + simulator.tick_s) if green else None
            elif before is not None and state.speed_mps > GOES_MPS:
                found[kind].append((stood_s, *before, may_s or 0.0))
                stood_s, may_s, before = 0.0, None, None
    return found


def test_it_stops_where_it_sees_its_signal(
    stops: dict[str, list[tuple[float, float, bool, float]]],
) -> None:
    assert len(stops["light"]) >= 1
    assert len(stops["stop_sign"]) >= 2
    for _, to_line_m, in_view, _ in stops["light"] + stops["stop_sign"]:
        assert 0.5 < to_line_m < 2.6
        assert in_view


def test_it_goes_within_a_second_of_green_and_after_a_second_at_a_stop_sign(
    stops: dict[str, list[tuple[float, float, bool, float]]],
) -> None:
    assert all(after_s <= 1.0 for _, _, _, after_s in stops["light"])
    assert all(STOP_S <= stood_s <= STOP_S + 0.6 for stood_s, _, _, _ in stops["stop_sign"])


def test_it_goes_on_where_it_no_longer_sees_the_lamp_at_its_line() -> None:
    """The lamp at this line leaves the image of 128x72 as the car sets off, and there is none
    behind the junction: it braked there, and stood through all that the light showed.
    """
    camera = {"width": 128, "height": 72, "fov_deg": 100.0, "x_m": 1.7, "z_m": 1.6}
    simulator, unseen = sighted(traffic=40, camera=camera), 0
    simulator.reset(simulator.random_route(1102), 1102)
    for _ in range(700):
        driven = simulator._driving()
        ego, town = driven._ego, driven._kit.graph.town
        lane = town.lanes[ego.lane]
        control = simulator.expert()
        near = driven.traffic.junctions.to_line_m(ego) < 2.5
        if near and lane.light_id is not None:
            colour = driven.traffic.colours[lane.light_id]
            movers = movers_of(driven.traffic, driven._bodies)
            view = driven._sight.look(driven._vehicle.pose, movers)
            if colour is LightColour.GREEN:
                unseen += not driven._kit.signals.light_seen(view, lane.light_id, colour)
                assert control.throttle > 0.0
        simulator.step(control)
    assert unseen > 5
    assert driven._kit.graph.town.lanes[driven._ego.lane].junction_id is not None


@pytest.mark.parametrize(
    "kind",
    ["DynamicObjectCrossing", "NonSignalizedJunctionRightTurn", "OppositeVehicleRunningRedLight"],
)
def test_it_comes_through_where_others_break_the_rules(kind: str) -> None:
    simulator = sighted(traffic=0, scenarios=kind)
    found = drive_in(simulator, SEEDS[kind])
    assert found.scenario.outcome == "passed"
    assert not found.contacts


def test_what_it_would_do_is_what_it_then_does_among_traffic_and_scenarios() -> None:
    simulator = sighted(traffic=12, scenarios="all")
    state = simulator.reset(simulator.random_route(1000), 0)
    foretold = {}
    for tick in range(200):
        if tick % 70 == 0:
            for after, seen in zip((10, 40), simulator.expert_ahead((10, 40)), strict=True):
                foretold[tick + after] = seen
        state = simulator.step(simulator.expert())
        if tick + 1 in foretold:
            assert state == foretold.pop(tick + 1)
    assert not foretold


def test_the_option_is_recorded_and_the_all_knowing_expert_is_the_default() -> None:
    settings = SimulatorSettings()
    assert settings.options.expert is ExpertKind.ALL_KNOWING  # type: ignore[attr-defined]
    dumped = SimulatorSettings(options={"expert": "sighted"}).model_dump(mode="json")
    assert dumped["options"]["expert"] == "sighted"
    assert SimulatorSettings(**dumped).options.expert is ExpertKind.SIGHTED  # type: ignore[attr-defined]
