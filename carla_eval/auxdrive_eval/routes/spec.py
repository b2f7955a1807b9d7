"""A route as its file describes it: where it leads and in which weather, before any map is
consulted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

from auxdrive_eval.world import Point, Weather

DEFAULT_WEATHER = Weather(cloudiness=30.0, sun_altitude_deg=70.0)
"""The weather of a route whose file gives none (leaderboard 1.0)."""


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """A route of a file.

    Attributes:
        keypoints: sparse (x, y) in metres, right-handed world frame (y to the left of x). z is not
            kept, since worlds are flat.
        yaws_rad: heading of the lane at each keypoint, positive to the left; None where the file
            gives none. Empty if it gives none at all.
        without_effect: attributes of its weather that no simulator of ours shows.
    """

    route_id: str
    town: str
    keypoints: tuple[Point, ...]
    weather: Weather = field(default=DEFAULT_WEATHER)
    yaws_rad: tuple[float | None, ...] = ()
    without_effect: tuple[str, ...] = ()

    @property
    def length_m(self) -> float:
        """Length along the sparse keypoints, which leaderboard 1.0 calls the route's length."""
        return sum(math.dist(a, b) for a, b in pairwise(self.keypoints))
