"""Who is ahead of a car on the lanes that it drives."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Self

from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.traffic.car import Car, Leader, Occupancy

LOOK_AHEAD_M = 45.0
DIVERGE_M = 9.0
"""Where lanes diverge from a common start, cars within this distance of it are in each
other's way.
"""


class LanesAhead:
    """The lanes of a town, each with those that diverge from its start.

    Args:
        graph: the lanes.
    """

    def __init__(self, graph: LaneGraph) -> None:
        self._graph = graph
        lanes = graph.town.lanes
        self._siblings = {
            lane.lane_id: tuple(
                other for other in lanes[lane.predecessors[0]].successors if other != lane.lane_id
            )
            for lane in lanes.values()
            if lane.junction_id is not None
        }

    def everybody(self, car: Car, occupancy: Occupancy) -> list[Leader]:
        """All road users ahead of a car, the nearest first.

        Args:
            car: whose lanes they are.
            occupancy: who covers which stretches of lanes.
        """
        among = {other.car_id for on_lane in occupancy.values() for other in on_lane}
        found: list[Leader] = []
        while (ahead := self.next(car, occupancy, among)) is not None:
            found.append(ahead)
            among.discard(ahead.car_id)
        return found

    def next(
        self, car: Car, occupancy: Occupancy, among: Container[int] | None = None
    ) -> Leader | None:
        """The next road user; None if the way is clear.

        Args:
            car: whose lanes they are.
            occupancy: who covers which stretches of lanes.
            among: only these are looked for, by their ids; None is everybody.
        """
        front = car.along_m + car.length_m / 2
        found = self._next_on(car, car.lane, occupancy, car.along_m, front, among)
        length_m = self._graph.length_m
        offset = length_m[car.lane]
        for lane in car.ahead:
            if found is not None or offset - front > LOOK_AHEAD_M:
                break
            found = self._next_on(car, lane, occupancy, -math.inf, front - offset, among)
            offset += length_m[lane]
        return found

    def _next_on(
        self,
        car: Car,
        lane: int,
        occupancy: Occupancy,
        beyond_m: float,
        front_m: float,
        among: Container[int] | None,
    ) -> Leader | None:
        """The nearest road user whose middle is beyond a place on a lane, or on a lane that
        diverges from it, in distances along that lane.
        """
        nearest: Leader | None = None
        for place in (lane, *self._siblings.get(lane, ())):
            limit = math.inf if place == lane else DIVERGE_M
            for car_id, tail_m, front_to_m, speed_mps in occupancy.get(place, ()):
                middle = (tail_m + front_to_m) / 2
                if car_id == car.car_id or middle <= beyond_m or tail_m > limit:
                    continue
                gap = tail_m - front_m
                if (nearest is None or gap < nearest.gap_m) and (among is None or car_id in among):
                    nearest = Leader(gap, speed_mps, car_id)
        return nearest

    def __deepcopy__(self, memo: object) -> Self:
        """The same object: what it holds never changes."""
        return self
