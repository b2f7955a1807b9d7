"""Which cars may enter a junction. Connectors are reserved, so that two cars in conflict never
drive at the same time.

A car asks when it comes near. It may enter if its signal allows it, no car in conflict is in the
junction or was admitted before it, no car with priority is close, and there is room behind the
junction. The ego takes part like any other car; if it enters without permission, its box blocks
what it covers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.simulators.embedded.traffic.car import EGO_ID, Car, Occupancy
from auxdrive_eval.simulators.embedded.traffic.conflicts import (
    Conflict,
    junction_conflicts,
    priorities,
)
from auxdrive_eval.world import LightColour

HARD_STOP_MPS2 = 2.8
"""A car stops at a yellow light if this deceleration is enough."""
COMFORT_STOP_MPS2 = 1.5
ASK_M = 8.0
GAP_S = 4.5
STOP_ZONE_M = 3.0
STOP_SPEED_MPS = 0.1
STOP_DWELL_S = 0.6
IDLE_GRANT_S = 3.0
ROOM_M = 3.0


class Hold(StrEnum):
    """Why a car may not enter a junction."""

    LIGHT = "light"
    STOP_SIGN = "stop_sign"
    ROOM = "room"
    CROSSING = "crossing"


class Held(NamedTuple):
    """Why a car may not enter, and who is in its way; None for a signal."""

    hold: Hold
    car_id: int | None = None


class JunctionControl:
    """The reservations of all junctions of a town.

    Args:
        town: whose junctions they are.

    Attributes:
        rank: of each connector (`conflicts.priorities`).
    """

    def __init__(self, town: Town) -> None:
        self.town = town
        self._length_m = {lane_id: lane.length_m for lane_id, lane in town.lanes.items()}
        self._conflicts = junction_conflicts(town)
        self.rank = priorities(town)
        self._granted: dict[int, int] = {}
        self._forced: dict[int, int] = {}
        self._barred: set[int] = set()

    def granted(self, car_id: int) -> int | None:
        """The connector that is reserved for a car, or None."""
        return self._granted.get(car_id)

    def bar(self, car_id: int) -> None:
        """Let a car wait at its line, whatever its signal, until it is forced or freed."""
        self._barred.add(car_id)

    def force(self, car_id: int, connector: int) -> None:
        """Let a car enter, whatever its signal and whoever else is there, until it is freed.

        Args:
            car_id: whose next lane is the connector.
            connector: the connector's id.
        """
        self._barred.discard(car_id)
        self._forced[car_id] = connector

    def free(self, car_id: int) -> None:
        """Let a car obey the rules again."""
        self._barred.discard(car_id)
        self._forced.pop(car_id, None)

    def to_line_m(self, car: Car) -> float:
        """Distance from the car's front to the end of its lane."""
        return self._length_m[car.lane] - car.along_m - car.length_m / 2

    def update(
        self,
        cars: Mapping[int, Car],
        occupancy: Occupancy,
        colours: Mapping[int, LightColour],
        tick_s: float,
    ) -> None:
        """Release what has been used, then decide on the cars that ask: those that have waited
        longest first, then the nearest.

        Args:
            cars: all road users by their ids, the ego too where it is on its lanes (`EGO_ID`).
            occupancy: who covers which stretches of lanes.
            colours: colour of each light by its id.
            tick_s: length of the tick, which is added to the times that cars have waited.
        """
        for car in cars.values():
            self._watch_stop(car, tick_s)
        for car_id in list(self._granted):
            if car_id not in cars or not self._still_needs(cars[car_id], colours):
                del self._granted[car_id]
        self._watch_ego(cars.get(EGO_ID), cars, colours, tick_s)
        for car_id, connector in self._forced.items():
            if car_id in cars and cars[car_id].ahead[:1] == [connector]:
                self._granted[car_id] = connector
        asking = [car for car in cars.values() if self.is_asking(car, occupancy)]
        for car in sorted(
            asking, key=lambda car: (-round(car.waited_s), self.to_line_m(car), car.car_id)
        ):
            if self._may_enter(car, cars, occupancy, colours):
                self._granted[car.car_id] = car.ahead[0]

    def _watch_stop(self, car: Car, tick_s: float) -> None:
        if self.town.lanes[car.lane].junction_id is not None or self.to_line_m(car) > STOP_ZONE_M:
            car.waited_s, car.has_stopped = 0.0, False
        elif car.speed_mps < STOP_SPEED_MPS:
            car.waited_s += tick_s
            car.has_stopped = car.has_stopped or car.waited_s >= STOP_DWELL_S

    def _still_needs(self, car: Car, colours: Mapping[int, LightColour]) -> bool:
        connector = self._granted[car.car_id]
        if car.lane == connector:
            return True
        if car.ahead and car.ahead[0] == connector:
            idle = (
                car.car_id == EGO_ID
                and car.waited_s > IDLE_GRANT_S
                and car.speed_mps < STOP_SPEED_MPS
            )
            return not idle and (self._is_green(car.lane, colours) or not self._can_stop(car))
        return car.behind == connector and car.along_m < car.length_m / 2

    def _watch_ego(
        self,
        ego: Car | None,
        cars: Mapping[int, Car],
        colours: Mapping[int, LightColour],
        tick_s: float,
    ) -> None:
        """What follows from how the ego moves: nothing, since it asks like any other car."""

    def is_asking(self, car: Car, occupancy: Occupancy) -> bool:
        """Whether a car is near a junction, the first on its lane, and not yet admitted.

        Args:
            car: a road user.
            occupancy: who covers which stretches of lanes.
        """
        lane = self.town.lanes[car.lane]
        if car.car_id in self._granted or lane.junction_id is not None or not car.ahead:
            return False
        if car.car_id in self._barred:
            return False
        if self.to_line_m(car) > ASK_M + car.speed_mps**2 / (2 * COMFORT_STOP_MPS2):
            return False
        return self._first_on_lane(car.lane, occupancy) == car.car_id

    @staticmethod
    def _first_on_lane(lane: int, occupancy: Occupancy) -> int | None:
        on_lane = occupancy.get(lane)
        return max(on_lane, key=lambda occupant: occupant.tail_m).car_id if on_lane else None

    def _is_green(self, lane: int, colours: Mapping[int, LightColour]) -> bool:
        light_id = self.town.lanes[lane].light_id
        return light_id is None or colours[light_id] is LightColour.GREEN

    def _can_stop(self, car: Car) -> bool:
        return car.speed_mps**2 / (2 * HARD_STOP_MPS2) <= max(self.to_line_m(car), 0.0)

    def _may_enter(
        self,
        car: Car,
        cars: Mapping[int, Car],
        occupancy: Occupancy,
        colours: Mapping[int, LightColour],
    ) -> bool:
        return next(self.held(car, cars, occupancy, colours), None) is None

    def held(
        self,
        car: Car,
        cars: Mapping[int, Car],
        occupancy: Occupancy,
        colours: Mapping[int, LightColour],
    ) -> Iterator[Held]:
        """Everything because of which a car may not enter now; nothing if it may.

        Args:
            car: which drives towards a junction.
            cars: all road users by their ids.
            occupancy: who covers which stretches of lanes.
            colours: colour of each light by its id.
        """
        lane = self.town.lanes[car.lane]
        light = None if lane.light_id is None else colours[lane.light_id]
        if light is LightColour.RED or (light is LightColour.YELLOW and self._can_stop(car)):
            yield Held(Hold.LIGHT)
        if lane.stop_sign_id is not None and not car.has_stopped:
            yield Held(Hold.STOP_SIGN)
        if not self._has_room_beyond(car, cars, occupancy):
            on_exit = occupancy[self.town.lanes[car.ahead[0]].successors[0]]
            yield Held(Hold.ROOM, min(on_exit, key=lambda occupant: occupant.tail_m).car_id)
        for conflict in self._conflicts[car.ahead[0]]:
            other = self._taken_by(conflict, car, cars, occupancy)
            if other is None:
                other = self._first_with_priority(conflict, car, cars, occupancy, colours)
            if other is not None:
                yield Held(Hold.CROSSING, other)

    def _taken_by(
        self, conflict: Conflict, car: Car, cars: Mapping[int, Car], occupancy: Occupancy
    ) -> int | None:
        """A car that was admitted earlier and has the stretch in conflict still ahead, or anything
        that is on the other connector before its end.
        """
        for other_id, connector in self._granted.items():
            if connector == conflict.other and other_id != car.car_id:
                other = cars[other_id]
                length = self.town.lanes[connector].length_m
                at = (
                    other.along_m
                    if other.lane == connector
                    else length + other.along_m
                    if other.behind == connector
                    else 0.0
                )
                if at - other.length_m / 2 < conflict.clear_at_m:
                    return other_id
        for occupant in occupancy.get(conflict.other, ()):
            if occupant.car_id != car.car_id and occupant.tail_m < conflict.clear_at_m:
                return occupant.car_id
        return None

    def _first_with_priority(
        self,
        conflict: Conflict,
        car: Car,
        cars: Mapping[int, Car],
        occupancy: Occupancy,
        colours: Mapping[int, LightColour],
    ) -> int | None:
        """The first car on the lane that leads to the other connector, if it has priority and will
        arrive soon.
        """
        if self.rank[conflict.other] >= self.rank[car.ahead[0]]:
            return None
        arriving = self.town.lanes[conflict.other].predecessors[0]
        other_id = self._first_on_lane(arriving, occupancy)
        if other_id is None or other_id == car.car_id or not self._is_green(arriving, colours):
            return None
        other = cars.get(other_id)
        if (
            other is None
            or other.lane != arriving
            or not other.ahead
            or other.ahead[0] != conflict.other
        ):
            return None
        soon = other.speed_mps > 0.5 and self.to_line_m(other) / max(other.speed_mps, 2.0) < GAP_S
        return other_id if soon else None

    def _has_room_beyond(self, car: Car, cars: Mapping[int, Car], occupancy: Occupancy) -> bool:
        """Whether the car fits behind the last one on its exit lane, so that it does not stop in
        the junction.
        """
        connector = self.town.lanes[car.ahead[0]]
        on_exit = occupancy.get(connector.successors[0])
        if not on_exit:
            return True
        last = min(on_exit, key=lambda occupant: occupant.tail_m)
        if last.speed_mps > 3.0:
            return True
        before = sum(
            cars[other].length_m + 2.0
            for other, granted in self._granted.items()
            if granted == connector.lane_id
        )
        return last.tail_m > car.length_m + ROOM_M + before
