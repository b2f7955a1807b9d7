"""Polylines and pure pursuit in the plane, for any number of paths at once. (`auxdrive.frames`
converts points from one coordinate frame into another.)

Legend: N paths, P points of a polyline, T waypoints; a leading `...` is any number of axes. Metres
and radians; ego frame: x forward, y left, origin at the rear axle.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from auxdrive.types import Float64

Distance = Callable[[Float64, Float64], Float64]


def euclidean(dx: Float64, dy: Float64) -> Float64:
    """sqrt(dx^2 + dy^2), rounded at every step. `numpy.hypot` may differ from it in the last bit:
    scores are computed with this one and maps with the other, and both must stay reproducible.

    Args:
        dx: differences along x, of any shape and unit.
        dy: those along y, of the same shape and unit.
    """
    return np.asarray(np.sqrt(dx * dx + dy * dy))


def step_lengths(points: Float64, distance: Distance = np.hypot) -> Float64:
    """Distances between neighbouring points of polylines, (..., P, 2) to (..., P - 1).

    Args:
        points: the polylines.
        distance: the length of a step, `numpy.hypot` or `euclidean`.
    """
    steps = np.diff(points, axis=-2)
    return distance(steps[..., 0], steps[..., 1])


def cumulative_length(points: Float64, distance: Distance = np.hypot) -> Float64:
    """Distance travelled at each point of a polyline, (P, 2) to (P,); 0 at the first.

    Args:
        points: the polyline.
        distance: as for `step_lengths`.
    """
    return np.concatenate(([0.0], np.cumsum(step_lengths(points, distance))))


def polyline_length(points: Float64, distance: Distance = np.hypot) -> Float64:
    """Length of each polyline, (..., P, 2) to (...). It is the sum of `step_lengths`; the last of
    `cumulative_length` may be rounded differently.

    Args:
        points: the polylines.
        distance: as for `step_lengths`.
    """
    return np.asarray(step_lengths(points, distance).sum(axis=-1))


def simplified(points: Float64, tolerance: float) -> Float64:
    """A polyline of fewer points that looks the same, for drawings, (P, 2) to (Q, 2). It keeps both
    ends (Ramer 1972; Douglas and Peucker 1973).

    Args:
        points: the polyline.
        tolerance: how far from the new line a point may be that is left out, in the points' unit.
    """
    kept = np.zeros(len(points), dtype=bool)
    kept[[0, -1][: len(points)]] = True
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        chord, offsets = points[last] - points[first], points[first + 1 : last] - points[first]
        along = np.clip(offsets @ chord / max(float(chord @ chord), 1e-12), 0.0, 1.0)
        away = np.hypot(*(offsets - along[:, None] * chord).T)
        farthest = int(away.argmax())
        if away[farthest] > tolerance:
            middle = first + 1 + farthest
            kept[middle] = True
            spans += [(first, middle), (middle, last)]
    found: Float64 = points[kept]
    return found


def point_at_distance(paths_nt2: Float64, distance_n: Float64 | float) -> Float64:
    """The point of each path at a given distance from the origin. A path runs straight from the
    origin to its first waypoint, and on from waypoint to waypoint.

    Args:
        paths_nt2: (N, T, 2), the waypoints.
        distance_n: the distance, (N,) or one for all paths.

    Returns:
        (N, 2), the first point at that distance. Where there is none, the last waypoint: the last
        step added to the waypoint before it, which may differ from it in the last bit; the metrics
        of stored results were computed like this.
    """
    points = np.concatenate([np.zeros_like(paths_nt2[:, :1]), paths_nt2], axis=1)
    radius = np.broadcast_to(np.asarray(distance_n, dtype=np.float64), len(points))
    outside = euclidean(paths_nt2[..., 0], paths_nt2[..., 1]) >= radius[:, None]
    leaves = np.asarray(outside.any(axis=1))
    after = np.where(leaves, outside.argmax(axis=1) + 1, paths_nt2.shape[1])
    row = np.arange(len(points))
    start, end = points[row, after - 1], points[row, after]
    step = end - start
    # Solve |start + share * step| = radius. The start lies inside the circle, so exactly one root
    # lies in (0, 1].
    a, half_b = (step**2).sum(axis=1), (start * step).sum(axis=1)
    c = (start**2).sum(axis=1) - radius**2
    root = -half_b + np.sqrt(np.maximum(half_b**2 - a * c, 0.0))
    share = np.divide(root, a, out=np.ones_like(a), where=leaves)
    found: Float64 = start + share[:, None] * step
    return found


def pure_pursuit_tan(goal_ego_m: Float64, wheelbase_m: float, min_chord_m: float) -> Float64:
    """The tangent of the road-wheel angle with which the rear axle follows a circle through each
    goal: 2 L y / d^2 (Coulter, CMU-RI-TR-92-01, 1992).

    Args:
        goal_ego_m: (..., 2), points in the ego frame.
        wheelbase_m: L.
        min_chord_m: the least value of a goal's distance d; where a goal lies at the car itself,
            centimetres of noise must not turn the wheel.

    Returns:
        (...), positive to the left.
    """
    squared = np.maximum((goal_ego_m**2).sum(axis=-1), min_chord_m**2)
    return np.asarray(2.0 * wheelbase_m * goal_ego_m[..., 1] / squared)
