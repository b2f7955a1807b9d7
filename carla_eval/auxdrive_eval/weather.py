"""Weather and time of day, the same for every simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Weather:
    """Weather and time of day in CARLA's terms: percentages, and degrees. Unlike CARLA's, the sun's
    azimuth grows to the left (counter-clockwise seen from above), as every angle in this project.

    Examples:
        >>> from auxdrive_eval import Weather
        >>> rain = Weather(cloudiness=90.0, precipitation=60.0, wetness=80.0, sun_altitude_deg=20.0)
        >>> rain.fog_density
        0.0
    """

    cloudiness: float = 30.0
    precipitation: float = 0.0
    fog_density: float = 0.0
    wetness: float = 0.0
    sun_azimuth_deg: float = 0.0
    sun_altitude_deg: float = 70.0


@dataclass(frozen=True, slots=True)
class RouteWeather:
    """The weather at a share of a route.

    Attributes:
        percentage: of the route's length, 0 to 100.
        others: those attributes of carla.WeatherParameters that `Weather` has not, where they
            differ from that class's defaults.
        of_map: whether it is left to the map (carla.WeatherParameters.Default, which Bench2Drive
            writes as -1 everywhere). `weather` is then what a simulator without such a weather
            shows.
    """

    percentage: float
    weather: Weather
    others: Mapping[str, float] = field(default_factory=dict)
    of_map: bool = False
