"""Oriented boxes in the plane.

Legend: a box is a row (x, y, yaw, half length, half width), N boxes are float64 (N, 5); the length
lies along the yaw. P points are float64 (P, 2).
"""

from __future__ import annotations

import math

import numpy as np
from auxdrive.types import Float64
from numpy.typing import NDArray

_SPARE_M = 1e-6
"""More than what sums of distances are rounded by."""


def box(x_m: float, y_m: float, yaw_rad: float, length_m: float, width_m: float) -> Float64:
    """One box, float64 (5,).

    Args:
        x_m: of the centre.
        y_m: of the centre.
        yaw_rad: direction of the length, counter-clockwise from the x axis.
        length_m: from end to end.
        width_m: from side to side.
    """
    return np.array([x_m, y_m, yaw_rad, length_m / 2, width_m / 2])


def overlaps(one: Float64, boxes: Float64) -> Float64:
    """How far a box overlaps others.

    By the separating axis theorem: for two boxes, the axes to test are the two directions of each
    (Gottschalk, Lin, Manocha 1996, in the plane).

    Args:
        one: the box, float64 (5,).
        boxes: the others, float64 (N, 5).

    Returns:
        float64 (N,), metres: how far the box would have to move to be free of each; 0 where they do
        not overlap.
    """
    dx, dy = boxes[:, 0] - one[0], boxes[:, 1] - one[1]
    turn = boxes[:, 2] - one[2]
    cos_turn, sin_turn = np.abs(np.cos(turn)), np.abs(np.sin(turn))
    half_length, half_width = boxes[:, 3], boxes[:, 4]
    cos_one, sin_one = np.cos(one[2]), np.sin(one[2])
    cos_all, sin_all = np.cos(boxes[:, 2]), np.sin(boxes[:, 2])
    depth = (
        one[3]
        + half_length * cos_turn
        + half_width * sin_turn
        - np.abs(dx * cos_one + dy * sin_one)
    )
    np.minimum(
        depth,
        one[4]
        + half_length * sin_turn
        + half_width * cos_turn
        - np.abs(dy * cos_one - dx * sin_one),
        out=depth,
    )
    np.minimum(
        depth,
        half_length + one[3] * cos_turn + one[4] * sin_turn - np.abs(dx * cos_all + dy * sin_all),
        out=depth,
    )
    np.minimum(
        depth,
        half_width + one[3] * sin_turn + one[4] * cos_turn - np.abs(dy * cos_all - dx * sin_all),
        out=depth,
    )
    return np.asarray(np.maximum(depth, 0.0))


def touching(one: Float64, boxes: Float64, reach_m: Float64 | None = None) -> NDArray[np.intp]:
    """Which others a box overlaps. Only those are compared with it that are near.

    Args:
        one: the box, float64 (5,).
        boxes: the others, float64 (N, 5).
        reach_m: (N,), from the middle of each to its corners, where that is known already.

    Returns:
        Their indices, ascending.
    """
    if reach_m is None:
        reach_m = np.hypot(boxes[:, 3], boxes[:, 4])
    dx, dy = boxes[:, 0] - one[0], boxes[:, 1] - one[1]
    near = np.flatnonzero(
        dx * dx + dy * dy < (reach_m + math.hypot(one[3], one[4]) + _SPARE_M) ** 2
    )
    return near[overlaps(one, boxes[near]) > 0] if len(near) else near


def distances(one: Float64, points: Float64) -> Float64:
    """Distance from a box to points.

    Args:
        one: the box, float64 (5,).
        points: float64 (P, 2).

    Returns:
        float64 (P,), metres; 0 inside the box.
    """
    dx, dy = points[:, 0] - one[0], points[:, 1] - one[1]
    cos, sin = np.cos(one[2]), np.sin(one[2])
    along = np.abs(dx * cos + dy * sin) - one[3]
    across = np.abs(dy * cos - dx * sin) - one[4]
    return np.asarray(np.hypot(np.maximum(along, 0.0), np.maximum(across, 0.0)))
