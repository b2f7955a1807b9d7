"""Route files of leaderboard 1.0. CARLA's frame (y to the right, degrees) is converted here, once,
to the right-handed world frame.

<routes><route id="0" town="Town01"><weather cloudiness="30" .../>? <waypoint x= y= z= pitch= roll=
yaw=/> ...</route></routes>
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from xml.parsers import expat

import numpy as np
from auxdrive.errors import DataError, unknown_name
from auxdrive.frames import carla_points_to_world, carla_yaw_to_world, world_yaw_to_carla
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import read_bytes

from auxdrive_eval.routes.spec import DEFAULT_WEATHER, RouteSpec
from auxdrive_eval.world import Point, Weather

MAX_BYTES = 16 * 2**20
"""Larger files are refused; the leaderboard's largest has 2.5 MB."""

# Attribute of the <weather> element -> field of Weather.
_WEATHER_FIELDS = {
    "cloudiness": "cloudiness",
    "precipitation": "precipitation",
    "fog_density": "fog_density",
    "wetness": "wetness",
    "sun_azimuth_angle": "sun_azimuth_deg",
    "sun_altitude_angle": "sun_altitude_deg",
}
WITHOUT_EFFECT = (
    "precipitation_deposits", "wind_intensity", "fog_distance", "fog_falloff",
    "scattering_intensity", "mie_scattering_scale", "rayleigh_scattering_scale", "dust_storm",
)  # fmt: skip
"""The other attributes of carla.WeatherParameters. No simulator of ours shows them; a user who
gives one is told so.
"""
_ROUTE_ELEMENTS = ("waypoint", "weather")
_ROUTE_ATTRIBUTES = ("id", "town")
_WAYPOINT_NUMBERS = ("x", "y", "z", "pitch", "roll", "yaw")
_WAYPOINT_ATTRIBUTES = (
    *_WAYPOINT_NUMBERS,
    "connection",
)  # the last is the turn that some tools write there; it follows from the map
# Limits of carla.WeatherParameters: 0 to 100 percent, except for the angles. The azimuth may be a
# full turn to either side.
_WEATHER_LIMITS = {"sun_azimuth_angle": (-360.0, 360.0), "sun_altitude_angle": (-90.0, 90.0)}
# CARLA's y points to the right. Mirroring y also reverses the azimuth.
_SIGN = {"sun_azimuth_angle": -1.0}


def read_routes(path: Path) -> tuple[RouteSpec, ...]:
    """The routes of a file, in its order.

    Nothing that is not understood is ignored or replaced.

    Raises:
        DataError: the file cannot be read, is too large, is not XML, or has a document type
            declaration (which could expand without end); or a route lacks its id or town, repeats
            an id, has fewer than two waypoints, has a number that cannot be read or is not finite,
            has two weathers, or has an unknown element, attribute or text.
    """
    root = _parse(path)
    if root.tag != "routes":
        raise DataError(
            f"{path}: the root element is <{root.tag}>, not <routes>; this is no route file of "
            "leaderboard 1.0"
        )
    _refuse_unknown(str(path), root, (), ("route",))
    specs = tuple(_read_route(path, element) for element in root)
    if not specs:
        raise DataError(f"{path}: holds no <route>")
    seen: set[str] = set()
    for spec in specs:
        if spec.route_id in seen:
            raise DataError(
                f"{path}: the route id '{spec.route_id}' stands there twice; give every route an "
                "id of its own"
            )
        seen.add(spec.route_id)
    return specs


def _parse(path: Path) -> ET.Element:
    content = read_bytes(path, MAX_BYTES)
    try:
        _refuse_doctype(path, content)
        return ET.fromstring(content)
    except (ET.ParseError, expat.ExpatError, ValueError, LookupError) as error:
        raise DataError(f"{path}: is not well-formed XML: {error}") from error


def _refuse_doctype(path: Path, content: bytes) -> None:
    def refuse(*_: object) -> None:
        raise DataError(
            f"{path}: has a document type declaration, which route files do not need; remove it"
        )

    scanner = expat.ParserCreate()
    scanner.StartDoctypeDeclHandler = refuse
    scanner.Parse(content, True)


def _read_route(path: Path, element: ET.Element) -> RouteSpec:
    route_id, town = element.get("id", "").strip(), element.get("town", "").strip()
    if not route_id:
        raise DataError(f"{path}: a <route> has no id")
    where = f"{path}, route '{route_id}'"
    if not town:
        raise DataError(f"{where}: has no town")
    if element.find("waypoints") is not None:
        raise DataError(
            f"{where}: has a <waypoints> element: this is the format of leaderboard 2, and 1.0 is "
            "read here"
        )
    _refuse_unknown(where, element, _ROUTE_ATTRIBUTES, _ROUTE_ELEMENTS)
    keypoints = tuple(
        _read_waypoint(where, index, waypoint)
        for index, waypoint in enumerate(element.findall("waypoint"))
    )
    if len(keypoints) < 2:
        raise DataError(f"{where}: has {len(keypoints)} waypoints and needs at least 2")
    yaws = tuple(
        _read_yaw(where, index, waypoint)
        for index, waypoint in enumerate(element.findall("waypoint"))
    )
    weathers = element.findall("weather")
    if len(weathers) > 1:
        raise DataError(
            f"{where}: has {len(weathers)} <weather> elements; in leaderboard 1.0 a route has one "
            "weather from start to end"
        )
    weather, without_effect = (
        _read_weather(where, weathers[0]) if weathers else (DEFAULT_WEATHER, ())
    )
    known = any(yaw is not None for yaw in yaws)
    return RouteSpec(route_id, town, keypoints, weather, yaws if known else (), without_effect)


def _refuse_unknown(
    place: str, element: ET.Element, attributes: tuple[str, ...], elements: tuple[str, ...]
) -> None:
    """Refuse text, and all attributes and elements but these."""
    for name in element.attrib:
        if name not in attributes:
            known = (
                unknown_name("attribute", name, attributes)
                if attributes
                else f"<{element.tag}> has no attributes, and not '{name}'"
            )
            raise DataError(f"{place}: {known}")
    for child in element:
        if child.tag not in elements:
            known = (
                unknown_name("element", str(child.tag), elements)
                if elements
                else f"<{element.tag}> holds attributes alone"
            )
            raise DataError(f"{place}: holds <{child.tag}>. {known}")
    for text in (element.text, *(child.tail for child in element)):
        if text and text.strip():
            raise DataError(
                f"{place}: holds the text '{text.strip()[:40]}', and <{element.tag}> holds none"
            )


def _read_waypoint(where: str, index: int, element: ET.Element) -> Point:
    place = f"{where}, waypoint {index}"
    _refuse_unknown(place, element, _WAYPOINT_ATTRIBUTES, ())
    x_m, y_right_m, *_ = (
        _number(place, element, name, None if name in "xy" else 0.0) for name in _WAYPOINT_NUMBERS
    )
    x_m, y_m = carla_points_to_world(np.array([x_m, y_right_m])).tolist()
    return x_m, y_m


def _read_yaw(where: str, index: int, element: ET.Element) -> float | None:
    if element.get("yaw") is None:
        return None
    return float(carla_yaw_to_world(_number(f"{where}, waypoint {index}", element, "yaw")))


def _read_weather(where: str, element: ET.Element) -> tuple[Weather, tuple[str, ...]]:
    """The weather, and those of its attributes that have no effect."""
    place = f"{where}, weather"
    _refuse_unknown(place, element, (*_WEATHER_FIELDS, *WITHOUT_EFFECT), ())
    # A missing attribute of a <weather> element is 0, as in CARLA's default WeatherParameters. -0
    # becomes 0, so that equal weathers give equal hashes of routes.
    values = {name: _number(place, element, name, default=0.0) + 0.0 for name in _WEATHER_FIELDS}
    for name, value in values.items():
        low, high = _WEATHER_LIMITS.get(name, (0.0, 100.0))
        if not low <= value <= high:
            raise DataError(f"{place}: {name}={value:g} does not lie from {low:g} to {high:g}")
    given = tuple(
        name for name in WITHOUT_EFFECT if _number(place, element, name, default=0.0) != 0.0
    )
    return Weather(
        **{
            field: _SIGN.get(name, 1.0) * values[name] + 0.0
            for name, field in _WEATHER_FIELDS.items()
        }
    ), given


def _number(place: str, element: ET.Element, name: str, default: float | None = None) -> float:
    text = element.get(name)
    if text is None:
        if default is None:
            raise DataError(f"{place}: has no {name}")
        return default
    try:
        if (
            "_" in text or not text.isascii()
        ):  # float() takes 1_000 and the digits of other scripts, XML's numbers have neither
            raise ValueError
        value = float(text)
    except ValueError:
        raise DataError(f"{place}: {name}='{text[:40]}' is no number") from None
    if not math.isfinite(value) or abs(value) > 1e6:
        raise DataError(f"{place}: {name}={text[:40]} is not a finite number within 1e6")
    return value


def write_routes(path: Path, specs: Iterable[RouteSpec]) -> None:
    """Write a route file from which `read_routes` reads equal specifications. A waypoint has a yaw
    if its specification has one.

    Args:
        path: of the file; an old one is replaced.
        specs: the routes, in the right-handed world frame; in the file they stand in CARLA's frame.

    Raises:
        DataError: the file cannot be written.
    """
    root = ET.Element("routes")
    for spec in specs:
        route = ET.SubElement(root, "route", id=spec.route_id, town=spec.town)
        weather = {
            name: _SIGN.get(name, 1.0) * getattr(spec.weather, field) + 0.0
            for name, field in _WEATHER_FIELDS.items()
        }
        ET.SubElement(
            route, "weather", {name: repr(float(value)) for name, value in weather.items()}
        )
        yaws = spec.yaws_rad or (None,) * len(spec.keypoints)
        for (x_m, y_m), yaw_rad in zip(spec.keypoints, yaws, strict=True):
            attributes = {
                "pitch": "0.0",
                "roll": "0.0",
                "x": repr(float(x_m)),
                "y": repr(0.0 - float(y_m)),
                "z": "0.0",
            }
            if yaw_rad is not None:
                attributes["yaw"] = repr(float(world_yaw_to_carla(yaw_rad)))
            ET.SubElement(route, "waypoint", attributes)
    ET.indent(root, "   ")
    write_atomic(path, ET.tostring(root, encoding="UTF-8", xml_declaration=True))
