"""Who may enter a junction: signals, stops, priority, room, and grants that are not used."""

from __future__ import annotations

from auxdrive.types import RoadOption
from auxdrive_eval.simulators.embedded.town.model import CarKind, Town
from auxdrive_eval.simulators.embedded.traffic.car import EGO_ID, Car, Occupancy, Occupant
from auxdrive_eval.simulators.embedded.traffic.conflicts import (
    junction_conflicts,
    priorities,
)
from auxdrive_eval.simulators.embedded.traffic.junctions import (
    IDLE_GRANT_S,
    STOP_DWELL_S,
    JunctionControl,
)
from auxdrive_eval.world import LightColour
from junction_ways import connectors

GREEN, YELLOW, RED = LightColour.GREEN, LightColour.YELLOW, LightColour.RED
TICK_S = 0.1


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
