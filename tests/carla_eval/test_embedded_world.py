"""The expert, collisions, signals near the ego and the simulator, without sensors."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from auxdrive.errors import SimulatorError
from auxdrive.modalities import Modality
from auxdrive.route_follower import RouteFollower
from auxdrive.types import Control
from auxdrive_eval.collecting.perturbation import LENGTH_S, PEAK_RAD, Perturbation
from auxdrive_eval.criteria import TERMINAL_KINDS
from auxdrive_eval.criteria.base import EventKind
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded.ego.nearby_signals import SignalViews
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.town.generate import generate_town
from auxdrive_eval.simulators.embedded.town.weather import weather_for
from auxdrive_eval.world import TAIL_M, CollisionKind

REST = Control(0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def simulator() -> EmbeddedSimulator:
    return EmbeddedSimulator(render=False)


@pytest.mark.parametrize("seed", [2, 9, 15])
def test_the_expert_completes_its_routes_without_an_infraction(
    simulator: EmbeddedSimulator, seed: int
) -> None:
    route = simulator.random_route(seed)
    rules = RULE_SETS["1.0"]
    criteria = (rules.completion(route), *rules.criteria(route))
    state = simulator.reset(route, seed)
    events, over = [], False
    while not over:
        state = simulator.step(simulator.expert())
        news = [event for criterion in criteria for event in criterion.update(state)]
        events += news
        over = any(event.kind in TERMINAL_KINDS for event in news)
    assert [event.kind for event in events] == [EventKind.ROUTE_COMPLETED]


def test_who_ignores_everything_hits_something_and_is_held_by_it(
    simulator: EmbeddedSimulator,
) -> None:
    route = simulator.random_route(4)
    state = simulator.reset(route, 4)
    for _ in range(400):
        state = simulator.step(Control(-0.2, 0.6, 0.0))
        if state.contacts:
            break
    assert state.contacts
    assert state.speed_mps == 0.0
    contact = state.contacts[0]
    assert contact.kind in (CollisionKind.LAYOUT, CollisionKind.VEHICLE)
    assert contact.other_type.split(".")[0] in ("static", "vehicle", "traffic")
    place = state.ego
    state = simulator.step(Control(-0.2, 0.6, 0.0))
    assert math.dist((place.x_m, place.y_m), (state.ego.x_m, state.ego.y_m)) < 0.5


@pytest.mark.parametrize("rules", ["1.0", "2.0", "2.1", "bench2drive"])
def test_a_hit_counts_although_it_stops_the_ego(simulator: EmbeddedSimulator, rules: str) -> None:
    route = simulator.random_route(4)
    criteria = RULE_SETS[rules].criteria(route)
    state = simulator.reset(route, 4)
    events = []
    while not state.contacts:
        state = simulator.step(Control(-0.2, 0.6, 0.0))
        events += [event for criterion in criteria for event in criterion.update(state)]
    assert state.speed_mps == 0.0
    assert events[-1].message.startswith("Agent collided against object")


def test_the_state_tells_the_traffics_speeds_and_the_limit_of_the_lane() -> None:
    driven = EmbeddedSimulator(render=False, traffic=10)
    state = driven.reset(driven.random_route(1003), seed=7)
    for _ in range(40):
        before = driven.scene().cars
        state = driven.step(driven.expert())
    moved_m = [
        math.dist((old.x_m, old.y_m), (new.x_m, new.y_m))
        for old, new in zip(before, driven.scene().cars, strict=True)
    ]
    assert len(state.background_mps) == 10
    assert sum(state.background_mps) * driven.tick_s == pytest.approx(sum(moved_m), rel=0.02)
    lane = generate_town(1003).lanes[state.lane.lane_id]
    assert state.speed_limit_mps == lane.speed_limit_mps > 0


def test_traffic_stops_behind_an_ego_that_stands(simulator: EmbeddedSimulator) -> None:
    for seed in (1, 6):
        state = simulator.reset(simulator.random_route(seed), seed)
        for _ in range(1200):
            state = simulator.step(Control(0.0, 0.0, 1.0))
            assert state.contacts == ()


def history(seed: int) -> str:
    """A hash of the ego and all cars over 10 s of driving with disturbed steering."""
    simulator = EmbeddedSimulator(render=False)
    state = simulator.reset(simulator.random_route(seed), seed)
    perturbation = Perturbation(seed)
    digest = hashlib.sha256()
    for _ in range(200):
        state = simulator.step(perturbation.apply(simulator.expert(), state.time_s))
        scene = simulator.scene()
        numbers = [state.ego.x_m, state.ego.y_m, state.ego.yaw_rad, state.speed_mps]
        numbers += [value for car in scene.cars for value in (car.x_m, car.y_m, car.yaw_rad)]
        digest.update(np.array(numbers).tobytes() + repr(sorted(scene.lights.items())).encode())
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_run_in_another_process() -> None:
    program = "from test_embedded_world import history; print(history(3))"
    folder = __file__.rsplit("/", 1)[0]
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "5"},
    )
    assert run.stdout.strip() == history(3)
    assert history(3) == history(3)


def test_state_says_what_is_near(simulator: EmbeddedSimulator) -> None:
    route = simulator.random_route(8)
    state = simulator.reset(route, 0)
    assert (state.frame, state.time_s, state.speed_mps) == (0, 0.0, 0.0)
    assert state.lane is not None
    assert state.lane.lane_id == route.lane_ids[0]
    seen, signs = set(), set()
    for _ in range(1300):
        state = simulator.step(simulator.expert())
        signs |= {sign.sign_id for sign in state.stop_signs}
        seen |= {light.light_id for light in state.lights}
        for light in state.lights:
            assert np.hypot(*(np.mean(light.stop_line, axis=0) - state.ego_centre)) < 50
    assert seen
    assert signs


def test_lights_are_those_of_the_lanes_that_lead_to_them_and_the_tail_is_behind(
    simulator: EmbeddedSimulator,
) -> None:
    route = simulator.random_route(8)
    state = simulator.reset(route, 0)
    half_length_m, facing, between = state.extent[0], 0, []
    for _ in range(1300):
        state = simulator.step(simulator.expert())
        heading = np.array([math.cos(state.ego.yaw_rad), math.sin(state.ego.yaw_rad)])
        for light in state.lights:
            if state.lane is not None and light.lane_id == state.lane.lane_id:
                facing += 1
                ahead_m = (np.mean(light.stop_line, axis=0) - state.ego_centre) @ heading
                assert ahead_m > -half_length_m
                assert math.cos(light.lane_yaw_rad - state.ego.yaw_rad) > 0.5
        reach = (half_length_m + TAIL_M) * heading
        behind, before = (
            route.lane_ids[np.hypot(*(route.points - point).T).argmin()]
            for point in (state.ego_centre - reach, state.ego_centre + reach)
        )
        if behind != before:
            between.append(state.tail_lane_id == behind)
    assert facing > 20
    assert len(between) > 50
    assert np.mean(between) > 0.8  # lanes of a junction overlap


def test_stop_signs_catch_who_is_about_to_cross_the_line() -> None:
    """The trigger covers the last 6 m of the lane, before the line."""
    town = generate_town(8)
    assert town.stop_signs
    views = SignalViews(town)
    for sign in town.stop_signs.values():
        line = np.mean(sign.stop_line, axis=0)
        (view,) = (
            each
            for each in views.stop_signs((float(line[0]), float(line[1])))
            if each.sign_id == sign.sign_id
        )
        yaw = float(town.lanes[sign.lane_id].yaw_rad[-1])
        before = line - 3.0 * np.array([math.cos(yaw), math.sin(yaw)])
        np.testing.assert_allclose(view.trigger_centre, before, atol=1e-6)
        assert view.trigger_half_size[0] == 3.0


def test_target_points_are_ahead_and_every_turn(simulator: EmbeddedSimulator) -> None:
    route = simulator.random_route(9)
    follower = RouteFollower(route.points, route.options)
    state = simulator.reset(route, 9)
    commands = []
    for _ in range(1600):
        told = follower.update(state.ego)
        if simulator.progress_m > route.length_m - 8.0:
            break
        assert told.target_ego_m[0] > 0
        commands.append(told.command)
        state = simulator.step(simulator.expert())
    assert set(route.options) <= set(commands)


def test_perturbation_comes_in_pulses_from_its_seed() -> None:
    times = np.arange(0.0, 120.0, 0.05)
    one, two, other = (
        [p.offset_rad(float(t)) for t in times]
        for p in (Perturbation(1), Perturbation(1), Perturbation(2))
    )
    assert one == two != other
    share = np.mean(np.array(one) != 0)
    assert 0.08 < share < 0.25
    assert PEAK_RAD[0] < np.abs(one).max() <= PEAK_RAD[1]
    # triangular: no jumps
    assert np.abs(np.diff(one)).max() < PEAK_RAD[1] / (LENGTH_S[0] / 2) * 0.05 + 1e-9
    assert min(one) < -0.05  # to either side
    assert max(one) > 0.05
    control = Control(0.05, 0.4, 0.0)
    assert Perturbation(1).apply(control, 0.0) == control


def test_weathers_vary() -> None:
    weathers = [weather_for(seed) for seed in range(60)]
    assert weathers[7] == weather_for(7)
    altitudes = [weather.sun_altitude_deg for weather in weathers]
    assert min(altitudes) < 15
    assert max(altitudes) > 50
    assert any(w.precipitation > 20 for w in weathers)
    assert any(w.fog_density > 20 for w in weathers)


def test_mistakes_are_errors(simulator: EmbeddedSimulator) -> None:
    fresh = EmbeddedSimulator(render=False)
    for call in (
        fresh.expert,
        fresh.scene,
        lambda: fresh.step(REST),
        lambda: fresh.sense([Modality.RGB]),
    ):
        with pytest.raises(SimulatorError, match="reset"):
            call()
    route = fresh.random_route(3)
    with pytest.raises(SimulatorError, match="plan"):
        fresh.reset(replace(route, lane_ids=()), 0)
    with pytest.raises(SimulatorError, match="no town of the embedded simulator"):
        fresh.reset(replace(route, town="Town05"), 0)
    fresh.reset(route, 0)
    with pytest.raises(SimulatorError, match="finite"):
        fresh.step(Control(float("nan"), 0.0, 0.0))
    with pytest.raises(SimulatorError, match="render=False"):
        fresh.sense([Modality.RGB])
    with pytest.raises(SimulatorError, match="no sensor for edge"):
        fresh.sense([Modality.EDGE])
    with pytest.raises(SimulatorError, match="number of cars"):
        EmbeddedSimulator(traffic=-1)
    with pytest.raises(SimulatorError, match="tick"):
        EmbeddedSimulator(tick_s=1.0)
