"""The weather of route files: CARLA's attributes, and how they change along a route."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace

from auxdrive_eval.routes.xml_elements import Element, Where
from auxdrive_eval.weather import RouteWeather, Weather

# Attribute of the <weather> element -> field of Weather.
FIELD_OF = {
    "cloudiness": "cloudiness",
    "precipitation": "precipitation",
    "fog_density": "fog_density",
    "wetness": "wetness",
    "sun_azimuth_angle": "sun_azimuth_deg",
    "sun_altitude_angle": "sun_altitude_deg",
}
OTHERS = (
    "precipitation_deposits", "wind_intensity", "fog_distance", "fog_falloff",
    "scattering_intensity", "mie_scattering_scale", "rayleigh_scattering_scale", "dust_storm",
)  # fmt: skip
"""The other attributes of carla.WeatherParameters. The embedded simulator does not show them; a
user who gives one is told so.
"""
# Of carla.WeatherParameters().
_DEFAULTS = {name: 0.0331 if name == "rayleigh_scattering_scale" else 0.0 for name in OTHERS}
# Limits of carla.WeatherParameters: 0 to 100 percent, except for the angles. The azimuth may be a
# full turn to either side.
_OF_MAP = -1.0
_LIMITS = {"sun_azimuth_angle": (-360.0, 360.0), "sun_altitude_angle": (-90.0, 90.0)}
# CARLA's y points to the right. Mirroring y also reverses the azimuth.
_SIGN = {"sun_azimuth_angle": -1.0}


def weather_at(weathers: Sequence[RouteWeather], percentage: float) -> RouteWeather:
    """The weather at a share of a route: linear between two, and constant before the first and
    after the last (scenario_runner's RouteWeatherBehavior).

    Args:
        weathers: one or more, ascending.
        percentage: of the route's length, 0 to 100.
    """
    after = next((i for i, entry in enumerate(weathers) if entry.percentage >= percentage), None)
    if after == 0 or after is None:
        return replace(weathers[0 if after == 0 else -1], percentage=percentage)
    a, b = weathers[after - 1], weathers[after]
    share = (percentage - a.percentage) / (b.percentage - a.percentage)

    def between(x: float, y: float) -> float:
        return x + (y - x) * share

    names = [entry.name for entry in fields(Weather)]
    return RouteWeather(
        percentage,
        Weather(*(between(getattr(a.weather, name), getattr(b.weather, name)) for name in names)),
        {
            name: between(_other(a, name), _other(b, name))
            for name in OTHERS
            if name in a.others or name in b.others
        },
        a.of_map and b.of_map,
    )


def carla_attributes(entry: RouteWeather) -> dict[str, float]:
    """All attributes of carla.WeatherParameters, in CARLA's frame."""
    if entry.of_map:
        return dict.fromkeys((*FIELD_OF, *OTHERS), _OF_MAP)
    shown = {
        name: _SIGN.get(name, 1.0) * float(getattr(entry.weather, field)) + 0.0
        for name, field in FIELD_OF.items()
    }
    return {**shown, **{name: _other(entry, name) for name in OTHERS}}


def weather_names(weathers: Iterable[RouteWeather]) -> tuple[str, ...]:
    """Those attributes of some weathers that `Weather` has not."""
    given = {name for entry in weathers for name in entry.others}
    return tuple(name for name in OTHERS if name in given)


def read_weather(
    where: Where, element: Element, base: Mapping[str, float], percentage: float = 0.0
) -> RouteWeather:
    """The weather of a `<weather>` element.

    Args:
        where: what is read.
        element: whose attributes are numbers; unknown ones were refused.
        base: of missing attributes that are not 0.
        percentage: of the route at which it holds.

    Raises:
        DataError: an attribute is no number, or not within its limits.
    """
    # -0 becomes 0, so that equal weathers give equal hashes of routes.
    values = {name: where.number(element, name, base.get(name, 0.0)) + 0.0 for name in FIELD_OF}
    if of_map := all(value == _OF_MAP for value in values.values()):
        values = {name: base.get(name, 0.0) for name in FIELD_OF}
    for name in FIELD_OF:
        low, high = _LIMITS.get(name, (0.0, 100.0))
        if not low <= values[name] <= high:
            raise where.error(
                element, f"{name}={values[name]:g} does not lie from {low:g} to {high:g}"
            )
    weather = Weather(
        **{field: _SIGN.get(name, 1.0) * values[name] + 0.0 for name, field in FIELD_OF.items()}
    )
    others = {name: where.number(element, name, _DEFAULTS[name]) for name in OTHERS}
    given = {name: value for name, value in others.items() if value != _DEFAULTS[name]}
    return RouteWeather(percentage, weather, {} if of_map else given, of_map)


def _other(entry: RouteWeather, name: str) -> float:
    return entry.others.get(name, _DEFAULTS[name])
