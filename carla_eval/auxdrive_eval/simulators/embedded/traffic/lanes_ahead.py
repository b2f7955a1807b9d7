"""Who is ahead of a car on the lanes that it drives."""

from __future__ import annotations

import math
from collections.abc import Container

from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.traffic.car import Car, Leader, Occupancy, Occupant

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
        offset = self._graph.length[car.lane]
        for lane in car.ahead:
            if found is not None or offset - front > LOOK_AHEAD_M:
                break
            found = self._next_on(car, lane, occupancy, -math.inf, front - offset, among)
            offset += self._graph.length[lane]
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
        places = ((occupancy.get(lane, ()), math.inf), *self._diverging(lane, occupancy))
        for occupants, limit in places:
            for other in occupants:
                middle = (other.tail_m + other.front_m) / 2
                if other.car_id == car.car_id or middle <= beyond_m or other.tail_m > limit:
                    continue
                gap = other.tail_m - front_m
                if (nearest is None or gap < nearest.gap_m) and (
                    among is None or other.car_id in among
                ):
                    nearest = Leader(gap, other.speed_mps, other.car_id)
        return nearest

    def _diverging(self, lane: int, occupancy: Occupancy) -> list[tuple[list[Occupant], float]]:
        return [
            (occupancy[other], DIVERGE_M)
            for other in self._siblings.get(lane, ())
            if other in occupancy
        ]
