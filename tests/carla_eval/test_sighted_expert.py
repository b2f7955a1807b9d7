"""The expert that acts on what its camera sees: nobody out of view changes what it does, it stops
where it sees its signal, and goes at once when it may.
"""

from __future__ import annotations

from typing import Any

import pytest
from auxdrive_eval.simulators.embedded.driven_route import DrivenRoute
from auxdrive_eval.simulators.embedded.ego.reasons import Reason, Why, strictest, unexplained_mps2
from auxdrive_eval.simulators.embedded.ego.sighted import STOP_S, SightedExpert, movers_of
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.spec import ExpertKind
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from auxdrive_eval.world import LightColour

STANDS_MPS, GOES_MPS = 0.1, 0.3


def sighted(**options: Any) -> Any:
    settings = SimulatorSettings(options={"expert": "sighted", **options})
    return make_simulator(settings, sensors=False)


def test_nobody_out_of_view_changes_what_it_does() -> None:
    """Everybody who is not in view is taken out of a copy of the world: the control is the same."""
    simulator, hidden, near = sighted(traffic=60), 0, 0
    for seed in (1003, 1011):
        simulator.reset(simulator.random_route(seed), seed)
        for _ in range(30):
            for _ in range(15):
                simulator.step(simulator.expert())
            world: DrivenRoute = simulator._driving().branch()
            expert = world._expert
            assert isinstance(expert, SightedExpert)
            view = expert._sight.look(world._vehicle.pose, movers_of(world.traffic, world._bodies))
            seen, traffic = view.seen_ids, world.traffic
            near += bool(seen)
            for car_id in traffic.cars.keys() - seen:
                traffic.remove(car_id)
                hidden += 1
            for lane, there in traffic.occupancy.items():
                traffic.occupancy[lane] = [each for each in there if each.car_id in {0, *seen}]
            assert world.expert() == simulator.expert()
    assert hidden > 500
    assert near > 20


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
            intent = driven._expert._intent(driven._ego)
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
