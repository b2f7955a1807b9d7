"""What lies on the ground of a map: road, sidewalks, markings and crosswalks, as bands.

Legend: N points along a band.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from auxdrive.frames import carla_yaw_to_world
from auxdrive.geometry import cumulative_length
from auxdrive.types import Float64

from auxdrive_eval.road_maps.base import LaneId
from auxdrive_eval.simulators.embedded.opendrive.outlines import hull, simplify
from auxdrive_eval.simulators.embedded.opendrive.sections import LaneSection, key_of, world
from auxdrive_eval.simulators.embedded.town.model import Band, Ground

MOST_LANES = 24
"""Lanes to a side of a road that are looked for."""
EVERY = 2
"""Of the points of a lane, every so many are taken."""
NARROW_M = 0.05
"""What is narrower is not drawn."""
DASH_M, GAP_M, STRIPE_M = 3.0, 4.0, 0.5
DOUBLE_M = 0.3
"""Between the middles of a double line."""
PAINT_M = 0.15
_GROUND = {
    "Sidewalk": Ground.SIDEWALK,
    **dict.fromkeys(
        ("Driving", "Shoulder", "Parking", "Stop", "Biking", "Bidirectional", "Entry", "Exit",
         "OffRamp", "OnRamp", "Border", "Restricted"),
        Ground.ROAD,
    ),
}  # fmt: skip


class _Place(NamedTuple):
    """A cross-section of a lane. The vectors are (2,); left is as seen by who drives along it."""

    centre: Float64
    left: Float64
    width_m: float


def ground_bands(carla_map: Any, sections: Mapping[LaneId, LaneSection]) -> tuple[Band, ...]:
    """The bands of all roads that have a driving lane. What a road's other lanes are (a median,
    rails) is left to the grass.

    Args:
        carla_map: a `carla.Map`.
        sections: its driving lanes.
    """
    longest: dict[tuple[int, int], LaneSection] = {}
    for section in sections.values():
        road = section.key.road, section.key.section
        if road not in longest or len(section.s_m) > len(longest[road].s_m):
            longest[road] = section
    bands: list[Band] = []
    for road in sorted(longest):
        bands += _road(carla_map, longest[road])
    return tuple(bands)


def crosswalks(carla_map: Any) -> tuple[Float64, ...]:
    """The corners of each crosswalk, float64 (M, 2), counter-clockwise.

    Args:
        carla_map: a `carla.Map`.
    """
    found: list[Float64] = []
    corners: list[tuple[float, float]] = []
    for location in carla_map.get_crosswalks():  # one after the other, each closed
        corner = (location.x, -location.y)
        if corners and math.dist(corner, corners[0]) < NARROW_M:
            if len(corners) >= 3:
                found.append(hull(np.array(corners)))
            corners = []
        else:
            corners.append(corner)
    return tuple(found)


def stripes(crosswalk: Float64) -> Iterator[Band]:
    """The stripes of a crosswalk, along the road.

    Args:
        crosswalk: its corners, (M, 2).
    """
    sides = np.roll(crosswalk, -1, axis=0) - crosswalk
    longest = sides[np.argmax(np.hypot(*sides.T))]
    across = longest / np.hypot(*longest)
    along = np.array([-across[1], across[0]])
    u, v = crosswalk @ across, crosswalk @ along
    for start in np.arange(u.min() + STRIPE_M / 2, u.max() - STRIPE_M, 2 * STRIPE_M):
        corner = [
            np.array([edge * across + end * along for end in (v.min(), v.max())])
            for edge in (start, start + STRIPE_M)
        ]
        yield Band(Ground.WHITE_PAINT, corner[0], corner[1])


def _road(carla_map: Any, section: LaneSection) -> Iterator[Band]:
    """The bands of one section of a road, beside one of its driving lanes."""
    road = section.key.road
    picked = np.unique([*range(0, len(section.s_m), EVERY), len(section.s_m) - 1])
    s_m = np.sort(section.s_m[picked])
    middle = float(s_m[len(s_m) // 2])
    for side in (-1, 1):
        for number in range(1, MOST_LANES + 1):
            lane = side * number
            there = carla_map.get_waypoint_xodr(road, lane, middle)
            if there is None or key_of(there).section != section.key.section:
                break
            ground = _GROUND.get(str(there.lane_type))
            if ground is None:
                continue
            at = (carla_map.get_waypoint_xodr(road, lane, float(s)) for s in s_m[::-side])
            places = [_place(waypoint) for waypoint in at if waypoint is not None]
            for run in _wide(places):
                yield _band(ground, _edge(run, 0.5), _edge(run, -0.5))
                if str(there.lane_type) == "Driving" and section.junction is None:
                    yield from _paint(there.right_lane_marking, _edge(run, -0.5))
                    if number == 1 and (side == -1 or not _has_lane(carla_map, road, -1, middle)):
                        yield from _paint(there.left_lane_marking, _edge(run, 0.5))


def _has_lane(carla_map: Any, road: int, lane: int, s_m: float) -> bool:
    there = carla_map.get_waypoint_xodr(road, lane, s_m)
    return bool(there is not None and str(there.lane_type) == "Driving")


def _place(waypoint: Any) -> _Place:
    yaw_rad = float(carla_yaw_to_world(waypoint.transform.rotation.yaw))
    return _Place(
        np.array(world(waypoint)[:2]),
        np.array([-math.sin(yaw_rad), math.cos(yaw_rad)]),
        waypoint.lane_width,
    )


def _wide(places: Sequence[_Place]) -> Iterator[list[_Place]]:
    """The runs of places at which a lane is wide enough to be seen."""
    run: list[_Place] = []
    for place in places:
        if place.width_m >= NARROW_M:
            run.append(place)
            continue
        if len(run) > 1:
            yield run
        run = []
    if len(run) > 1:
        yield run


def _edge(run: Sequence[_Place], left_widths: float) -> Float64:
    """The line at so many widths to the left of the middle, (N, 2)."""
    return np.array([place.centre + left_widths * place.width_m * place.left for place in run])


def _band(ground: Ground, left: Float64, right: Float64) -> Band:
    both = simplify(np.hstack([left, right]))
    return Band(ground, both[:, :2], both[:, 2:])


def _paint(marking: Any, line: Float64) -> Iterator[Band]:
    """The bands of a marking along a line (N, 2)."""
    kind = "NONE" if marking is None else str(marking.type)
    if kind in ("NONE", "Other", "Curb", "Grass"):
        return
    ground = Ground.YELLOW_PAINT if str(marking.color) == "Yellow" else Ground.WHITE_PAINT
    width_m = marking.width or PAINT_M
    doubled = kind in ("SolidSolid", "SolidBroken", "BrokenSolid", "BrokenBroken")
    normals = _normals(line)
    for offset_m in (DOUBLE_M / 2, -DOUBLE_M / 2) if doubled else (0.0,):
        for piece in [line] if "Solid" in kind else list(_dashes(line)):
            beside = normals if piece is line else _normals(piece)
            left = piece + (offset_m + width_m / 2) * beside
            yield _band(ground, left, left - width_m * beside)


def _dashes(line: Float64) -> Iterator[Float64]:
    along = cumulative_length(line)
    for start in np.arange(GAP_M / 2, along[-1] - DASH_M, DASH_M + GAP_M):
        at = np.array([start, start + DASH_M])
        yield np.column_stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)])


def _normals(line: Float64) -> Float64:
    """Unit vectors (N, 2) to the left."""
    dx, dy = np.gradient(line, axis=0).T
    length = np.maximum(np.hypot(dx, dy), 1e-9)
    return np.asarray(np.column_stack([-dy, dx]) / length[:, None])
