"""Conditions in which a camera sees well or badly, by name. Each gives a route a weather, drawn
from a seed, in any simulator; and every weather has its condition.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from auxdrive.errors import UsageError, unknown_name

from auxdrive_eval.condition_names import ALL, CONDITION_NAMES
from auxdrive_eval.random_streams import stream
from auxdrive_eval.route import Route
from auxdrive_eval.weather import Weather

RAIN, FOG = 5.0, 20.0
"""From these percentages of precipitation and fog on a weather is rainy or foggy."""
CLOUDS = 50.0
DAZZLING_DEG = (14.0, 22.0)
"""Between these altitudes a sun without clouds dazzles who drives towards it. A lower one would in
truth dazzle more; but routes of seeds have had it from the beginning, and keep their images.
"""
AT = "@"
"""Stands between a route's id and its condition where the route is driven in several."""
_BIN_RAD = math.radians(15.0)

Draw = Callable[[np.random.Generator, Route], Weather]


def _day(rng: np.random.Generator, route: Route) -> Weather:
    """Clear or cloudy, with the sun high."""
    del route
    azimuth, altitude = rng.uniform(0.0, 360.0), rng.uniform(25.0, 80.0)
    return Weather(float(rng.uniform(0.0, 100.0)), 0.0, 0.0, 0.0, float(azimuth), float(altitude))


def _night(rng: np.random.Generator, route: Route) -> Weather:
    """Clear or cloudy, long after sunset."""
    del route
    azimuth, altitude = rng.uniform(0.0, 360.0), rng.uniform(-45.0, -10.0)
    return Weather(float(rng.uniform(0.0, 100.0)), 0.0, 0.0, 0.0, float(azimuth), float(altitude))


def _fog(rng: np.random.Generator, route: Route) -> Weather:
    """By day; nothing is seen beyond 30 to 40 m."""
    day = _day(rng, route)
    return replace(day, cloudiness=80.0, fog_density=float(rng.uniform(85.0, 100.0)))


def _rain(rng: np.random.Generator, route: Route) -> Weather:
    """A downpour by day."""
    day = _day(rng, route)
    fall = float(rng.uniform(96.0, 100.0))
    return replace(day, cloudiness=95.0, precipitation=fall, wetness=100.0)


def _glare(rng: np.random.Generator, route: Route) -> Weather:
    """A low sun without clouds, ahead where most of the route leads."""
    azimuth = math.degrees(_main_heading_rad(route)) + rng.uniform(-12.0, 12.0)
    altitude, clouds = rng.uniform(15.5, 18.5), rng.uniform(0.0, 15.0)
    return Weather(float(clouds), 0.0, 0.0, 0.0, float(azimuth % 360.0), float(altitude))


CONDITIONS: Mapping[str, Draw] = dict(
    zip(CONDITION_NAMES, (_day, _night, _fog, _rain, _glare), strict=True)
)


def parse_conditions(names: Sequence[str]) -> tuple[str, ...]:
    """The conditions of these names, or all of them for 'all' alone.

    Raises:
        UsageError: one is unknown, the message names the nearest; or stands twice.
    """
    if tuple(names) == (ALL,):
        return CONDITION_NAMES
    for name in names:
        if name not in CONDITIONS:
            raise UsageError(unknown_name("condition", name, list(CONDITIONS)))
    if len(set(names)) != len(names):
        raise UsageError(f"name each condition once, not {', '.join(names)}")
    return tuple(names)


def in_condition(route: Route, name: str, seed: int) -> Route:
    """A route in a weather of a condition, all the way.

    Args:
        route: whose weather is replaced.
        name: of the condition.
        seed: of the weather; the condition's name is drawn with it.
    """
    weather = CONDITIONS[name](stream(seed, "condition", name), route)
    return replace(route, weather=weather, weathers=())


def in_each(routes: Sequence[Route], names: Sequence[str]) -> tuple[Route, ...]:
    """Each route in each condition, one after the other. Its id ends in the condition's name, and
    its weather depends on its own id and town alone.

    Args:
        routes: what is driven.
        names: of the conditions; none leaves the routes as they are.
    """
    if not names:
        return tuple(routes)
    return tuple(
        replace(in_condition(route, name, _seed_of(route)), route_id=f"{route.route_id}{AT}{name}")
        for route in routes
        for name in names
    )


def plain_id(route_id: str) -> str:
    """The id of a route without its condition: what the same route in all conditions shares."""
    return route_id.rpartition(AT)[0] if condition_of_id(route_id) else route_id


def condition_of_id(route_id: str) -> str:
    """The condition that a route's id names; empty where it names none."""
    _, at, name = route_id.rpartition(AT)
    return name if at and name in CONDITIONS else ""


def condition_of(weather: Weather) -> str:
    """The condition to which any weather belongs."""
    if weather.sun_altitude_deg < 0.0:
        return "night"
    if weather.precipitation >= RAIN:
        return "rain"
    if weather.fog_density >= FOG:
        return "fog"
    lowest_deg, highest_deg = DAZZLING_DEG
    if lowest_deg < weather.sun_altitude_deg < highest_deg and weather.cloudiness < CLOUDS:
        return "glare"
    return "day"


def _seed_of(route: Route) -> int:
    return int(stream(0, route.town, route.route_id).integers(2**32))


def _main_heading_rad(route: Route) -> float:
    """The heading of most of a route."""
    bins = np.rint(route.yaw_rad / _BIN_RAD).astype(int) % round(2 * math.pi / _BIN_RAD)
    return float(np.bincount(bins).argmax() * _BIN_RAD)
