"""Route files of leaderboard 1.0, and those that TransFuser, longest6 and others write in its
format. CARLA's frame (y to the right, degrees) is converted here, once, to the right-handed world
frame.

<routes><route id="0" town="Town01"><weather cloudiness="30" .../>? <waypoint x= y= z= pitch= roll=
yaw=/> ...</route></routes>
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from auxdrive.errors import DataError
from auxdrive.frames import carla_points_to_world, carla_yaw_to_world, world_yaw_to_carla
from auxdrive.storage.publish import write_atomic

from auxdrive_eval.routes.spec import RouteSpec, as_spec
from auxdrive_eval.routes.weather import FIELD_OF, OTHERS, carla_attributes, read_weather
from auxdrive_eval.routes.xml_elements import Element, Where
from auxdrive_eval.weather import RouteWeather
from auxdrive_eval.world import Point

_ROUTE_ELEMENTS = ("waypoint", "weather")
_ROUTE_ATTRIBUTES = ("id", "town")
_WAYPOINT_NUMBERS = ("x", "y", "z", "pitch", "roll", "yaw")
_WAYPOINT_ATTRIBUTES = (
    *_WAYPOINT_NUMBERS,
    "connection",
)  # the last is the turn that some tools write there; it follows from the map
_WEATHER_ATTRIBUTES = ("id", *FIELD_OF, *OTHERS)  # longest6 numbers its weathers


def read_route(where: Where, element: Element) -> RouteSpec:
    """A route of leaderboard 1.0.

    Args:
        where: the route, for messages.
        element: the `<route>`.

    Raises:
        DataError: it lacks its id or town, has fewer than two waypoints, has a number that cannot
            be read or is not finite, has two weathers, or has an unknown element, attribute or
            text.
    """
    route_id, town = where.text(element, "id"), where.text(element, "town")
    where.refuse_unknown(element, _ROUTE_ATTRIBUTES, _ROUTE_ELEMENTS)
    waypoints = element.all_of("waypoint")
    places = [_waypoint(where, index, waypoint) for index, waypoint in enumerate(waypoints)]
    if len(places) < 2:
        raise where.error(element, f"has {len(places)} waypoints and needs at least 2")
    heights_m, yaws = tuple(z for _, z, _ in places), tuple(yaw for _, _, yaw in places)
    weathers = element.all_of("weather")
    if len(weathers) > 1:
        raise where.error(
            weathers[1],
            f"has {len(weathers)} <weather> elements; in leaderboard 1.0 a route has one weather "
            "from start to end",
        )
    spec = RouteSpec(
        route_id,
        town,
        tuple(point for point, _, _ in places),
        yaws_rad=yaws if any(yaw is not None for yaw in yaws) else (),
        heights_m=heights_m if any(heights_m) else (),
    )
    return _with_weather(where, spec, weathers[0]) if weathers else spec


def _with_weather(where: Where, spec: RouteSpec, element: Element) -> RouteSpec:
    place = where.inside("weather")
    place.refuse_unknown(element, _WEATHER_ATTRIBUTES, ())
    # A missing attribute of a <weather> element is 0, as in CARLA's default WeatherParameters.
    entry = read_weather(place, element, {})
    return replace(spec, weather=entry.weather, weathers=(entry,) if entry.others else ())


def _waypoint(where: Where, index: int, element: Element) -> tuple[Point, float, float | None]:
    place = where.inside(f"waypoint {index}")
    place.refuse_unknown(element, _WAYPOINT_ATTRIBUTES, ())
    x_m, y_right_m, z_m, *_, yaw_deg = (
        place.number(element, name, None if name in "xy" else 0.0) for name in _WAYPOINT_NUMBERS
    )
    x_m, y_m = carla_points_to_world(np.array([x_m, y_right_m])).tolist()
    known = "yaw" in element.attributes
    return (x_m, y_m), z_m + 0.0, float(carla_yaw_to_world(yaw_deg)) if known else None


def write_routes(path: Path, specs: Iterable[RouteSpec]) -> None:
    """Write a route file of leaderboard 1.0, from which `load_routes` reads equal specifications. A
    waypoint has a yaw if its specification has one.

    Args:
        path: of the file; an old one is replaced.
        specs: the routes, in the right-handed world frame; in the file they stand in CARLA's frame.

    Raises:
        InputError: one is no `RouteSpec`.
        DataError: the file cannot be written, or a route has scenarios or a weather that changes,
            which leaderboard 1.0 cannot say.
    """
    root = ET.Element("routes")
    for spec in map(as_spec, specs):
        if spec.scenarios or len(spec.weathers) > 1:
            raise DataError(
                f"{path}: route '{spec.route_id}' has scenarios or a weather that changes, which "
                "the format of leaderboard 1.0 cannot say"
            )
        route = ET.SubElement(root, "route", id=spec.route_id, town=spec.town)
        ET.SubElement(route, "weather", _weather_text(spec))
        yaws = spec.yaws_rad or (None,) * len(spec.keypoints)
        heights_m = spec.heights_m or (0.0,) * len(spec.keypoints)
        for (x_m, y_m), z_m, yaw_rad in zip(spec.keypoints, heights_m, yaws, strict=True):
            attributes = {
                "pitch": "0.0",
                "roll": "0.0",
                "x": repr(float(x_m)),
                "y": repr(0.0 - float(y_m)),
                "z": repr(float(z_m)),
            }
            if yaw_rad is not None:
                attributes["yaw"] = repr(float(world_yaw_to_carla(yaw_rad)))
            ET.SubElement(route, "waypoint", attributes)
    ET.indent(root, "   ")
    write_atomic(path, ET.tostring(root, encoding="UTF-8", xml_declaration=True))


def _weather_text(spec: RouteSpec) -> dict[str, str]:
    others = spec.weathers[0].others if spec.weathers else {}
    values = carla_attributes(RouteWeather(0.0, spec.weather, others))
    return {name: repr(values[name]) for name in (*FIELD_OF, *others)}
