"""Conflicts between connectors, who may enter a junction, and cars on their lanes."""

from __future__ import annotations

import numpy as np
import pytest
from auxdrive.types import RoadOption
from auxdrive_eval.simulators.embedded.town.generate import town_from_name
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.model import CarKind, JunctionKind, Lane, Town
from auxdrive_eval.simulators.embedded.traffic.car import EGO_ID, Car, Occupancy, Occupant
from auxdrive_eval.simulators.embedded.traffic.cars import Traffic
from auxdrive_eval.simulators.embedded.traffic.conflicts import (
    CLEARANCE_M,
    junction_conflicts,
    priorities,
)
from auxdrive_eval.simulators.embedded.traffic.junctions import (
    IDLE_GRANT_S,
    STOP_DWELL_S,
    JunctionControl,
)
from auxdrive_eval.simulators.embedded.traffic.lights import LightCycles
from auxdrive_eval.world import LightColour

GREEN, YELLOW, RED = LightColour.GREEN, LightColour.YELLOW, LightColour.RED
TICK_S = 0.1


@pytest.fixture(scope="module", params=["EmbeddedTown0003", "EmbeddedTown0011"])
def town(request: pytest.FixtureRequest) -> Town:
    return town_from_name(request.param)


# Conflicts and priorities


def test_conflicts_are_symmetric_and_within_one_junction(town: Town) -> None:
    conflicts = junction_conflicts(town)
    assert conflicts.keys() == {i for i, lane in town.lanes.items() if lane.junction_id is not None}
    for lane_id, found in conflicts.items():
        for conflict in found:
            assert lane_id in {back.other for back in conflicts[conflict.other]}
            assert town.lanes[conflict.other].junction_id == town.lanes[lane_id].junction_id


def test_connectors_without_a_conflict_keep_clear_of_each_other(town: Town) -> None:
    conflicts = junction_conflicts(town)
    for junction in town.junctions.values():
        for one in junction.connector_ids:
            others = {conflict.other: conflict for conflict in conflicts[one]}
            for other in set(junction.connector_ids) - {one}:
                apart = gaps(town.lanes[one], town.lanes[other])
                if town.lanes[one].predecessors == town.lanes[other].predecessors:
                    assert other not in others  # they diverge from one lane
                elif other not in others:
                    assert apart.min() >= CLEARANCE_M
                else:
                    past = town.lanes[other].arclength > others[other].clear_at_m
                    assert not past.any() or apart[:, past].min() >= CLEARANCE_M
                    assert apart[:, ~past].min() < CLEARANCE_M


def gaps(one: Lane, other: Lane) -> np.ndarray:
    to = one.centreline[:, None] - other.centreline[None]
    return np.asarray(np.sqrt((to**2).sum(axis=2)))


def test_ways_that_cross_or_meet_are_in_conflict(town: Town) -> None:
    conflicts = junction_conflicts(town)
    for junction in town.junctions.values():
        lanes = [town.lanes[i] for i in junction.connector_ids]
        for one in lanes:
            found = {conflict.other for conflict in conflicts[one.lane_id]}
            for other in lanes:
                same_exit = other.successors == one.successors and other is not one
                opposite_ways = one.turn is other.turn is RoadOption.STRAIGHT and (
                    other.successors[0] // 2 == one.predecessors[0] // 2
                )
                assert not same_exit or other.lane_id in found
                assert not opposite_ways or other.lane_id not in found


def test_left_turns_and_roads_that_end_wait(town: Town) -> None:
    ranks = priorities(town)
    for junction in town.junctions.values():
        lanes = [town.lanes[i] for i in junction.connector_ids]
        if junction.kind is JunctionKind.TEE:
            through = {lane.predecessors[0] for lane in lanes if lane.turn is RoadOption.STRAIGHT}
            ending = [ranks[lane.lane_id] for lane in lanes if lane.predecessors[0] not in through]
            if len(through) == 2:
                others = [ranks[lane.lane_id] for lane in lanes if lane.predecessors[0] in through]
                assert min(ending) > max(others)
        signed = [town.lanes[lane.predecessors[0]].stop_sign_id is not None for lane in lanes]
        if all(signed):
            assert {ranks[lane.lane_id] for lane in lanes} == {0}
            continue
        for one in lanes:
            for other in lanes:
                if one.predecessors == other.predecessors and one.turn is RoadOption.LEFT:
                    assert other.turn is RoadOption.LEFT or (
                        ranks[one.lane_id] > ranks[other.lane_id]
                    )


# Lights


def test_what_is_green_together_never_crosses_but_by_turning_left(town: Town) -> None:
    cycles, conflicts = LightCycles(town, 5), junction_conflicts(town)
    seen = set()
    for time_s in np.arange(0.0, 60.0, 0.5):
        colours = cycles.colours(float(time_s))
        for junction in town.junctions.values():
            open_now = [
                lane
                for lane in (town.lanes[i] for i in junction.connector_ids)
                if (light := town.lanes[lane.predecessors[0]].light_id) is not None
                and colours[light] is not RED
            ]
            seen |= {lane.lane_id for lane in open_now}
            straight = {lane.lane_id for lane in open_now if lane.turn is RoadOption.STRAIGHT}
            for lane_id in straight:
                assert not straight & {conflict.other for conflict in conflicts[lane_id]}
    lit = {
        i
        for i, lane in town.lanes.items()
        if lane.junction_id is not None and town.lanes[lane.predecessors[0]].light_id is not None
    }
    assert seen == lit  # each has its turn


# Who may enter


class Crossing:
    """One junction and its control; cars are placed by hand."""

    def __init__(self, town: Town, colour: LightColour = GREEN) -> None:
        self.town, self.control = town, JunctionControl(town)
        self.colours = dict.fromkeys(town.lights, colour)
        self.cars: dict[int, Car] = {}

    def arrive(self, car_id: int, connector: int, to_line_m: float, speed_mps: float = 3.0) -> Car:
        lane = self.town.lanes[connector].predecessors[0]
        along = self.town.lanes[lane].length_m - to_line_m - 2.0
        car = Car(car_id, CarKind.SEDAN, 4.0, 1.8, 1.5, 0, lane, along, speed_mps)
        car.ahead = [connector, self.town.lanes[connector].successors[0]]
        self.cars[car_id] = car
        return car

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            occupancy: Occupancy = {}
            for car in self.cars.values():
                tail, front = car.along_m - 2.0, car.along_m + 2.0
                seen = Occupant(car.car_id, tail, front, car.speed_mps)
                occupancy.setdefault(car.lane, []).append(seen)
            for on_lane in occupancy.values():
                on_lane.sort(key=lambda occupant: occupant.tail_m)
            self.control.update(self.cars, occupancy, self.colours, TICK_S)

    def granted(self, car_id: int) -> int | None:
        return self.control.granted(car_id)


def connectors(town: Town, signal: str) -> list[Lane]:
    """Connectors whose arriving lane has this signal, or none."""
    found = []
    for lane in town.lanes.values():
        if lane.junction_id is not None:
            arriving = town.lanes[lane.predecessors[0]]
            kind = (
                "light"
                if arriving.light_id is not None
                else "sign"
                if arriving.stop_sign_id is not None
                else "none"
            )
            if kind == signal:
                found.append(lane)
    return found


def test_red_keeps_out_green_lets_in_and_yellow_whoever_cannot_stop(town: Town) -> None:
    way = connectors(town, "light")[0].lane_id
    for colour, to_line_m, speed_mps, enters in (
        (RED, 2.0, 3.0, False),
        (RED, 0.5, 9.0, False),
        (GREEN, 2.0, 3.0, True),
        (YELLOW, 6.0, 3.0, False),
        (YELLOW, 1.0, 7.0, True),
    ):
        crossing = Crossing(town, colour)
        crossing.arrive(1, way, to_line_m, speed_mps)
        crossing.tick()
        assert crossing.granted(1) == (way if enters else None), (colour, to_line_m, speed_mps)


def test_who_comes_from_far_does_not_ask_yet(town: Town) -> None:
    crossing = Crossing(town)
    crossing.arrive(1, connectors(town, "light")[0].lane_id, 30.0, 3.0)
    crossing.tick()
    assert crossing.granted(1) is None


def test_a_stop_sign_asks_for_a_stop_of_its_length(town: Town) -> None:
    way = connectors(town, "sign")[0].lane_id
    crossing = Crossing(town)
    car = crossing.arrive(1, way, 1.0, 1.0)
    crossing.tick(30)
    assert crossing.granted(1) is None  # it has not stopped
    car.speed_mps = 0.0
    crossing.tick(round(STOP_DWELL_S / TICK_S) - 2)
    assert crossing.granted(1) is None
    crossing.tick(4)
    assert crossing.granted(1) == way


def test_of_two_in_conflict_one_at_a_time_goes_first(town: Town) -> None:
    conflicts = junction_conflicts(town)
    tried = 0
    for lane in connectors(town, "light")[:8] + connectors(town, "none")[:8]:
        for conflict in conflicts[lane.lane_id][:2]:
            if town.lanes[town.lanes[conflict.other].predecessors[0]].stop_sign_id is not None:
                continue
            crossing = Crossing(town)
            crossing.arrive(1, lane.lane_id, 1.0)
            other = crossing.arrive(2, conflict.other, 1.0)
            crossing.tick()
            assert {crossing.granted(1), crossing.granted(2)} > {None}
            first = 1 if crossing.granted(1) is not None else 2
            last, way = 3 - first, crossing.cars[first].ahead[0]
            crossing.tick(5)
            assert crossing.granted(last) is None
            # The first has passed and is far beyond, so the other may enter.
            gone = crossing.cars[first]
            gone.behind, gone.lane = way, gone.ahead.pop(0)
            gone.behind, gone.lane, gone.along_m = way, town.lanes[way].successors[0], 30.0
            gone.ahead, gone.speed_mps = [], 5.0
            crossing.tick()
            assert crossing.granted(first) is None
            assert crossing.granted(last) is not None
            assert other.car_id == 2
            tried += 1
    assert tried > 10


def test_a_left_turn_yields_to_whoever_comes_towards_it(town: Town) -> None:
    conflicts, ranks = junction_conflicts(town), priorities(town)
    left, other = next(
        (lane, conflict.other)
        for lane in connectors(town, "light")
        if lane.turn is RoadOption.LEFT
        for conflict in conflicts[lane.lane_id]
        if ranks[conflict.other] < ranks[lane.lane_id]
    )
    for speed_mps, to_line_m, goes in ((6.0, 20.0, False), (0.2, 20.0, True), (6.0, 45.0, True)):
        crossing = Crossing(town)
        crossing.arrive(1, left.lane_id, 1.0)
        crossing.arrive(2, other, to_line_m, speed_mps)
        crossing.tick()
        assert (crossing.granted(1) is not None) == goes, (speed_mps, to_line_m)


def test_only_the_first_on_a_lane_may_enter_and_only_where_there_is_room_beyond(town: Town) -> None:
    way = connectors(town, "light")[0].lane_id
    crossing = Crossing(town)
    crossing.arrive(1, way, 1.0)
    crossing.arrive(2, way, 7.0)
    crossing.tick()
    assert (crossing.granted(1), crossing.granted(2)) == (way, None)
    for speed_mps, goes in ((0.0, False), (5.0, True)):
        crossing = Crossing(town)
        crossing.arrive(1, way, 1.0)
        exit_lane = town.lanes[way].successors[0]
        blocker = Car(3, CarKind.SEDAN, 4.0, 1.8, 1.5, 0, exit_lane, 4.0, speed_mps)
        crossing.cars[3] = blocker
        crossing.tick()
        assert (crossing.granted(1) is not None) == goes


def test_a_grant_that_the_ego_does_not_use_goes_to_who_has_waited_longer(town: Town) -> None:
    lane = connectors(town, "light")[0]
    other = next(
        conflict.other
        for conflict in junction_conflicts(town)[lane.lane_id]
        if town.lanes[conflict.other].predecessors != lane.predecessors
    )
    for car_id, hands_over in ((EGO_ID, True), (1, False)):
        crossing = Crossing(town)
        crossing.arrive(car_id, lane.lane_id, 1.0, 0.0)
        crossing.tick()
        assert crossing.granted(car_id) == lane.lane_id
        crossing.arrive(2, other, 1.0, 0.0).waited_s = 20.0
        crossing.tick(round(IDLE_GRANT_S / TICK_S) - 2)
        assert crossing.granted(2) is None
        crossing.tick(4)
        assert (crossing.granted(2) == other) == hands_over
        assert (crossing.granted(car_id) is None) == hands_over


def test_a_grant_is_taken_back_when_the_light_turns_red_before_the_line(town: Town) -> None:
    way = connectors(town, "light")[0].lane_id
    crossing = Crossing(town)
    crossing.arrive(1, way, 5.0, 2.0)
    crossing.tick()
    assert crossing.granted(1) == way
    crossing.colours = dict.fromkeys(crossing.colours, RED)
    crossing.tick()
    assert crossing.granted(1) is None


# Cars


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
