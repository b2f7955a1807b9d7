"""The shapes that bodies are made of, and how a body is placed. Metres, z up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.render.shapes.faces import Colour, Face, Heat, Layer


def rectangle(x0: float, y0: float, x1: float, y1: float, z: float) -> Float64:
    """Corners (4, 3) of a horizontal rectangle, to be seen from above; from below if one of its
    sides is given backwards (`x0` > `x1`, or `y0` > `y1`).

    Args:
        x0: of one corner, metres.
        y0: of the same corner.
        x1: of the opposite corner.
        y1: of the opposite corner.
        z: height.
    """
    return np.array([(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)], dtype=np.float64)


def transform(points: Float64, x_m: float, y_m: float, yaw_rad: float, z_m: float = 0.0) -> Float64:
    """Points, rotated about z and then moved.

    Args:
        points: (n, 3), metres.
        x_m: by how much they are moved along x.
        y_m: by how much they are moved along y.
        yaw_rad: angle of the rotation, counter-clockwise as seen from above.
        z_m: by how much they are raised.
    """
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    x, y = points[:, 0], points[:, 1]
    moved = np.empty((len(points), 3))
    moved[:, 0] = c * x - s * y + x_m
    moved[:, 1] = s * x + c * y + y_m
    moved[:, 2] = points[:, 2] + z_m
    return moved


def place(
    faces: Sequence[Face], x_m: float, y_m: float, yaw_rad: float, z_m: float = 0.0
) -> list[Face]:
    """Faces, rotated about z and then moved. Their textures move with them.

    Args:
        faces: of a body, in its own frame.
        x_m: where the body's origin comes to lie.
        y_m: where the body's origin comes to lie.
        yaw_rad: heading of the body, counter-clockwise as seen from above.
        z_m: height of the body's origin.
    """
    if not faces:
        return []
    moved = transform(np.concatenate([f.points for f in faces]), x_m, y_m, yaw_rad, z_m)
    result, start = [], 0
    for f in faces:
        end = start + len(f.points)
        result.append(
            Face(
                moved[start:end],
                f.colour,
                f.class_name,
                f.layer,
                f.texture,
                f.uvs,
                f.triangles,
                f.emissive,
                f.alpha,
                f.heat,
            )
        )
        start = end
    return result


def warmed(faces: Sequence[Face], heat: Heat) -> list[Face]:
    """The faces, as the infrared camera sees what is so warm.

    Args:
        faces: which.
        heat: what warms them.
    """
    return [replace(face, heat=heat) for face in faces]


def prism(
    outline_xy: Float64,
    z0: float,
    z1: float,
    colour: Colour,
    class_name: str,
    *,
    top_colour: Colour | None = None,
    shrink: float = 1.0,
    cap: bool = True,
) -> list[Face]:
    """Sides and top of a vertical prism. It has no bottom.

    Args:
        outline_xy: (n, 2), convex, counter-clockwise as seen from above.
        z0: height of the bottom, metres.
        z1: height of the top, metres.
        colour: of the sides.
        class_name: one of `SEGMENTATION_CLASSES`.
        top_colour: None is the colour of the sides.
        shrink: factor by which the outline is scaled about the origin at the top.
        cap: False leaves the top open.
    """
    low = np.column_stack([outline_xy, np.full(len(outline_xy), z0)])
    high = np.column_stack([outline_xy * shrink, np.full(len(outline_xy), z1)])
    faces = []
    for i in range(len(low)):
        j = (i + 1) % len(low)
        faces.append(Face(np.array([low[i], low[j], high[j], high[i]]), colour, class_name))
    if cap:
        faces.append(Face(high, top_colour or colour, class_name))
    return faces


def regular(corners: int, radius: float, phase: float = 0.0) -> Float64:
    """A regular polygon around the origin, (n, 2), counter-clockwise.

    Args:
        corners: how many.
        radius: from the origin to the corners.
        phase: direction of the first corner, radians from the x axis.
    """
    angle = phase + np.arange(corners) * (2 * math.pi / corners)
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


def box_outline(length: float, width: float) -> Float64:
    """A rectangle around the origin, (4, 2), counter-clockwise.

    Args:
        length: along x.
        width: along y.
    """
    return rectangle(-length / 2, -width / 2, length / 2, width / 2, 0.0)[:, :2]


def shadow(length_m: float, width_m: float) -> Face:
    """The dark patch under a body, a little larger than it. It is only in the RGB image.

    Args:
        length_m: of the body, along x.
        width_m: of the body, along y.
    """
    return Face(
        _blob(length_m + 0.5, width_m + 0.5), (0.0, 0.0, 0.0), "other", Layer.SHADOW, alpha=0.5
    )


def _blob(length_m: float, width_m: float) -> Float64:
    outline = regular(8, 0.5, math.pi / 8) * (length_m, width_m) / math.cos(math.pi / 8)
    return np.column_stack([outline, np.zeros(8)])
