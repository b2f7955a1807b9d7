"""Outlines of sets of points."""

from __future__ import annotations

import numpy as np
from auxdrive.types import Float64


def hull(points: Float64) -> Float64:
    """The convex hull of points (N, 2), counter-clockwise, float64 (M, 2) (Andrew 1979).

    Args:
        points: three or more that do not lie on one line.
    """
    ordered = sorted(set(map(tuple, points.tolist())))
    return np.array(_half(ordered)[:-1] + _half(ordered[::-1])[:-1])


def _half(points: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    half: list[tuple[float, ...]] = []
    for x, y in points:
        while len(half) >= 2:
            (ax, ay), (bx, by) = half[-2], half[-1]
            if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                break
            half.pop()
        half.append((x, y))
    return half


def simplify(line: Float64, tolerance_m: float = 0.03, longest_m: float = 12.0) -> Float64:
    """A subset of the points of a line, or of lines side by side, with both ends, float64 (M, D).

    Args:
        line: (N, D), a line in D dimensions; two lines in the plane are one in four.
        tolerance_m: how far a point may be from the new line.
        longest_m: about how long a piece of the new line may be.
    """
    keep, start = [0], 0
    for end in range(2, len(line)):
        chord = line[end] - line[start]
        square = max(float(chord @ chord), 1e-12)
        between = line[start + 1 : end] - line[start]
        away = between - np.outer(between @ chord / square, chord)
        if (
            square > line.shape[1] / 2 * longest_m**2
            or (away**2).sum(axis=1).max() > tolerance_m**2
        ):
            keep.append(end - 1)
            start = end - 1
    return np.asarray(line[[*keep, len(line) - 1]])
