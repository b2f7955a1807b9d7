"""Faces that lie flat on the ground, and the lines and outlines that they are made from. World
frame, metres.

Legend: N points along a line, n corners of a polygon.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from auxdrive.types import AnyArray, Float64
from panda3d.core import Triangulator

from auxdrive_eval.simulators.embedded.render.shapes.faces import Colour, Face, Layer

_LONGEST_M = 12.0


def flat(
    points_xy: Float64,
    z: float,
    colour: Colour,
    class_name: str,
    layer: Layer,
    texture: str = "",
    tile_m: float = 1.0,
) -> Face:
    """A horizontal face, textured by position in the world.

    Args:
        points_xy: corners (n, 2), counter-clockwise as seen from above.
        z: height above the ground, metres.
        colour: albedo, 0..1.
        class_name: one of `SEGMENTATION_CLASSES`.
        layer: when it is painted.
        texture: name of a texture, "" for none.
        tile_m: side of the square that one tile of the texture covers.
    """
    points = np.empty((len(points_xy), 3))
    points[:, :2], points[:, 2] = points_xy, z
    return Face(points, colour, class_name, layer, texture, points_xy / tile_m if texture else None)


def strip(line: Float64, left_m: float, right_m: float) -> Iterator[Float64]:
    """The band between two parallels of a line, as quads (4, 2), counter-clockwise.

    Args:
        line: (N, 2), metres.
        left_m: offset of the band's left edge from the line, positive to the left.
        right_m: offset of its right edge, also positive to the left; less than `left_m`.
    """
    normals = left_normals(line)
    left, right = line + left_m * normals, line + right_m * normals
    for i in range(len(line) - 1):
        yield np.array([right[i], right[i + 1], left[i + 1], left[i]])


def simplify(line: Float64, tolerance_m: float = 0.03, longest_m: float = _LONGEST_M) -> Float64:
    """A subset of a line's points, with both ends.

    Args:
        line: (N, 2), metres.
        tolerance_m: how far a point may be from the new line.
        longest_m: about how long a piece of the new line may be.
    """
    keep, start = [0], 0
    for end in range(2, len(line)):
        chord = line[end] - line[start]
        length = float(np.hypot(*chord))
        between = line[start + 1 : end] - line[start]
        away = np.abs(between[:, 0] * chord[1] - between[:, 1] * chord[0]) / max(length, 1e-9)
        if length > longest_m or away.max() > tolerance_m:
            keep.append(end - 1)
            start = end - 1
    result: Float64 = line[[*keep, len(line) - 1]]
    return result


def left_normals(line: Float64) -> Float64:
    """Vectors (N, 2) to the left. At bends they are longer, so that the pieces of a parallel stay
    parallel to the line's.
    """
    pieces = np.diff(line, axis=0)
    pieces /= np.hypot(pieces[:, 0], pieces[:, 1])[:, None]
    before, after = np.vstack([pieces[:1], pieces]), np.vstack([pieces, pieces[-1:]])
    mean = before + after
    mean /= np.hypot(mean[:, 0], mean[:, 1])[:, None]
    stretch = 1.0 / np.maximum((mean * after).sum(axis=1), 0.5)
    normals: Float64 = np.column_stack([-mean[:, 1], mean[:, 0]]) * stretch[:, None]
    return normals


def triangulate(polygon: Float64) -> AnyArray:
    """Indices int32 (k, 3) of the triangles of a simple polygon (n, 2), counter-clockwise."""
    cutter = Triangulator()
    for x, y in polygon:
        cutter.add_polygon_vertex(cutter.add_vertex(float(x), float(y)))
    cutter.triangulate()
    triangles = [
        (cutter.get_triangle_v0(i), cutter.get_triangle_v1(i), cutter.get_triangle_v2(i))
        for i in range(cutter.get_num_triangles())
    ]
    return np.array(triangles, dtype=np.int32)
