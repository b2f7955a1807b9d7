"""What the criteria of each rule set see on roads of CARLA's towns, through the map of the stock
client, without a server. The ego is put where a test wants it, tick by tick.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import carla_towns
import numpy as np
import pytest
from auxdrive.types import Pose2
from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.route import Route
from auxdrive_eval.routes.spec import RouteSpec
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.world import TAIL_M, CollisionKind, Contact, LightColour, Point, WorldState

if TYPE_CHECKING:
    from auxdrive_eval.road_maps import CarlaRoadMap

ALL = ("1.0", "2.0", "2.1", "bench2drive")
TICK_S, MPS = 0.05, 5.0


def route_of(name: str, length_m: float = 150.0, start: int = 0) -> Route:
    """A route in a town, from where one of its longest lanes begins."""
    roads = carla_towns.town(name)
    longest = sorted(roads.segments(2.0), key=lambda segment: -len(segment.path))
    points = [longest[start].path[1]]
    while len(points) * 10.0 <= length_m:
        points.append(roads.ahead(points[-1], 10.0)[0])
    spec = RouteSpec("0", name, tuple((point.x_m, point.y_m) for point in points))
    return carla_towns.planner(name).plan(spec).route(spec)


def state_at(
    roads: CarlaRoadMap,
    frame: int,
    pose: Pose2,
    colour: LightColour = LightColour.GREEN,
    mps: float = MPS,
) -> WorldState:
    """The world with the ego at a place of a town."""
    half_m, centre = 2.3, (pose.x_m, pose.y_m)
    tail_m = half_m + TAIL_M
    tail = pose.x_m - tail_m * math.cos(pose.yaw_rad), pose.y_m - tail_m * math.sin(pose.yaw_rad)
    return WorldState(
        frame,
        frame * TICK_S,
        pose,
        centre,
        mps,
        0.0,
        (half_m, 0.9),
        lights=roads.lights(centre, dict.fromkeys(roads.signals.light_ids, colour)),
        stop_signs=roads.stop_signs(centre),
        lane=roads.lane_view(*centre, pose.yaw_rad),
        tail_lane_id=roads.lane_view(*tail, pose.yaw_rad).lane_id,
    )


def along(
    route: Route, left_m: Sequence[float] | float = 0.0, reverse: bool = False
) -> list[Pose2]:
    """Poses along a route, half a metre apart, so far to its left.

    Args:
        route: that is driven.
        left_m: one distance, or eleven: at the start and after each tenth of the route.
        reverse: whether the car faces the other way.
    """
    at = np.arange(0, len(route.points) - 1, 0.5)
    index = np.arange(len(route.points))
    x, y = (np.interp(at, index, axis) for axis in route.points.T)
    yaw = np.interp(at, index, np.unwrap(route.yaw_rad))
    tenths = np.broadcast_to(np.asarray(left_m, float), (11,)) if np.ndim(left_m) == 0 else left_m
    left = np.interp(at / at[-1], np.linspace(0, 1, 11), tenths)
    turned = math.pi if reverse else 0.0
    return [
        Pose2(float(a - d * math.sin(h)), float(b + d * math.cos(h)), float(h + turned))
        for a, b, h, d in zip(x, y, yaw, left, strict=True)
    ]


def seen(rules: str, route: Route, states: Iterable[WorldState]) -> list[Event]:
    """What a rule set's criteria see of a drive, the speed beside the traffic left out."""
    criteria = RULE_SETS[rules].criteria(route)
    events: list[Event] = []
    for state in states:
        events += [event for criterion in criteria for event in criterion.update(state)]
    events += [event for criterion in criteria for event in criterion.finish(state)]
    return [event for event in events if event.kind is not EventKind.MIN_SPEED]


def kinds(rules: str, route: Route, states: Iterable[WorldState]) -> list[EventKind]:
    return [event.kind for event in seen(rules, route, states)]


def driven(name: str, poses: list[Pose2], **more: object) -> list[WorldState]:
    roads = carla_towns.town(name)
    return [
        state_at(roads, frame, pose, **more)  # type: ignore[arg-type]
        for frame, pose in enumerate(poses, 1)
    ]


@pytest.mark.parametrize("rules", ALL)
@pytest.mark.parametrize("name", ["Town02", "Town04", "Town10HD"])
def test_who_follows_a_route_does_nothing_wrong(rules: str, name: str) -> None:
    route = route_of(name)
    assert kinds(rules, route, driven(name, along(route))) == []


@pytest.mark.parametrize("rules", ALL)
@pytest.mark.parametrize("colour", [LightColour.RED, LightColour.GREEN])
def test_a_stop_line_crossed_on_red(rules: str, colour: LightColour) -> None:
    roads = carla_towns.town("Town02")
    (left, right), *_ = roads.town_map().lights
    x_m, y_m = np.mean([left, right], axis=0).tolist()
    line = min(
        roads.lights((x_m, y_m), dict.fromkeys(roads.signals.light_ids, colour)),
        key=lambda view: math.dist(view.stop_line[0], left),
    )
    poses = straight((x_m, y_m), line.lane_yaw_rad, -12.0, 8.0)
    found = kinds(rules, around(poses), driven("Town02", poses, colour=colour))
    assert found == ([EventKind.RED_LIGHT] if colour is LightColour.RED else [])


def straight(place: Point, yaw_rad: float, begin_m: float, end_m: float) -> list[Pose2]:
    """Poses through a place, a quarter of a metre apart."""
    return [
        Pose2(place[0] + m * math.cos(yaw_rad), place[1] + m * math.sin(yaw_rad), yaw_rad)
        for m in np.arange(begin_m, end_m, 0.25).tolist()
    ]


def around(poses: list[Pose2]) -> Route:
    """A route straight along these poses."""
    points = np.array([(pose.x_m, pose.y_m) for pose in poses[::4]])
    yaw = np.full(len(points), poses[0].yaw_rad)
    ends = (tuple(points[0].tolist()), tuple(points[-1].tolist()))
    base = route_of("Town02", 30.0)
    return replace(base, keypoints=ends, points=points, yaw_rad=yaw, lane_ids=())


@pytest.mark.parametrize("rules", ALL)
@pytest.mark.parametrize(("stands_at_m", "count"), [(None, 1), (-1.0, 0), (-7.0, 1)])
def test_a_stop_sign_of_town07(rules: str, stands_at_m: float | None, count: int) -> None:
    roads = carla_towns.town("Town07")
    (left, right), *_ = roads.town_map().stop_signs
    x_m, y_m = np.mean([left, right], axis=0).tolist()
    sign = min(
        roads.stop_signs((x_m, y_m)), key=lambda view: math.dist(view.trigger_centre, (x_m, y_m))
    )
    poses = straight(sign.trigger_centre, sign.lane_yaw_rad, -12.0, 8.0)
    states = driven("Town07", poses)
    if stands_at_m is not None:
        at = round((stands_at_m + 12.0) * 4)
        states[at] = replace(states[at], speed_mps=0.0)
    found = kinds(rules, around(poses), states).count(EventKind.STOP_SIGN)
    # 7 m before the middle of its box, a sign is near in 1.0 alone
    assert found == (0 if rules == "1.0" and stands_at_m is not None else count)


@pytest.mark.parametrize(("rules", "counts"), [("1.0", False), *((name, True) for name in ALL[1:])])
def test_lanes_straddled_by_a_metre_beyond_the_edge(rules: str, counts: bool) -> None:
    """1 m to the right of the outermost lane's edge is outside from 2.0 on, in 1.0 only 1.3 m."""
    name = "Town02"
    route = route_of(name)
    edge_m = carla_towns.town(name).lane_view(*route.points[60], 0.0).width_m / 2
    out = [0.0] * 3 + [-edge_m - 1.0] * 4 + [0.0] * 4
    events = seen(rules, route, driven(name, along(route, out)))
    assert [event.kind for event in events] == [EventKind.OUTSIDE_ROUTE_LANES] * counts
    if counts:
        assert events[0].percentage == pytest.approx(33.0, abs=8.0)


@pytest.mark.parametrize("rules", ALL)
def test_the_wrong_way_is_the_lane_of_the_opposite_direction(rules: str) -> None:
    name = "Town02"
    route = route_of(name)
    width_m = carla_towns.town(name).lane_view(*route.points[60], 0.0).width_m
    across = [0.0] * 3 + [width_m] * 4 + [0.0] * 4
    (event,) = seen(rules, route, driven(name, along(route, across)))
    assert event.kind is EventKind.OUTSIDE_ROUTE_LANES
    assert event.percentage == pytest.approx(40.0, abs=8.0)


@pytest.mark.parametrize("rules", ALL)
def test_who_leaves_the_route_ends_it_30_m_away(rules: str) -> None:
    name = "Town10HD"
    route = route_of(name)
    away = along(route, [0.0, 0.0, *np.linspace(0.0, 45.0, 9).tolist()])
    events = seen(rules, route, driven(name, away))
    left = next(event for event in events if event.kind is EventKind.ROUTE_DEVIATION)
    metres = np.hypot(*(route.points - left.location).T).min()
    assert 15.0 < metres == pytest.approx(30.0, abs=15.0)


@pytest.mark.parametrize(
    ("rules", "after_s"), [*((name, 180.0) for name in ALL[:3]), (ALL[3], 60.0)]
)
def test_who_stands_is_blocked(rules: str, after_s: float) -> None:
    name = "Town02"
    route = route_of(name)
    state = driven(name, along(route)[:1], mps=0.05)[0]
    standing = [replace(state, frame=frame, time_s=frame * TICK_S) for frame in range(0, 3700, 10)]
    events = [e for e in seen(rules, route, standing) if e.kind is EventKind.VEHICLE_BLOCKED]
    assert events[0].time_s == pytest.approx(after_s, abs=11 * TICK_S)


@pytest.mark.parametrize(("rules", "counted"), [("1.0", 3), *((name, 2) for name in ALL[1:])])
def test_hit_and_hit_again(rules: str, counted: int) -> None:
    """Two cars 4 m apart, then the first one once more, 6 s later and 50 m on."""
    name = "Town02"
    route = route_of(name)
    states = driven(name, along(route))
    for index, other in ((20, 1), (28, 2), (150, 1)):
        hit = Contact(CollisionKind.VEHICLE, other, "vehicle.sedan", states[index].ego_centre)
        states[index] = replace(states[index], contacts=(hit,))
    events = [e for e in seen(rules, route, states) if e.kind is EventKind.COLLISION_VEHICLE]
    assert len(events) == counted
