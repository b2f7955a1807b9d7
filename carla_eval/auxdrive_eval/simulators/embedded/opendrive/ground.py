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
from auxdrive_eval.simulators.embedded.town.model import Band, Ground, Junction, Lane

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
DRIVING = "Driving"
_GROUND = {
    "Sidewalk": Ground.SIDEWALK,
    **dict.fromkeys(
        (DRIVING, "Shoulder", "Parking", "Stop", "Biking", "Bidirectional", "Entry", "Exit",
         "OffRamp", "OnRamp", "Border", "Restricted"),
        Ground.ROAD,
    ),
}  # fmt: skip


class _Place(NamedTuple):
    """A cross-section of a lane. The vectors are (2,); left is as seen by who drives along it."""

    centre: Float64
    left: Float64
    width_m: float


class Strip(NamedTuple):
    """A lane of any kind along one section of a road.

    Attributes:
        lane: its number; the road's middle is 0.
        kind: its type, as the map has it.
        ground: what it is.
        places: its cross-sections, in its driving direction.
        paint: the markings to its left and right, as the map has them.
    """

    lane: int
    kind: str
    ground: Ground
    places: list[_Place]
    paint: tuple[Any, Any]


class RoadSection(NamedTuple):
    """One section of a road.

    Attributes:
        road: its number.
        in_junction: whether it leads through a junction.
        strips: from the middle outwards, first those to the right of the road's own direction.
    """

    road: int
    in_junction: bool
    strips: tuple[Strip, ...]

    def bands(self) -> Iterator[Band]:
        """What is drawn of it. The markings of a junction are not, as on CARLA's roads."""
        for strip in self.strips:
            for run in _wide(strip.places):
                yield _band(strip.ground, _edge(run, 0.5), _edge(run, -0.5))
                if strip.kind == DRIVING and not self.in_junction:
                    yield from _paint(strip.paint[1], _edge(run, -0.5))
                    if self._is_inmost(strip):
                        yield from _paint(strip.paint[0], _edge(run, 0.5))

    def kerbs(self) -> tuple[Float64, Float64]:
        """The left and the right edge of its carriageway, (N, 2) both, in the road's direction."""
        sides = [
            [
                one
                for one in self.strips
                if one.ground is Ground.ROAD and (one.lane > 0) is leftwards
            ]
            for leftwards in (True, False)
        ]
        edges = [_edge(strips[-1].places, -0.5) for strips in sides if strips]
        if len(edges) == 1:
            (only,) = (strips for strips in sides if strips)
            edges.insert(0 if only is sides[1] else 1, _edge(only[0].places, 0.5))
        left, right = edges
        return (left[::-1] if sides[0] else left, right if sides[1] else right[::-1])

    def _is_inmost(self, strip: Strip) -> bool:
        """Whether the line to its left is drawn with it: only once where two lanes share it."""
        if abs(strip.lane) > 1:
            return False
        return strip.lane < 0 or not any(
            other.lane == -1 and other.kind == DRIVING for other in self.strips
        )


def road_sections(
    carla_map: Any, sections: Mapping[LaneId, LaneSection]
) -> tuple[RoadSection, ...]:
    """The sections of all roads that have a driving lane. What a road's other lanes are (a median,
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
    found = []
    for road in sorted(longest):
        section = longest[road]
        strips = tuple(_strips(carla_map, section))
        found.append(RoadSection(section.key.road, section.junction is not None, strips))
    return tuple(found)


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


def filled(junction: Junction, lanes: Mapping[int, Lane]) -> Iterator[Band]:
    """The pavement between the ways through a junction, if they lie close together.

    Args:
        junction: with a convex outline.
        lanes: of the town.
    """
    outline = junction.polygon
    ways_m2 = sum(lanes[i].length_m * lanes[i].width_m for i in junction.connector_ids)
    x, y = outline.T
    if 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) > ways_m2:
        return
    first, last = int(np.argmin(x)), int(np.argmax(x))
    around = np.roll(outline, -first, axis=0)
    turn = (last - first) % len(outline)
    lower, upper = around[: turn + 1], np.vstack([around[turn:], around[:1]])[::-1]
    at = np.unique(x)
    sides = [np.column_stack([at, np.interp(at, *side.T)]) for side in (upper, lower)]
    yield Band(Ground.ROAD, sides[0], sides[1])


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


def _strips(carla_map: Any, section: LaneSection) -> Iterator[Strip]:
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
            kind = str(there.lane_type)
            if kind not in _GROUND:
                continue
            places, last = [], _place(there)
            for s in s_m[::-side]:
                waypoint = carla_map.get_waypoint_xodr(road, lane, float(s))
                last = last if waypoint is None else _place(waypoint)
                places.append(last)
            paint = there.left_lane_marking, there.right_lane_marking
            yield Strip(lane, kind, _GROUND[kind], places, paint)


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
