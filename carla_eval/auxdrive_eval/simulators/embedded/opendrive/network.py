"""Lanes and junctions of a town from the lane sections of a map.

Sections that follow each other without a choice are one lane. Traffic reserves junctions, so
whatever makes it wait stands before one: a signal on an open road has a crossing of one way behind
it, and so has a loop that leads through no junction.

Legend: N points along a lane.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from auxdrive.errors import DataError
from auxdrive.geometry import cumulative_length
from auxdrive.types import Float64, RoadOption

from auxdrive_eval.road_maps.base import LaneId
from auxdrive_eval.simulators.embedded.geometry.curves import resample, wrap
from auxdrive_eval.simulators.embedded.opendrive.chains import Piece, chains, cut, endless
from auxdrive_eval.simulators.embedded.opendrive.outlines import hull
from auxdrive_eval.simulators.embedded.opendrive.sections import LaneSection
from auxdrive_eval.simulators.embedded.opendrive.short_lanes import lengthened
from auxdrive_eval.simulators.embedded.town.lane_graph import LEVEL_M
from auxdrive_eval.simulators.embedded.town.lanes import (
    JUNCTION_SPEED_MPS,
    SPACING_M,
    TURN_ANGLE_RAD,
)
from auxdrive_eval.simulators.embedded.town.model import Junction, JunctionKind, Lane
from auxdrive_eval.world import Point

SPEED_LIMIT_MPS = 30.0 / 3.6


@dataclass(frozen=True, slots=True)
class Network:
    """The lanes and junctions of a town.

    Attributes:
        lanes_of: the lanes that were made from each section, in driving order.
    """

    lanes: dict[int, Lane]
    junctions: dict[int, Junction]
    lanes_of: dict[LaneId, tuple[int, ...]]


def build_network(
    sections: Mapping[LaneId, LaneSection], lines: Mapping[LaneId, Sequence[Point]]
) -> Network:
    """Lanes and junctions from lane sections. What leads to a dead end is left out, since cars
    could not drive on.

    Args:
        sections: of a map (`lane_sections`).
        lines: the places of stop lines on each.

    Raises:
        DataError: no lane is left, or ways part or meet outside of junctions.
    """
    kept = endless(sections)
    pieces: list[Piece] = []
    parts: dict[tuple[LaneId, ...], list[int]] = {}
    next_junction = 1 + max((s.junction or 0 for s in kept.values()), default=0)
    for chain in chains(kept):
        turned, starts = chain.crossings([p for key in chain.keys for p in lines.get(key, ())])
        own = list(cut(turned, starts, next_junction))
        next_junction += sum(piece.is_crossing for piece in own)
        parts[chain.keys] = list(range(len(pieces), len(pieces) + len(own)))
        pieces += own
    after = _links(kept, parts)
    _refuse_odd_ways(pieces, after)
    lanes, takers = lengthened(_lanes(pieces, after))
    for ids in parts.values():
        ids += [takers[number] for number in ids if number in takers]
    lanes_of = {key: tuple(ids) for keys, ids in parts.items() for key in keys}
    lanes = _with_heights(lanes, kept, lanes_of)
    return Network(lanes, _junctions(lanes), lanes_of)


def _links(
    sections: Mapping[LaneId, LaneSection], parts: Mapping[tuple[LaneId, ...], list[int]]
) -> dict[int, tuple[int, ...]]:
    """The pieces that follow each piece."""
    first = {keys[0]: ids[0] for keys, ids in parts.items()}
    after: dict[int, tuple[int, ...]] = {}
    for keys, ids in parts.items():
        after.update((one, (other,)) for one, other in pairwise(ids))
        following = (key for key in sections[keys[-1]].after if key in sections)
        after[ids[-1]] = tuple(sorted(first[key] for key in following))
    return after


def _refuse_odd_ways(pieces: Sequence[Piece], after: Mapping[int, tuple[int, ...]]) -> None:
    entries = np.bincount(
        [other for others in after.values() for other in others], minlength=len(pieces)
    )
    for number, others in after.items():
        piece = pieces[number]
        for other in others:
            through, beyond = piece.junction is not None, pieces[other].junction is not None
            if (
                through == beyond
                or (through and len(others) > 1)
                or (beyond and entries[other] > 1)
            ):
                x, y = piece.points[-1].tolist()
                key = piece.chain.keys[-1]
                what = (
                    "two junctions follow each other without a road between"
                    if through and beyond
                    else "ways part or meet outside of a junction, or within one"
                )
                raise DataError(
                    f"at x {x:.1f}, y {y:.1f} (to the left), where lane {key.lane} of road "
                    f"{key.road} ends: {what}, which the embedded simulator cannot drive"
                )


def _lanes(pieces: Sequence[Piece], after: Mapping[int, tuple[int, ...]]) -> dict[int, Lane]:
    before: dict[int, list[int]] = {number: [] for number in after}
    for number, others in sorted(after.items()):
        for other in others:
            before[other].append(number)
    lanes = {}
    for number, piece in enumerate(pieces):
        length_m = float(cumulative_length(piece.points)[-1])
        curve = resample(piece.points, min(SPACING_M, length_m / 2))
        turned = wrap(float(curve.yaw_rad[-1] - curve.yaw_rad[0]))
        in_junction = piece.junction is not None
        lanes[number] = Lane(
            number,
            piece.chain.keys[0].road,
            curve.points,
            curve.arclength,
            curve.yaw_rad,
            piece.chain.width_m,
            JUNCTION_SPEED_MPS if in_junction and not piece.is_crossing else SPEED_LIMIT_MPS,
            after[number],
            tuple(before[number]),
            piece.junction,
            _turn(turned) if in_junction and not piece.is_crossing else RoadOption.LANE_FOLLOW,
            parking_m=0.0 if in_junction else piece.chain.parking_m,
        )
    return lanes


def _with_heights(
    lanes: Mapping[int, Lane],
    sections: Mapping[LaneId, LaneSection],
    lanes_of: Mapping[LaneId, Sequence[int]],
) -> dict[int, Lane]:
    """The lanes with their heights, unless the town is flat."""
    heights = np.concatenate([section.points[:, 2] for section in sections.values()])
    if np.ptp(heights) < LEVEL_M:
        return dict(lanes)
    points: dict[int, list[Float64]] = {}
    for key, numbers in lanes_of.items():
        for number in numbers:
            points.setdefault(number, []).append(sections[key].points)
    found = {}
    for number, lane in lanes.items():
        known = np.concatenate(points[number])
        away = (lane.centreline[:, None] - known[None, :, :2]) ** 2
        found[number] = replace(lane, height_m=known[away.sum(axis=2).argmin(axis=1), 2])
    return found


def _turn(turned_rad: float) -> RoadOption:
    if abs(turned_rad) < TURN_ANGLE_RAD:
        return RoadOption.STRAIGHT
    return RoadOption.LEFT if turned_rad > 0 else RoadOption.RIGHT


def _junctions(lanes: Mapping[int, Lane]) -> dict[int, Junction]:
    members: dict[int, list[Lane]] = {}
    for lane in lanes.values():
        if lane.junction_id is not None:
            members.setdefault(lane.junction_id, []).append(lane)
    found = {}
    for number, connectors in sorted(members.items()):
        outline = hull(np.concatenate([_corners(lane) for lane in connectors]))
        centre = outline.mean(axis=0)
        found[number] = Junction(
            number,
            JunctionKind.OTHER,
            (float(centre[0]), float(centre[1])),
            outline,
            tuple(lane.lane_id for lane in connectors),
            is_outlined=False,
        )
    return found


def _corners(lane: Lane) -> Float64:
    """The four corners of a lane, at its ends."""
    ends, yaw = lane.centreline[[0, -1]], lane.yaw_rad[[0, -1]]
    left = np.column_stack([-np.sin(yaw), np.cos(yaw)]) * lane.width_m / 2
    return np.concatenate([ends + left, ends - left])
