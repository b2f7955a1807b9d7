"""A route as a line that is driven along. Legend: places in the world frame, metres; left is
positive.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from auxdrive.geometry import cumulative_length

from auxdrive_eval.route import Route
from auxdrive_eval.world import Point

BACK_M, AHEAD_M = 5.0, 25.0
"""How far from where the car was it is looked for at the next tick."""
TURN_BEHIND_M, TURN_AHEAD_M = 8.0, 14.0
"""The stretch around the car over which a route's change of heading is measured."""


class OnCourse(NamedTuple):
    """Where a place lies.

    Attributes:
        along_m: along the route.
        left_m: to the left of it.
        yaw_rad: heading of the route there.
    """

    along_m: float
    left_m: float
    yaw_rad: float


class Course:
    """A route as a line.

    Args:
        route: as planned.
    """

    def __init__(self, route: Route) -> None:
        self._points = route.points
        self._yaw_rad = np.unwrap(route.yaw_rad)
        self._along_m = cumulative_length(route.points)
        self.length_m = float(self._along_m[-1])

    def find(self, place: Point, from_m: float, to_m: float) -> OnCourse:
        """Where a place lies on a stretch of the route.

        Args:
            place: (x, y).
            from_m: where the stretch begins.
            to_m: where it ends.
        """
        first = max(int(np.searchsorted(self._along_m, from_m)) - 1, 0)
        last = min(int(np.searchsorted(self._along_m, to_m)) + 1, len(self._points))
        first = min(first, last - 1)
        window = self._points[first:last]
        nearest = first + int(np.argmin(((window - place) ** 2).sum(axis=1)))
        (x_m, y_m), yaw = self._points[nearest].tolist(), float(self._yaw_rad[nearest])
        dx, dy = place[0] - x_m, place[1] - y_m
        ahead = dx * math.cos(yaw) + dy * math.sin(yaw)
        return OnCourse(
            float(self._along_m[nearest]) + min(max(ahead, -1.0), 1.0),
            dy * math.cos(yaw) - dx * math.sin(yaw),
            yaw,
        )

    def follow(self, place: Point, before_m: float) -> OnCourse:
        """Where the car is, from where it was at an earlier tick.

        Args:
            place: of its centre.
            before_m: how far along the route it was.
        """
        return self.find(place, before_m - BACK_M, before_m + AHEAD_M)

    def point(self, along_m: float) -> Point:
        """The point of the route at a distance.

        Args:
            along_m: from its beginning.
        """
        x_m, y_m = (float(np.interp(along_m, self._along_m, self._points[:, k])) for k in (0, 1))
        return x_m, y_m

    def turn_rad(self, along_m: float) -> float:
        """By how much the heading of the route changes around a place, positive to the left.

        Args:
            along_m: the place.
        """
        at = np.interp(
            [along_m - TURN_BEHIND_M, along_m + TURN_AHEAD_M], self._along_m, self._yaw_rad
        )
        return float(at[1] - at[0])
