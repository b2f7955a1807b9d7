"""A town as planar faces: the ground in layers, then everything that stands on it. World frame,
metres.

Legend: N points along a line, n corners of a polygon.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from auxdrive.geometry import cumulative_length
from auxdrive.types import AnyArray, Float64

from auxdrive_eval.simulators.embedded.render.shapes import bodies, meshes
from auxdrive_eval.simulators.embedded.render.shapes.cars import car_faces
from auxdrive_eval.simulators.embedded.render.shapes.faces import Colour, Face, Layer
from auxdrive_eval.simulators.embedded.render.shapes.flat_faces import (
    flat,
    left_normals,
    simplify,
    strip,
    triangulate,
)
from auxdrive_eval.simulators.embedded.town.model import (
    Band,
    Ground,
    Junction,
    Prop,
    PropKind,
    Road,
    Town,
)

ASPHALT: Colour = (0.34, 0.34, 0.36)
PAVING: Colour = (0.66, 0.64, 0.60)
KERB: Colour = (0.74, 0.73, 0.70)
GRASS: Colour = (0.34, 0.46, 0.22)
WHITE: Colour = (0.92, 0.92, 0.90)
YELLOW: Colour = (0.90, 0.68, 0.12)

TERRAIN_REACH_M = 660.0
_CELL_M = 32.0
_TEXTURED_MARGIN_M = 64.0
_LINE_M = 0.18
_EDGE_INSET_M = 0.25
_DASH_M, _GAP_M = 3.0, 4.0
_STOP_LINE_M = 0.5
_MOUTH_M = 1.5
_LEAST_AREA_M2 = 1e-4
HEAD_CENTRE_M = 3.6
_Look = tuple[Colour, str, Layer, str, float]
_LOOK: dict[Ground, _Look] = {
    Ground.ROAD: (ASPHALT, "road", Layer.ROAD, "asphalt", 8.0),
    Ground.SIDEWALK: (PAVING, "sidewalk", Layer.SIDEWALK, "paving", 4.0),
    Ground.WHITE_PAINT: (WHITE, "lane_marking", Layer.MARKING, "", 1.0),
    Ground.YELLOW_PAINT: (YELLOW, "lane_marking", Layer.MARKING, "", 1.0),
}
"""Colour, class, layer, texture and size of its tiles."""


def town_faces(town: Town) -> list[Face]:
    """Every static face of the town except the lamps of its lights, whose colours change."""
    faces = list(_terrain(town))
    for road in town.roads.values():
        faces += _road(road, town)
    for junction in town.junctions.values():
        if junction.is_outlined:
            faces += _junction(junction, town)
    for band in town.bands:
        faces += _band(band, town.kerb_height_m)
    for light in town.lights.values():
        faces += _stop_line(light.stop_line)
    for sign in town.stop_signs.values():
        faces += _stop_line(sign.stop_line)
        if sign.has_post:
            faces += meshes.place(
                bodies.stop_sign(), *sign.location, sign.yaw_rad, town.kerb_height_m
            )
    for poles in light_posts(town).values():
        for x, y, yaw in poles:
            faces += meshes.place(bodies.pole(HEAD_CENTRE_M + 0.8), x, y, yaw, town.kerb_height_m)
    for prop in town.props:
        faces += _prop(prop)
    return faces


def light_posts(town: Town) -> dict[int, list[tuple[float, float, float]]]:
    """The posts of each light that has some, as (x, y, yaw of the lamps): the one on the map, and a
    repeater on the far side of the junction.

    For a camera at the stop line, the first post is beside it or behind it. The repeater is as far
    from the lane as the first.
    """
    posts = {}
    for light in town.lights.values():
        if not light.has_post:
            continue
        ahead = np.array([-math.cos(light.yaw_rad), -math.sin(light.yaw_rad)])
        across = town.junctions[light.junction_id].polygon @ ahead
        foot = np.array(light.location)
        beyond = float(across.max() - foot @ ahead) + 1.2
        far = foot + beyond * ahead
        posts[light.light_id] = [
            (*light.location, light.yaw_rad),
            (float(far[0]), float(far[1]), light.yaw_rad),
        ]
    return posts


def _terrain(town: Town) -> Iterator[Face]:
    x0, y0, x1, y1 = town.bounds
    x0, y0 = (
        math.floor((x0 - _TEXTURED_MARGIN_M) / _CELL_M) * _CELL_M,
        math.floor((y0 - _TEXTURED_MARGIN_M) / _CELL_M) * _CELL_M,
    )
    x1, y1 = (
        math.ceil((x1 + _TEXTURED_MARGIN_M) / _CELL_M) * _CELL_M,
        math.ceil((y1 + _TEXTURED_MARGIN_M) / _CELL_M) * _CELL_M,
    )
    for x in np.arange(x0, x1, _CELL_M):
        for y in np.arange(y0, y1, _CELL_M):
            corners = meshes.rectangle(x, y, x + _CELL_M, y + _CELL_M, 0.0)[:, :2]
            yield flat(corners, 0.0, GRASS, "terrain", Layer.TERRAIN, "grass", 8.0)
    far = TERRAIN_REACH_M
    dull: Colour = (0.8 * GRASS[0], 0.8 * GRASS[1], 0.8 * GRASS[2])
    for ring in (
        (x0 - far, y0 - far, x1 + far, y0),
        (x0 - far, y1, x1 + far, y1 + far),
        (x0 - far, y0, x0, y1),
        (x1, y0, x1 + far, y1),
    ):
        yield flat(meshes.rectangle(*ring, 0.0)[:, :2], 0.0, dull, "terrain", Layer.TERRAIN)


def _road(road: Road, town: Town) -> Iterator[Face]:
    line = simplify(road.centreline)
    half, walk, kerb = road.half_width_m, town.sidewalk_width_m, town.kerb_height_m
    for quad in strip(line, half, -half):
        yield flat(quad, 0.0, ASPHALT, "road", Layer.ROAD, "asphalt", 8.0)
    edge = half - _EDGE_INSET_M
    for centre in (edge, -edge):
        for quad in strip(line, centre + _LINE_M / 2, centre - _LINE_M / 2):
            yield flat(quad, 0.0, WHITE, "lane_marking", Layer.MARKING)
    yield from _dashes(road.centreline)
    for left, right in ((half + walk, half), (-half, -half - walk)):
        for quad in strip(line, left, right):
            yield flat(quad, kerb, PAVING, "sidewalk", Layer.SIDEWALK, "paving", 4.0)
    normals = left_normals(line)
    yield from _kerb(line + half * normals, kerb)
    yield from _kerb((line - half * normals)[::-1], kerb)
    yield from _kerb((line + (half + walk) * normals)[::-1], kerb)
    yield from _kerb(line - (half + walk) * normals, kerb)


def _band(band: Band, kerb_m: float) -> Iterator[Face]:
    quads = np.stack([band.right[:-1], band.right[1:], band.left[1:], band.left[:-1]], axis=1)
    raised = band.ground is Ground.SIDEWALK
    for quad in quads:
        if _is_area(quad):
            yield flat(quad, kerb_m if raised else 0.0, *_LOOK[band.ground])
    if raised:
        yield from _kerb(band.left[::-1], kerb_m)
        yield from _kerb(band.right, kerb_m)


def _is_area(quad: Float64) -> bool:
    a, b = quad[2] - quad[0], quad[3] - quad[1]
    return bool(a[0] * b[1] - a[1] * b[0] > _LEAST_AREA_M2)


def _kerb(line: Float64, height_m: float) -> Iterator[Face]:
    """Vertical faces along a line (N, 2), to be seen from its right."""
    corners = np.empty((len(line) - 1, 4, 3))
    corners[:, (0, 3), :2], corners[:, (1, 2), :2] = line[:-1, None], line[1:, None]
    corners[:, :2, 2], corners[:, 2:, 2] = 0.0, height_m
    for each in corners:
        yield Face(each, KERB, "sidewalk", Layer.KERB)


def _dashes(centreline: Float64) -> Iterator[Face]:
    arc = cumulative_length(centreline)
    for start in np.arange(0.0, arc[-1], _DASH_M + _GAP_M) + 0.5 * _GAP_M:
        if start + _DASH_M > arc[-1]:
            return
        at = np.array([start, start + _DASH_M])
        piece = np.column_stack(
            [np.interp(at, arc, centreline[:, 0]), np.interp(at, arc, centreline[:, 1])]
        )
        for quad in strip(piece, _LINE_M / 2, -_LINE_M / 2):
            yield flat(quad, 0.0, YELLOW, "lane_marking", Layer.MARKING)


def _stop_line(ends: tuple[tuple[float, float], tuple[float, float]]) -> Iterator[Face]:
    for quad in strip(np.array(ends, dtype=np.float64), _STOP_LINE_M / 2, -_STOP_LINE_M / 2):
        yield flat(quad, 0.0, WHITE, "stop_line", Layer.MARKING)


def _junction(junction: Junction, town: Town) -> Iterator[Face]:
    """Pavement, and a sidewalk along every edge that is not the end of a road."""
    polygon = junction.polygon
    paved = flat(polygon, 0.0, ASPHALT, "road", Layer.ROAD, "asphalt", 8.0)
    yield Face(
        paved.points,
        paved.colour,
        paved.class_name,
        paved.layer,
        paved.texture,
        paved.uvs,
        triangulate(polygon),
    )
    ends = [
        end for road in town.roads.values() for end in (road.centreline[0], road.centreline[-1])
    ]
    following = np.roll(polygon, -1, axis=0)
    middles = 0.5 * (polygon + following)
    mouth = np.zeros(len(middles), dtype=np.bool_)
    if ends:
        away = np.array(ends)[None] - middles[:, None]
        mouth = np.hypot(away[..., 0], away[..., 1]).min(axis=1) < _MOUTH_M
    outer = polygon + town.sidewalk_width_m * _outward(polygon, mouth)
    for i in np.flatnonzero(~mouth):
        j = (i + 1) % len(polygon)
        yield flat(
            np.array([outer[i], outer[j], polygon[j], polygon[i]]),
            town.kerb_height_m,
            PAVING,
            "sidewalk",
            Layer.SIDEWALK,
            "paving",
            4.0,
        )
        yield from _kerb(polygon[[j, i]], town.kerb_height_m)
        yield from _kerb(outer[[i, j]], town.kerb_height_m)


def _outward(polygon: Float64, mouth: AnyArray) -> Float64:
    """Vectors (n, 2) from the polygon's corners to the outer edge of the sidewalk, for a sidewalk
    of 1 m width.

    At the corners of a road's end, the vector runs along the end, where the road's own sidewalk
    begins; elsewhere it is the mitre of the two edges.
    """
    edges = np.roll(polygon, -1, axis=0) - polygon
    edges /= np.maximum(np.hypot(edges[:, 0], edges[:, 1]), 1e-9)[:, None]
    normals = np.column_stack([edges[:, 1], -edges[:, 0]])
    vectors = np.empty_like(polygon)
    for i in range(len(polygon)):
        before, after = i - 1, i
        if mouth[before] and not mouth[after]:
            vectors[i] = edges[before]
        elif mouth[after] and not mouth[before]:
            vectors[i] = -edges[after]
        else:
            mean = normals[before] + normals[after]
            vectors[i] = mean / max(float(mean @ normals[after]), 0.5)
    return vectors


def _prop(prop: Prop) -> list[Face]:
    faces: Sequence[Face]
    if prop.car is not None:
        size = (prop.length_m, prop.width_m, prop.height_m)
        faces = car_faces(prop.car, *size, prop.style, running=False)
    elif prop.kind is PropKind.BUILDING:
        faces = bodies.building(prop.length_m, prop.width_m, prop.height_m, prop.style)
    elif prop.kind is PropKind.TREE:
        faces = bodies.tree(prop.height_m, max(3.0, 0.55 * prop.height_m), prop.style)
    else:
        faces = (
            bodies.street_lamp(prop.height_m) if prop.height_m > 5.0 else bodies.pole(prop.height_m)
        )
    return meshes.place(faces, prop.x_m, prop.y_m, prop.yaw_rad)
