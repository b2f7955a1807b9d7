"""A route as its file describes it: where it leads, in which weather and through which scenarios,
before any map is consulted.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from auxdrive.checks.numbers import shown
from auxdrive.errors import InputError

from auxdrive_eval.routes.weather import weather_names
from auxdrive_eval.weather import RouteWeather, Weather
from auxdrive_eval.world import Point

DEFAULT_WEATHER = Weather(cloudiness=30.0, sun_altitude_deg=70.0)
"""The weather of a route whose file gives none (leaderboard 1.0)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place and heading in the world frame: metres, and radians to the left."""

    x_m: float
    y_m: float
    z_m: float
    yaw_rad: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario that is set up along a route (leaderboard 2.x).

    Attributes:
        name: its name in the file.
        kind: what happens, the file's `type`.
        trigger: where the ego sets it off.
        parameters: the other elements, by their names; their attributes as they stand in the file,
            in CARLA's frame, since each kind of scenario has its own.
        actors: attributes of each `<other_actor>`, as they stand in the file.
    """

    name: str
    kind: str
    trigger: Place
    parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    actors: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """A route of a file.

    Attributes:
        keypoints: sparse (x, y) in metres, right-handed world frame (y to the left of x).
        weather: at the start of the route.
        yaws_rad: heading of the lane at each keypoint, positive to the left; None where the file
            gives none. Empty if it gives none at all.
        heights_m: z of each keypoint; empty if all are 0.
        weathers: the weather at shares of the route, ascending; empty where it stays as it begins,
            and CARLA's other attributes are not given.
        scenarios: what happens on the way (leaderboard 2.x).
    """

    route_id: str
    town: str
    keypoints: tuple[Point, ...]
    weather: Weather = field(default=DEFAULT_WEATHER)
    yaws_rad: tuple[float | None, ...] = ()
    heights_m: tuple[float, ...] = ()
    weathers: tuple[RouteWeather, ...] = ()
    scenarios: tuple[Scenario, ...] = ()

    @property
    def length_m(self) -> float:
        """Length along the sparse keypoints, which leaderboard 1.0 calls the route's length."""
        return sum(math.dist(a, b) for a, b in pairwise(self.keypoints))

    def without_effect(
        self, scenarios: Collection[str] = (), *, weathers: bool = False
    ) -> tuple[str, ...]:
        """What a simulator does not show of it: attributes of the weather, its changes, and
        scenarios.

        Args:
            scenarios: kinds of scenarios that the simulator sets up.
            weathers: whether it shows every attribute of the weather, and its changes.
        """
        unknown = sorted({each.kind for each in self.scenarios if each.kind not in scenarios})
        changes = not weathers and len({entry.weather for entry in self.weathers}) > 1
        found = () if weathers else weather_names(self.weathers)
        return (
            *found,
            *(("the weather's changes along the route",) if changes else ()),
            *((f"its scenarios {', '.join(unknown)}",) if unknown else ()),
        )


def as_spec(route: object) -> RouteSpec:
    """A route that is to be planned or written.

    Args:
        route: that was given.

    Raises:
        InputError: it is no `RouteSpec`.
    """
    if not isinstance(route, RouteSpec):
        raise InputError(
            f"a route is given as a RouteSpec, got {shown(route)}: `load_routes` reads them from a "
            "file, RouteSpec(route_id, town, keypoints) makes one"
        )
    return route
