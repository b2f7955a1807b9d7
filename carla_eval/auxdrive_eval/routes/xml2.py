"""Route files of leaderboard 2.0, 2.1 and Bench2Drive. CARLA's frame (y to the right, degrees) is
converted here, once, to the right-handed world frame.

<routes><route id="0" town="Town12"><weathers><weather route_percentage="0" cloudiness= .../>...
</weathers>? <waypoints><position x= y= z=/>...</waypoints> <scenarios><scenario name= type=>
<trigger_point x= y= z= yaw=/> other elements</scenario>...</scenarios>? </route></routes>
"""

from __future__ import annotations

import numpy as np
from auxdrive.frames import carla_points_to_world, carla_yaw_to_world

from auxdrive_eval.routes.spec import Place, RouteSpec, Scenario
from auxdrive_eval.routes.weather import FIELD_OF, OTHERS, read_weather
from auxdrive_eval.routes.xml_elements import Element, Where
from auxdrive_eval.weather import RouteWeather, Weather

DEFAULT_WEATHER = Weather(cloudiness=50.0, sun_altitude_deg=70.0)
"""The weather of a route whose file gives none (leaderboard 2.x)."""
_BASE = {"cloudiness": 50.0, "sun_altitude_angle": 70.0}
_ROUTE_ELEMENTS = ("weathers", "waypoints", "scenarios")
_ROUTE_ATTRIBUTES = ("id", "town", "road_id")  # the last is of Bench2Drive; it follows from the map
_PLACE = ("x", "y", "z", "pitch", "roll", "yaw")
_PARAMETER_NUMBERS = (*_PLACE, "from", "to")
_PARAMETER_ATTRIBUTES = (*_PARAMETER_NUMBERS, "value")
_ACTOR_ATTRIBUTES = (
    *_PLACE, "model", "rolename", "speed", "autopilot", "random_location", "color", "category",
)  # fmt: skip


def is_of_2(route: Element) -> bool:
    """Whether a `<route>` is written as in leaderboard 2.x."""
    return bool(route.all_of("waypoints"))


def read_route(where: Where, element: Element) -> RouteSpec:
    """A route of leaderboard 2.x.

    Args:
        where: the route, for messages.
        element: the `<route>`.

    Raises:
        DataError: it lacks its id or town, has fewer than two positions, has a number that cannot
            be read or is not finite, has two weathers at one share of the route, a scenario lacks
            its name, type or one trigger, or there is an unknown element, attribute or text.
    """
    route_id, town = where.text(element, "id"), where.text(element, "town")
    where.refuse_unknown(element, _ROUTE_ATTRIBUTES, _ROUTE_ELEMENTS)
    for tag in _ROUTE_ELEMENTS:
        if len(twice := element.all_of(tag)) > 1:
            raise where.error(twice[1], f"has {len(twice)} <{tag}> elements")
    positions = _children(where, element, "waypoints", "position")
    if len(positions) < 2:
        raise where.error(element, f"has {len(positions)} positions and needs at least 2")
    places = [
        _place(where.inside(f"position {index}"), position)
        for index, position in enumerate(positions)
    ]
    heights_m = tuple(place.z_m for place in places)
    weathers = _weathers(where, _children(where, element, "weathers", "weather"))
    return RouteSpec(
        route_id,
        town,
        tuple((place.x_m, place.y_m) for place in places),
        weathers[0].weather if weathers else DEFAULT_WEATHER,
        heights_m=heights_m if any(heights_m) else (),
        weathers=weathers
        if len(weathers) > 1 or any(w.others or w.of_map for w in weathers)
        else (),
        scenarios=tuple(
            _scenario(where.inside(f"scenario {index}"), scenario)
            for index, scenario in enumerate(_children(where, element, "scenarios", "scenario"))
        ),
    )


def _children(where: Where, route: Element, group: str, tag: str) -> list[Element]:
    """The elements of a group of the route, all of one name; none where the group is missing."""
    groups = route.all_of(group)
    if not groups:
        return []
    where.inside(group).refuse_unknown(groups[0], (), (tag,))
    return groups[0].children


def _weathers(where: Where, elements: list[Element]) -> tuple[RouteWeather, ...]:
    found: dict[float, RouteWeather] = {}
    for index, element in enumerate(elements):
        place = where.inside(f"weather {index}")
        place.refuse_unknown(element, ("route_percentage", *FIELD_OF, *OTHERS), ())
        percentage = place.number(element, "route_percentage")
        if not 0 <= percentage <= 100:
            raise place.error(
                element, f"route_percentage={percentage:g} does not lie from 0 to 100"
            )
        if percentage in found:
            raise place.error(element, f"a second weather at {percentage:g} % of the route")
        found[percentage] = read_weather(place, element, _BASE, percentage)
    return tuple(found[percentage] for percentage in sorted(found))


def _place(where: Where, element: Element, needed: tuple[str, ...] = ("x", "y", "z")) -> Place:
    where.refuse_unknown(element, _PLACE, ())
    x_m, y_right_m, z_m, _, _, yaw_deg = (
        where.number(element, name, None if name in needed else 0.0) for name in _PLACE
    )
    x_m, y_m = carla_points_to_world(np.array([x_m, y_right_m])).tolist()
    return Place(x_m, y_m, z_m + 0.0, float(carla_yaw_to_world(yaw_deg)))


def _scenario(where: Where, element: Element) -> Scenario:
    name, kind = where.text(element, "name"), where.text(element, "type")
    here = where.inside(f"'{name[:60]}'")
    tags = [child.tag for child in element.children]
    here.refuse_unknown(element, ("name", "type"), tags)
    triggers = element.all_of("trigger_point")
    if len(triggers) != 1:
        raise here.error(element, f"has {len(triggers)} <trigger_point> elements and needs one")
    parameters: dict[str, dict[str, str]] = {}
    actors = []
    for child in element.children:
        place = here.inside(f"<{child.tag}>")
        if child.tag == "other_actor":
            place.refuse_unknown(child, _ACTOR_ATTRIBUTES, ())
            actors.append(_numbers_checked(place, child))
        elif child.tag != "trigger_point":
            place.refuse_unknown(child, _PARAMETER_ATTRIBUTES, ())
            if child.tag in parameters:
                raise place.error(child, "stands there twice")
            parameters[child.tag] = _numbers_checked(place, child)
    trigger = _place(here.inside("trigger_point"), triggers[0], ("x", "y", "z", "yaw"))
    return Scenario(name, kind, trigger, parameters, tuple(actors))


def _numbers_checked(where: Where, element: Element) -> dict[str, str]:
    """The attributes as they stand in the file, once those that are numbers are known to be some.
    A `value` may be a word ("left"); no number that is not finite is one.
    """
    for name, text in element.attributes.items():
        if name in _PARAMETER_NUMBERS or (name == "value" and _looks_like_a_number(text)):
            where.number(element, name)
    return dict(element.attributes)


def _looks_like_a_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
