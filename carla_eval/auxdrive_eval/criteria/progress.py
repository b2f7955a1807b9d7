"""Distances along a route, which several criteria use."""

from __future__ import annotations

import numpy as np
from auxdrive.geometry import cumulative_length, euclidean
from auxdrive.types import Float64

from auxdrive_eval.route import Route
from auxdrive_eval.world import Point


def accumulated_m(route: Route) -> Float64:
    """float64 (N,): metres along the dense points, up to each of them."""
    return cumulative_length(route.points, euclidean)


class PassedPoints:
    """Which dense points of a route the ego has passed: point i if (ego - point i) . (heading at i)
    > 0.

    Args:
        route: with N dense points and the heading at each.
    """

    def __init__(self, route: Route) -> None:
        self._points = route.points
        self._headings = np.stack([np.cos(route.yaw_rad), np.sin(route.yaw_rad)], axis=1)

    def __len__(self) -> int:
        return len(self._points)

    def last_passed(self, index: int, window: int, location: Point) -> int:
        """The last point, from one on and within a window after it, beyond which a location lies;
        that one itself if it is none of them.

        Args:
            index: of the first point that is considered, 0 to N - 1.
            window: how many points after it are considered.
            location: in the world frame, metres.
        """
        last = index
        for other in range(index, min(index + window + 1, len(self))):
            if self.passed(other, location):
                last = other
        return last

    def passed(self, index: int, location: Point) -> bool:
        """Whether a location lies beyond a point, as seen along the route.

        Args:
            index: of the dense point, 0 to N - 1.
            location: in the world frame, metres.
        """
        x_m, y_m = self._points[index]
        forward_x, forward_y = self._headings[index]
        return bool((location[0] - x_m) * forward_x + (location[1] - y_m) * forward_y > 0)
