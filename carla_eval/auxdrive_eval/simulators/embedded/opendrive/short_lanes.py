"""Lanes between two junctions that are too short for a car to stop on take what they need from the
way through the junction before them, as far as no other way is near it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.geometry.curves import resample
from auxdrive_eval.simulators.embedded.town.lanes import SPACING_M
from auxdrive_eval.simulators.embedded.town.model import Lane
from auxdrive_eval.simulators.embedded.traffic.conflicts import CLEARANCE_M

ENOUGH_M = 20.0
"""A lane of this length needs no more."""
LEFT_M = 4.0
"""Least length of what is left of a way through a junction."""
GAIN_M = 1.0


def lengthened(lanes: Mapping[int, Lane]) -> tuple[dict[int, Lane], dict[int, int]]:
    """The lanes, of which short ones are longer where they can be; and which lane took a part of
    which way through a junction.

    Args:
        lanes: of a town; each way through a junction has one lane before and one behind it.
    """
    found, takers = dict(lanes), {}
    members: dict[int, list[Lane]] = {}
    for lane in lanes.values():
        if lane.junction_id is not None:
            members.setdefault(lane.junction_id, []).append(lane)
    for lane in lanes.values():
        if lane.junction_id is not None or lane.length_m >= ENOUGH_M or len(lane.predecessors) != 1:
            continue
        way = lanes[lane.predecessors[0]]
        assert way.junction_id is not None, "a lane lies behind a junction"
        others = (other for other in members[way.junction_id] if other is not way)
        cut = _cut(way, lane, others)
        if cut is None:
            continue
        taken = np.concatenate([way.centreline[cut:], lane.centreline[1:]])
        found[way.lane_id] = _along(way, way.centreline[: cut + 1])
        found[lane.lane_id] = _along(lane, taken)
        takers[way.lane_id] = lane.lane_id
    return found, takers


def _cut(way: Lane, lane: Lane, others: Iterable[Lane]) -> int | None:
    """The index of the point of a way behind which the lane takes it; None if nothing can be
    gained.
    """
    near = np.zeros(len(way.centreline), bool)
    for other in others:
        apart = np.hypot(*(way.centreline[:, None] - other.centreline[None]).transpose(2, 0, 1))
        near |= (apart < CLEARANCE_M).any(axis=1)
    free = int(np.flatnonzero(near)[-1]) + 1 if near.any() else 0
    needed_m = way.length_m - (ENOUGH_M - lane.length_m)
    cut = max(free, int(np.searchsorted(way.arclength, max(LEFT_M, needed_m))), 2)
    if cut >= len(way.centreline) or way.length_m - float(way.arclength[cut]) < GAIN_M:
        return None
    return cut


def _along(lane: Lane, points: Float64) -> Lane:
    curve = resample(points, SPACING_M)
    return replace(lane, centreline=curve.points, arclength=curve.arclength, yaw_rad=curve.yaw_rad)
