"""Changes to a neighbouring lane on a route, and the line that the ego drives there.

A planned route changes lanes in one bound. The ego spreads it over some metres before and behind.

Legend: N points of a route; distances are along the line that is driven.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from auxdrive.geometry import cumulative_length
from auxdrive.types import Float64

from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.geometry.curves import headings
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph

SPREAD_M = 12.0
"""How far before and behind the bound a change begins and ends, where the lanes are long enough."""


@dataclass(frozen=True, slots=True)
class LaneChange:
    """One change of lanes.

    Attributes:
        begin_m: where the ego begins to leave its lane.
        end_m: where it is in the middle of the other.
        into: that other lane.
    """

    begin_m: float
    end_m: float
    into: int


@dataclass(frozen=True, slots=True)
class DrivenLine:
    """The line that the ego drives: points (N, 2), headings (N,), and the changes of lanes on
    it.
    """

    points: Float64
    yaw_rad: Float64
    changes: tuple[LaneChange, ...] = ()


def driven_line(route: Route, graph: LaneGraph) -> DrivenLine:
    """The line of a route: the route itself where it changes no lane.

    Args:
        route: planned on the lanes of the graph.
        graph: the lanes of the town.
    """
    lanes = np.array(route.lane_ids)
    bounds = [
        int(index)
        for index in np.flatnonzero(np.diff(lanes))
        if int(lanes[index + 1]) not in graph.town.lanes[int(lanes[index])].successors
    ]
    if not bounds:
        return DrivenLine(route.points, route.yaw_rad)
    along, points = cumulative_length(route.points), route.points.copy()
    spans: list[tuple[int, int, int]] = []
    free = 0
    for bound in bounds:
        here = np.flatnonzero(lanes[: bound + 1] != lanes[bound])
        first = max(free, int(here[-1]) + 1 if len(here) else 0,
                    int(np.searchsorted(along, along[bound] - SPREAD_M)))  # fmt: skip
        there = np.flatnonzero(lanes[bound + 1 :] != lanes[bound + 1])
        last = min(bound + int(there[0]) if len(there) else len(lanes) - 1,
                   int(np.searchsorted(along, along[bound + 1] + SPREAD_M)))  # fmt: skip
        free = last = max(last, bound + 1)
        spans.append((first, last, int(lanes[bound + 1])))
        _spread(points, along, graph, lanes, (first, bound, last))
    line = cumulative_length(points)
    changes = tuple(LaneChange(float(line[a]), float(line[b]), into) for a, b, into in spans)
    return DrivenLine(points, headings(points), changes)


def _spread(
    points: Float64,
    along: Float64,
    graph: LaneGraph,
    lanes: np.ndarray[tuple[int], np.dtype[np.intp]],
    span: tuple[int, int, int],
) -> None:
    """Move the points of a change so that they lead evenly from one lane to the other.

    Args:
        points: (N, 2), which are moved.
        along: (N,), distances along the route.
        graph: the lanes of the town.
        lanes: (N,), the lane of each point.
        span: the first point of the change, the last on the lane that is left, and the last of the
            change.
    """
    first, bound, last = span
    for index in range(first, last + 1):
        share = (along[index] - along[first]) / max(along[last] - along[first], 1e-9)
        weight = share * share * (3 - 2 * share)
        left = graph.foot(int(lanes[bound]), *points[index].tolist())
        taken = graph.foot(int(lanes[bound + 1]), *points[index].tolist())
        both, _ = graph.poses(np.array([lanes[bound], lanes[bound + 1]]), np.array([left, taken]))
        points[index] = (1 - weight) * both[0] + weight * both[1]
