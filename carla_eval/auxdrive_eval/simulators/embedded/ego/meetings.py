"""Where the ways through a junction meet, and which of them a car may be on.

Legend: distances along a connector count from its beginning, and are negative before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from auxdrive_eval.simulators.embedded.town.model import Lane, Town
from auxdrive_eval.simulators.embedded.traffic.car import Car
from auxdrive_eval.simulators.embedded.traffic.conflicts import CLEARANCE_M, apart_m

SAME_WAY_M = 0.8
"""Connectors from one lane are told apart where they are farther from each other."""


class Meeting(NamedTuple):
    """Where two connectors of a junction are too near for two cars: along the one, and along the
    other. A driver judges by the lines of the lanes; that cars swing out in bends, which
    reservations allow for (`conflict_of`), he does not see.
    """

    from_m: float
    to_m: float
    other_from_m: float
    other_to_m: float


class Meetings:
    """The connectors of a town's junctions.

    Args:
        town: whose junctions they are.
    """

    def __init__(self, town: Town) -> None:
        self._town = town
        self._met: dict[int, dict[int, Meeting]] = {}

    def of(self, connector: int) -> dict[int, Meeting]:
        """The other connectors that cross or join one, by their ids."""
        if connector not in self._met:
            lane = self._town.lanes[connector]
            assert lane.junction_id is not None
            others = (
                self._town.lanes[each]
                for each in self._town.junctions[lane.junction_id].connector_ids
            )
            found = {
                other.lane_id: _meeting(lane, other)
                for other in others
                if other.predecessors != lane.predecessors
            }
            self._met[connector] = {each: met for each, met in found.items() if met is not None}
        return self._met[connector]

    def ways(self, car: Car) -> Iterable[tuple[int, float]]:
        """The connectors that a car may be on or take next, and where along each its middle is."""
        lanes = self._town.lanes
        lane = lanes[car.lane]
        if lane.junction_id is None:
            if car.behind is not None and car.along_m < car.length_m / 2:
                yield car.behind, lanes[car.behind].length_m + car.along_m
            for after in lane.successors:
                yield after, car.along_m - lane.length_m
            return
        here = place_at(lane, car.along_m)
        for each in lanes[lane.predecessors[0]].successors:
            there = place_at(lanes[each], car.along_m)
            if each == car.lane or math.dist(here, there) < SAME_WAY_M:
                yield each, car.along_m


def place_at(lane: Lane, along_m: float) -> tuple[float, float]:
    """A place on the centre line of a lane, (x, y) in the world frame.

    Args:
        lane: which one.
        along_m: how far along it.
    """
    line = lane.centreline
    x, y = (float(np.interp(along_m, lane.arclength, line[:, axis])) for axis in (0, 1))
    return x, y


def _meeting(lane: Lane, other: Lane) -> Meeting | None:
    near = apart_m(lane, other) < CLEARANCE_M
    if not near.any():
        return None
    here, there = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    along, other_along = lane.arclength, other.arclength
    return Meeting(
        float(along[here[0]]),
        float(along[here[-1]]),
        float(other_along[there[0]]),
        float(other_along[there[-1]]),
    )
