"""What scenarios have in common in which a car crosses the ego's way in a junction, at the same
time as the ego.

The car waits at its line until the ego, whose light is green, would meet it, and then goes whatever
its signal. It keeps to a speed with which both arrive together, until the ego brakes.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Self

import numpy as np

from auxdrive_eval.simulators.embedded.scenarios.base import Scenario
from auxdrive_eval.simulators.embedded.scenarios.ground import Crossing, Ground
from auxdrive_eval.simulators.embedded.scenarios.stage import Stage
from auxdrive_eval.simulators.embedded.town.model import CAR_COLOURS, CarKind, Lane, Town
from auxdrive_eval.simulators.embedded.traffic.car import Car
from auxdrive_eval.simulators.embedded.traffic.conflicts import conflict_of
from auxdrive_eval.simulators.embedded.traffic.idm import idm_accel

NEXT_JUNCTION_M = 60.0
FROM_LINE_M = 6.0
ROOM_M = 8.0
CRUISE_MPS, SLOWEST_MPS, FASTEST_MPS = 8.0, 4.0, 11.0
ACCEL_MPS2, BRAKE_MPS2 = 3.0, 6.0
FOLLOW_S = 0.3
MOVING_MPS = 1.0
YIELDS_SHARE = 0.6
BEYOND_M = 6.0
"""Who sees the car coming keeps clear of where the ways meet, and so far beyond."""
FAIR_BRAKE_MPS2, FAIR_M = 4.0, 4.0
"""The car goes only while the ego can still stop before it with this deceleration."""
TAIL_OVER_M = 8.0
LEFT_M = 10.0
"""So far behind the junction the ego has left the scenario behind."""
BARS_M = 4.0
"""A car of the traffic plays the part if it can still stop with this much room."""


class CrossingCar(Scenario):
    """See the module.

    Attributes:
        time_is_limited: whether leaderboard 2.x limits its time; see `Scenario.left_m`.

    Args:
        at_m: where on the route the ego sets it off.
        crossing: the junction.
        other: the connector of the car.
        meet_m: where on the route the ways meet.
        other_meets_m: where on the connector they do.
        colour: of the car, if one is put there.
    """

    reach_m: ClassVar[float] = 60.0
    timeout_s: ClassVar[float] = 120.0
    time_is_limited: ClassVar[bool] = False

    def __init__(
        self,
        at_m: float,
        crossing: Crossing,
        other: Lane,
        meet_m: float,
        other_meets_m: float,
        colour: int,
    ) -> None:
        super().__init__(at_m)
        self.crossing, self.other = crossing, other
        self._meet_m, self._other_meets_m, self._colour = meet_m, other_meets_m, colour
        if self.time_is_limited:
            self.left_m = crossing.end_m + LEFT_M
        self.car: Car | None = None
        self._junction: tuple[int, ...] = ()
        self._line_m = 0.0
        self._may_enter = True
        self._ego_mps: float | None = None
        self._yields = False

    @classmethod
    @abstractmethod
    def meets(cls, town: Town, crossing: Crossing, other: Lane) -> str:
        """Why a car on that connector is not the one of this scenario; empty if it is.

        Args:
            town: of both.
            crossing: where the ego goes.
            other: a connector of the same junction that is in the ego's way.
        """

    @classmethod
    def place(cls, ground: Ground, at_m: float, rng: np.random.Generator) -> Self | str:
        """See `Scenario`.

        Args:
            ground: the route.
            at_m: distance along it.
            rng: draws the other way, and the car's colour.
        """
        colour, town = int(rng.integers(CAR_COLOURS)), ground.kit.graph.town
        crossing = ground.next_crossing(at_m)
        if crossing is None or crossing.start_m > at_m + NEXT_JUNCTION_M:
            return f"no junction lies within {NEXT_JUNCTION_M:.0f} m"
        assert crossing.lane.junction_id is not None
        others = [
            town.lanes[lane_id]
            for lane_id in town.junctions[crossing.lane.junction_id].connector_ids
            if town.lanes[lane_id].predecessors != crossing.lane.predecessors
        ]
        crossed = [other for other in others if conflict_of(crossing.lane, other) is not None]
        fitting = [other for other in crossed if not cls.meets(town, crossing, other)]
        if not fitting:
            reasons = [cls.meets(town, crossing, other) for other in crossed]
            return reasons[0] if reasons else "nobody crosses the ego's way in the junction"
        other = fitting[int(rng.integers(len(fitting)))]
        here, there = _meeting(crossing.lane, other)
        return cls(at_m, crossing, other, crossing.start_m + here, there, colour)

    def step(self, stage: Stage) -> bool:
        """See `Scenario`."""
        self._hold_light(stage)
        if self.car is None:
            self._cast(stage)
            return False
        car = self.car
        if car.car_id not in stage.traffic.cars:
            return True
        if self._ego_mps is None:
            if stage.front_m > self._meet_m:
                ran = "" if self._may_enter else " and had run its red light"
                self.missed = f"the ego was past before the car could cross{ran}"
            elif self._may_enter and stage.speed_mps > MOVING_MPS:
                self._start(stage, car)
            return False
        return self._cross(stage, car)

    def leave(self, stage: Stage) -> None:
        """See `Scenario`."""
        if self.car is not None:
            self.car.told_mps2 = None
            stage.traffic.junctions.free(self.car.car_id)

    def _hold_light(self, stage: Stage) -> None:
        """Keep the ego's light green until its tail is over the line, and remember whether it was
        when the ego came there.
        """
        light_id, beyond_m = self.crossing.arriving.light_id, stage.front_m - self.crossing.start_m
        if light_id is not None and beyond_m < TAIL_OVER_M:
            green = stage.lights.prolong(light_id, stage.time_s, stage.tick_s)
            if beyond_m < 0.0:
                self._may_enter = green

    def _cast(self, stage: Stage) -> None:
        """Take the first car on the other lane, or put one there, and let it wait at its line."""
        lane_id, junctions = self.other.predecessors[0], stage.traffic.junctions
        cars = sorted(
            (car for car in stage.traffic.cars.values() if car.lane == lane_id),
            key=lambda car: -car.along_m,
        )
        ahead = [self.other.lane_id, self.other.successors[0]]
        self._line_m = stage.traffic.graph.town.lanes[lane_id].length_m
        there_m = max(self._line_m - FROM_LINE_M, 0.0)
        if cars and junctions.granted(cars[0].car_id) is None:
            stop_m = cars[0].speed_mps ** 2 / (2 * BRAKE_MPS2)
            if cars[0].speed_mps < MOVING_MPS or junctions.to_line_m(cars[0]) > stop_m + BARS_M:
                self.car = cars[0]
                self.car.ahead = ahead
        elif not cars or cars[0].along_m < there_m - ROOM_M:
            self.car = stage.traffic.add(CarKind.HATCHBACK, self._colour, lane_id, there_m, ahead)
            left_m, way_m = self._meet_m - stage.front_m, self._to_meet_m(self.car)
            if left_m < _time_s(way_m, 0.0) * stage.speed_mps:  # too late to start from rest
                self.car.speed_mps = min(way_m * stage.speed_mps / max(left_m, 1.0), CRUISE_MPS)
        if self.car is not None:
            junctions.bar(self.car.car_id)
            self.actor_ids = {self.car.car_id}
        elif stage.front_m > self._meet_m:
            self.missed = "other cars were in the way of the car that was to cross"

    def _to_meet_m(self, car: Car) -> float:
        """How far the car's front is from where the ways meet."""
        if car.lane == self.other.lane_id:
            return self._other_meets_m - car.along_m - car.length_m / 2
        if car.ahead[:1] == [self.other.lane_id]:
            return self._line_m - car.along_m + self._other_meets_m - car.length_m / 2
        return -math.inf

    def _start(self, stage: Stage, car: Car) -> None:
        """Let the car go once it needs as long as the ego to where they meet."""
        left_m = max(self._meet_m - stage.front_m, 0.0)
        stop_m = stage.speed_mps**2 / (2 * FAIR_BRAKE_MPS2) + FAIR_M
        time_s = _time_s(self._to_meet_m(car), car.speed_mps)
        if left_m > stop_m and left_m / stage.speed_mps <= time_s:
            self._ego_mps = stage.speed_mps
            stage.traffic.junctions.force(car.car_id, self.other.lane_id)
            assert self.other.junction_id is not None
            junction = stage.traffic.graph.town.junctions[self.other.junction_id]
            self._junction = junction.connector_ids

    def _cross(self, stage: Stage, car: Car) -> bool:
        """Drive so that both arrive together, or on once the ego brakes; over behind the
        junction.
        """
        assert self._ego_mps is not None
        self._yields = self._yields or stage.speed_mps < YIELDS_SHARE * self._ego_mps
        left_m, ego_left_m = self._to_meet_m(car), self._meet_m - stage.front_m
        wish_mps = CRUISE_MPS
        if not self._yields and left_m > 0.0 and ego_left_m > 0.0:
            together_mps = left_m * stage.speed_mps / ego_left_m
            wish_mps = min(max(together_mps, SLOWEST_MPS), FASTEST_MPS)
        told = min(max((wish_mps - car.speed_mps) / FOLLOW_S, -BRAKE_MPS2), ACCEL_MPS2)
        gap_m, lead_mps = _car_ahead(stage, car)
        if gap_m < math.inf:
            told = min(told, idm_accel(car.speed_mps, FASTEST_MPS, gap_m, lead_mps))
        car.told_mps2 = told
        if left_m > -car.length_m - BEYOND_M:
            # not beyond a car that is ahead: that one would wait for this one
            stage.claim_ahead(car, min(max(left_m, 0.0) + BEYOND_M, gap_m - 0.5))
            stage.claim_standing(self._junction)
        return car.lane != self.other.lane_id and car.ahead[:1] != [self.other.lane_id]


def _meeting(lane: Lane, other: Lane) -> tuple[float, float]:
    """Where the middle lines of two connectors come nearest first, along each."""
    apart = np.hypot(*(lane.centreline[:, None] - other.centreline[None]).transpose(2, 0, 1))
    near = apart <= apart.min() + 0.5
    here = int(np.flatnonzero(near.any(axis=1))[0])
    there = int(np.argmin(apart[here]))
    return float(lane.arclength[here]), float(other.arclength[there])


def _car_ahead(stage: Stage, car: Car) -> tuple[float, float]:
    """The next car of the traffic on the car's lanes, the ego aside: the gap and its speed."""
    offset_m, best = -car.along_m, (math.inf, 0.0)
    for lane in (car.lane, *car.ahead):
        for other in stage.traffic.cars.values():
            ahead_m = offset_m + other.along_m
            gap_m = ahead_m - (car.length_m + other.length_m) / 2
            if other.lane == lane and ahead_m > 0.0 and gap_m < best[0]:
                best = (gap_m, other.speed_mps)
        offset_m += float(stage.traffic.graph.length[lane])
    return best


def _time_s(distance_m: float, speed_mps: float) -> float:
    """How long the car takes, accelerating to its cruising speed."""
    gaining_m = max(CRUISE_MPS**2 - speed_mps**2, 0.0) / (2 * ACCEL_MPS2)
    if distance_m <= gaining_m:
        root = math.sqrt(speed_mps**2 + 2 * ACCEL_MPS2 * max(distance_m, 0.0))
        return (root - speed_mps) / ACCEL_MPS2
    gaining_s = max(CRUISE_MPS - speed_mps, 0.0) / ACCEL_MPS2
    return gaining_s + (distance_m - gaining_m) / CRUISE_MPS
