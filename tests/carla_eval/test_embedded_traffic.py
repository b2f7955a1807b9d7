"""Lights and moving cars of the embedded world, without an ego."""

from __future__ import annotations

import numpy as np
import pytest
from auxdrive_eval.simulators.embedded.geometry.boxes import overlaps
from auxdrive_eval.simulators.embedded.town.generate import generate_town
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.simulators.embedded.traffic.car import Occupant
from auxdrive_eval.simulators.embedded.traffic.cars import Traffic
from auxdrive_eval.simulators.embedded.traffic.idm import idm_accel
from auxdrive_eval.simulators.embedded.traffic.lights import LightCycles
from auxdrive_eval.world import LightColour
from hypothesis import example, given, settings
from hypothesis import strategies as st
from junction_ways import connectors

TICK_S = 0.1


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 50), st.integers(0, 1000))
def test_lights_in_conflict_are_never_open_together_and_turn_green_yellow_red(
    town_seed: int, seed: int
) -> None:
    town = generate_town(town_seed)
    cycles = LightCycles(town, seed)
    follows = {
        LightColour.GREEN: LightColour.YELLOW,
        LightColour.YELLOW: LightColour.RED,
        LightColour.RED: LightColour.GREEN,
    }
    before = cycles.colours(0.0)
    was_green = set()
    for time_s in np.arange(0.0, 40.0, 0.25):
        now = cycles.colours(float(time_s))
        for junction in {light.junction_id for light in town.lights.values()}:
            here = (light for light in town.lights.values() if light.junction_id == junction)
            open_groups = {
                light.group for light in here if now[light.light_id] is not LightColour.RED
            }
            assert len(open_groups) <= 1
        for light_id, colour in now.items():
            assert colour is before[light_id] or colour is follows[before[light_id]]
        was_green |= {light_id for light_id, colour in now.items() if colour is LightColour.GREEN}
        before = now
    assert was_green == set(town.lights)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.floats(3.0, 40.0), st.floats(0.0, 12.0)), min_size=2, max_size=8),
    st.floats(5.0, 12.0),
)
# The last car has far to drive at a low speed, and comes to rest late.
@example([(40.0, 12.0)] * 8, 5.0)
def test_a_platoon_never_drives_into_its_leader(
    cars: list[tuple[float, float]], wish_mps: float
) -> None:
    """The leader brakes to a stop after 10 s. No car touches the one ahead, and all come to rest
    behind it.
    """
    # A start from which no braking helps is left out: gaps hold the braking distance at 6 m/s^2.
    place, positions, speeds = 0.0, [], []
    for gap, speed in cars:
        place -= gap + speed**2 / 12
        positions.append(place)
        speeds.append(speed)
    x, v = np.array(positions), np.array(speeds)
    for tick in range(3600):  # the last of eight cars has up to 420 m to drive
        accel = [idm_accel(v[0], wish_mps) if tick < 200 else -3.0]
        accel += [idm_accel(v[i], wish_mps, x[i - 1] - x[i], v[i - 1]) for i in range(1, len(x))]
        moved = np.maximum(0.0, v + np.array(accel) * 0.05)
        x, v = x + (v + moved) / 2 * 0.05, moved
        assert (np.diff(x) < 0).all()
    assert v.max() < 0.1
    assert (-np.diff(x) < 5.0).all()


def test_traffic_keeps_apart_keeps_moving_and_respects_red() -> None:
    graph = LaneGraph(generate_town(2))
    traffic, lights = Traffic(graph, 9, 20), LightCycles(graph.town, 9)
    assert len(traffic.cars) == 20
    driven, fronts_over_lines = 0.0, 0
    for tick in range(2400):
        colours = lights.colours(tick * 0.05)
        to_line = {car.car_id: traffic.junctions.to_line_m(car) for car in traffic.cars.values()}
        traffic.step(0.05, colours, None, None)
        driven += sum(car.moved_m for car in traffic.cars.values())
        boxes = traffic.boxes()
        if tick % 5 == 0:
            for index, one in enumerate(boxes):
                others = np.delete(boxes, index, axis=0)
                assert overlaps(one, others).max() == 0, f"cars touch at tick {tick}"
        for car in traffic.cars.values():
            light = graph.town.lanes[car.lane].light_id
            if light is not None and to_line[car.car_id] > 0 >= traffic.junctions.to_line_m(car):
                fronts_over_lines += 1
                assert colours[light] is not LightColour.RED, (
                    f"car {car.car_id} crosses its line on red at tick {tick}"
                )
    assert fronts_over_lines > 5
    assert driven / 20 / 120 > 1.5, "the mean speed over two minutes says that traffic is jammed"


def test_cars_start_apart_on_roads_and_follow_the_lanes(town: Town) -> None:
    graph = LaneGraph(town)
    traffic = Traffic(graph, 3, 15)
    cycles = LightCycles(town, 3)
    assert len(traffic.cars) == 15
    assert all(town.lanes[car.lane].junction_id is None for car in traffic.cars.values())
    places = traffic.boxes()[:, :2]
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    assert apart[~np.eye(15, dtype=bool)].min() > 5.0
    for tick in range(150):
        before = {i: (car.lane, list(car.ahead)) for i, car in traffic.cars.items()}
        traffic.step(TICK_S, cycles.colours(tick * TICK_S), None, None)
        for i, car in traffic.cars.items():
            lane, ahead = before[i]
            assert car.lane in (lane, ahead[0])
            assert car.ahead[1] in town.lanes[car.ahead[0]].successors
            assert 0.0 <= car.along_m <= town.lanes[car.lane].length_m
            assert car.speed_mps >= 0.0


def test_a_car_that_stands_ahead_is_the_leader_also_round_the_corner(town: Town) -> None:
    traffic = Traffic(LaneGraph(town), 3, 1)
    (car,) = traffic.cars.values()
    way = connectors(town, "light")[0]
    car.lane, car.along_m = way.predecessors[0], town.lanes[way.predecessors[0]].length_m - 10.0
    car.ahead = [way.lane_id, way.successors[0]]
    traffic.occupancy = {way.successors[0]: [Occupant(9, 5.0, 9.0, 1.5)]}
    gap, speed_mps = traffic.leader(car)
    assert gap == pytest.approx(10.0 - car.length_m / 2 + way.length_m + 5.0)
    assert speed_mps == 1.5
    traffic.occupancy = {}
    assert traffic.leader(car) == (np.inf, 0.0)
