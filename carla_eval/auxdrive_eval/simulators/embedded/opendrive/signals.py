"""Lights and stop signs of a town from the landmarks of a map.

A map does not tell when its lights change: approaches whose ways cross or meet are green in turn.
A way that turns left yields, as everywhere, and does not count.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from auxdrive.types import Float64, RoadOption

from auxdrive_eval.road_maps.carla_signals import SignalLine
from auxdrive_eval.simulators.embedded.geometry.curves import wrap
from auxdrive_eval.simulators.embedded.opendrive.network import Network
from auxdrive_eval.simulators.embedded.town.model import Lane, StopSign, Town, TrafficLight
from auxdrive_eval.simulators.embedded.town.signals import BEHIND_KERB_M, stop_line
from auxdrive_eval.simulators.embedded.traffic.conflicts import junction_conflicts
from auxdrive_eval.world import Point

REACH_M = 25.0
"""A line belongs to a lane that ends within this distance behind it."""
CLEAR_M = 0.4
"""Posts stand at least this far beside every lane; maps hang some lamps above the road."""
ASIDE_M = 10.0
Approach = tuple[int, bool]
"""A road, and whether its lanes that count positive lead to the junction."""


def with_lights(town: Town, network: Network, lines: Sequence[SignalLine]) -> Town:
    """The town with its traffic lights: one for each lane that has any.

    Args:
        town: without lights.
        network: its lanes.
        lines: of the map's lights.
    """
    places = list(_places(town, network, lines))
    groups = _groups(town, {lane.lane_id: _approach(line) for lane, line, _, _ in places})
    lanes, lights = dict(town.lanes), {}
    for number, (lane, _, foot, has_post) in enumerate(places):
        lights[number] = TrafficLight(
            number,
            _junction_behind(town, lane),
            lane.lane_id,
            groups[lane.lane_id],
            foot,
            wrap(float(lane.yaw_rad[-1]) + math.pi),
            stop_line(lane),
            has_post,
        )
        lanes[lane.lane_id] = replace(lane, light_id=number)
    return replace(town, lanes=lanes, lights=lights)


def with_stop_signs(town: Town, network: Network, lines: Sequence[SignalLine]) -> Town:
    """The town with its stop signs, which count only on lanes without a light.

    Args:
        town: with its lights.
        network: its lanes.
        lines: of the map's stop signs.
    """
    lanes = dict(town.lanes)
    signs: dict[int, StopSign] = {}
    for lane, _, foot, has_post in _places(town, network, lines):
        if lane.light_id is not None:
            continue
        number = len(signs)
        signs[number] = StopSign(
            number,
            _junction_behind(town, lane),
            lane.lane_id,
            foot,
            wrap(float(lane.yaw_rad[-1]) + math.pi),
            stop_line(lane),
            has_post,
        )
        lanes[lane.lane_id] = replace(lane, stop_sign_id=number)
    return replace(town, lanes=lanes, stop_signs=signs)


def with_ways_given(town: Town, network: Network, lines: Sequence[SignalLine]) -> Town:
    """The town with the lanes that give way. The signs themselves are not shown.

    Args:
        town: with its lights, beside which such signs do not count.
        network: its lanes.
        lines: of the map's yield signs.
    """
    lanes = dict(town.lanes)
    for lane, _, _, _ in _places(town, network, lines):
        if lane.light_id is None:
            lanes[lane.lane_id] = replace(lane, gives_way=True)
    return replace(town, lanes=lanes)


def _places(
    town: Town, network: Network, lines: Sequence[SignalLine]
) -> Iterator[tuple[Lane, SignalLine, Point, bool]]:
    """Each lane that has a signal, the first of its lines, where the post stands, and whether that
    is the first lane to have this post. Lanes of which nothing is driven have none.
    """
    points = np.concatenate([lane.centreline for lane in town.lanes.values()])
    reach = np.concatenate(
        [np.full(len(lane.centreline), lane.width_m / 2) for lane in town.lanes.values()]
    )
    signed: set[int] = set()
    feet: dict[int, Point] = {}
    for line in lines:
        lane = _lane_of(town, network, line)
        if lane is None or lane.lane_id in signed:
            continue
        signed.add(lane.lane_id)
        is_first = line.landmark not in feet
        if is_first:
            feet[line.landmark] = _foot(lane, line.foot, points, reach)
        yield lane, line, feet[line.landmark], is_first


def _lane_of(town: Town, network: Network, line: SignalLine) -> Lane | None:
    """The lane at whose end a line lies; None if it was left out of the town."""
    away = {
        math.dist(town.lanes[lane_id].centreline[-1], line.centre): lane_id
        for lane_id in network.lanes_of.get(line.lane, ())
        if town.lanes[lane_id].junction_id is None
    }
    nearest = min(away, default=math.inf)
    return town.lanes[away[nearest]] if nearest < REACH_M else None


def _junction_behind(town: Town, lane: Lane) -> int:
    junction = town.lanes[lane.successors[0]].junction_id
    assert junction is not None, "every lane of a town leads to a junction"
    return junction


def _foot(lane: Lane, foot: Point, points: Float64, reach: Float64) -> Point:
    """Where a post stands: as in the map if that is beside the lanes, else to the right of its own
    lane.
    """
    end, yaw = lane.centreline[-1], float(lane.yaw_rad[-1])
    right = np.array([math.sin(yaw), -math.cos(yaw)])
    aside = [
        end + (lane.width_m / 2 + beyond_m) * right
        for beyond_m in np.arange(BEHIND_KERB_M, ASIDE_M, 0.5)
    ]
    for x, y in (np.array(foot), *aside):
        if (np.hypot(*(points - (x, y)).T) - reach).min() >= CLEAR_M:
            return float(x), float(y)
    return foot


def _approach(line: SignalLine) -> Approach:
    return line.lane.road, line.lane.lane > 0


def _groups(town: Town, approaches: dict[int, Approach]) -> dict[int, int]:
    """The group of the light of each lane: approaches of a junction in conflict are in different
    ones.

    Args:
        town: its lanes and junctions.
        approaches: the approach of each lane that has a light.
    """
    conflicts = junction_conflicts(town)
    ways: dict[tuple[int, Approach], list[Lane]] = {}
    for lane_id, approach in approaches.items():
        lane = town.lanes[lane_id]
        through = [town.lanes[after] for after in lane.successors]
        ways.setdefault((_junction_behind(town, lane), approach), []).extend(through)
    found: dict[tuple[int, Approach], int] = {}
    for key in sorted(ways):
        met = {
            conflict.other for way in _counting(ways[key]) for conflict in conflicts[way.lane_id]
        }
        taken = {
            found[other]
            for other in found
            if other[0] == key[0] and met & {way.lane_id for way in _counting(ways[other])}
        }
        found[key] = next(group for group in range(len(ways)) if group not in taken)
    return {
        lane_id: found[_junction_behind(town, town.lanes[lane_id]), approach]
        for lane_id, approach in approaches.items()
    }


def _counting(ways: Sequence[Lane]) -> list[Lane]:
    return [way for way in ways if way.turn is not RoadOption.LEFT] or list(ways)
