"""How fast cars drive on the lanes of a town: what limits and bends allow."""

from __future__ import annotations

import math
from typing import Self

import numpy as np

from auxdrive_eval.simulators.embedded.geometry.curves import Curve
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.traffic.car import Car
from auxdrive_eval.simulators.embedded.traffic.idm import speed_profile

LATERAL_MPS2 = 2.0
PROFILE_BRAKE_MPS2 = 1.5
SEEN_M = 20.0
"""A car slows down for lanes that begin no farther ahead of it."""


class LaneSpeeds:
    """The highest speed at each point of each lane.

    Args:
        graph: the lanes of the town.
    """

    def __init__(self, graph: LaneGraph) -> None:
        self._graph = graph
        profiles = [
            speed_profile(
                Curve(lane.centreline, lane.arclength, lane.yaw_rad),
                lane.speed_limit_mps,
                LATERAL_MPS2,
                PROFILE_BRAKE_MPS2,
            )
            for lane in (graph.town.lanes[lane_id] for lane_id in graph.lane_ids)
        ]
        self._profile: list[float] = np.concatenate(profiles).tolist()
        self._first: list[int] = graph.first.tolist()
        self._last: list[int] = (graph.count - 1).tolist()
        self._spacing_m: list[float] = graph.spacing.tolist()

    def __deepcopy__(self, memo: object) -> Self:
        """The same object: what it holds never changes."""
        return self

    def allowed_mps(self, car: Car) -> float:
        """The highest speed of a car, here and to brake in time for its next lanes."""
        length_m, at = self._graph.length_m, car.lane
        here = self._first[at] + min(int(car.along_m / self._spacing_m[at]), self._last[at])
        allowed = self._profile[max(here, 0)]
        to_end = length_m[at] - car.along_m
        for lane in car.ahead:
            if to_end > SEEN_M:
                break
            entry = self._profile[self._first[lane]]
            allowed = min(allowed, math.sqrt(entry**2 + 2 * PROFILE_BRAKE_MPS2 * max(to_end, 0.0)))
            to_end += length_m[lane]
        return allowed
