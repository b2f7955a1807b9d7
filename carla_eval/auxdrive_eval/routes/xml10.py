"""Route files of leaderboard 1.0. CARLA's frame (y to the right, degrees) is converted here, once, to the right-handed world frame.

<routes><route id="0" town="Town01"><weather cloudiness="30" .../>? <waypoint x= y= z= pitch= roll= yaw=/> ...</route></routes>
"""

from __future__ import annotations

import math
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from xml.parsers import expat

import numpy as np
from auxdrive.errors import DataError
from auxdrive.files import read_bytes
from auxdrive.frames import carla_points_to_world, world_yaw_to_carla

from auxdrive_eval.routes.spec import DEFAULT_WEATHER, RouteSpec
from auxdrive_eval.world import Point, Weather

MAX_BYTES = 16 * 2**20
"""A larger file is refused; the leaderboard's largest has 2.5 MB."""

# Attribute of the <weather> element -> field of Weather. CARLA has more (wind, deposits, fog falloff), which no simulator here uses.
_WEATHER_FIELDS = {
    "cloudiness": "cloudiness",
    "precipitation": "precipitation",
    "fog_density": "fog_density",
    "wetness": "wetness",
    "sun_azimuth_angle": "sun_azimuth_deg",
    "sun_altitude_angle": "sun_altitude_deg",
}
# Limits of carla.WeatherParameters: percent but for the angles, of which a full turn to either side is taken for the azimuth.
_WEATHER_LIMITS = {"sun_azimuth_angle": (-360.0, 360.0), "sun_altitude_angle": (-90.0, 90.0)}


def read_routes(path: Path) -> tuple[RouteSpec, ...]:
    """The routes of a file, in its order.

    Raises:
        DataError: the file cannot be read, is too large, is no XML or has a document type declaration (where entity bombs live), or a route
            lacks its id or town, repeats an id, has fewer than two waypoints or a number that is none or not finite.
    """
    root = _parse(path)
    if root.tag != "routes":
        raise DataError(f"{path}: the root element is <{root.tag}>, not <routes>; this is no route file of leaderboard 1.0")
    specs = tuple(_read_route(path, element) for element in root.iter("route"))
    if not specs:
        raise DataError(f"{path}: holds no <route>")
    seen: set[str] = set()
    for spec in specs:
        if spec.route_id in seen:
            raise DataError(f"{path}: the route id '{spec.route_id}' stands there twice; give every route an id of its own")
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
        raise DataError(f"{path}: has a document type declaration, which route files do not need; remove it")

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
        raise DataError(f"{where}: has a <waypoints> element: this is the format of leaderboard 2, and 1.0 is read here")
    keypoints = tuple(_read_waypoint(where, index, waypoint) for index, waypoint in enumerate(element.findall("waypoint")))
    if len(keypoints) < 2:
        raise DataError(f"{where}: has {len(keypoints)} waypoints and needs at least 2")
    return RouteSpec(route_id, town, keypoints, _read_weather(where, element.find("weather")))


def _read_waypoint(where: str, index: int, element: ET.Element) -> Point:
    place = f"{where}, waypoint {index}"
    x_m, y_right_m = _number(place, element, "x"), _number(place, element, "y")
    _number(place, element, "z", default=0.0)
    x_m, y_m = carla_points_to_world(np.array([x_m, y_right_m])).tolist()
    return x_m, y_m


def _read_weather(where: str, element: ET.Element | None) -> Weather:
    if element is None:
        return DEFAULT_WEATHER
    place = f"{where}, weather"
    # An attribute that is missing in a <weather> element is 0, as in CARLA's default-constructed WeatherParameters.
    values = {name: _number(place, element, name, default=0.0) for name in _WEATHER_FIELDS}
    for name, value in values.items():
        low, high = _WEATHER_LIMITS.get(name, (0.0, 100.0))
        if not low <= value <= high:
            raise DataError(f"{place}: {name}={value:g} does not lie from {low:g} to {high:g}")
    return Weather(**{field: values[name] for name, field in _WEATHER_FIELDS.items()})


def _number(place: str, element: ET.Element, name: str, default: float | None = None) -> float:
    text = element.get(name)
    if text is None:
        if default is None:
            raise DataError(f"{place}: has no {name}")
        return default
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"{place}: {name}='{text[:40]}' is no number") from None
    if not math.isfinite(value) or abs(value) > 1e6:
        raise DataError(f"{place}: {name}={text[:40]} is not a finite number within 1e6")
    return value


def write_routes(path: Path, specs: Iterable[RouteSpec]) -> None:
    """Write a route file that `read_routes` reads back to equal specifications. Yaw is that of the way to the next waypoint.

    Raises:
        DataError: the file cannot be written.
    """
    root = ET.Element("routes")
    for spec in specs:
        route = ET.SubElement(root, "route", id=spec.route_id, town=spec.town)
        ET.SubElement(route, "weather", {name: repr(float(getattr(spec.weather, field))) for name, field in _WEATHER_FIELDS.items()})
        for (x_m, y_m), yaw_deg in zip(spec.keypoints, _carla_yaws_deg(spec.keypoints), strict=True):
            attributes = {
                "pitch": "0.0",
                "roll": "0.0",
                "x": repr(float(x_m)),
                "y": repr(0.0 - float(y_m)),
                "yaw": repr(yaw_deg),
                "z": "0.0",
            }
            ET.SubElement(route, "waypoint", attributes)
    ET.indent(root, "   ")
    temporary = path.with_name(path.name + ".tmp")
    try:
        ET.ElementTree(root).write(temporary, encoding="UTF-8", xml_declaration=True)
        os.replace(temporary, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error


def _carla_yaws_deg(keypoints: Sequence[Point]) -> list[float]:
    yaws = [float(world_yaw_to_carla(math.atan2(b[1] - a[1], b[0] - a[0]))) for a, b in pairwise(keypoints)]
    return [*yaws, yaws[-1]] if yaws else [0.0] * len(keypoints)
