"""What the driver is told along a planned way: follow the lane, change it, or turn, as the
leaderboard's planner tells it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from auxdrive.types import RoadOption

from auxdrive_eval.routes.road_graph import Node, RoadGraph, Vector

STRAIGHT_RAD = math.radians(35.0)
"""A way through a junction that turns by less than this is STRAIGHT."""


class Decisions:
    """What the driver is told on each edge of a way. Over the edges of one junction it is told the
    same, and a leg that begins in a junction is told nothing new.

    Args:
        graph: the lanes of the map.
    """

    def __init__(self, graph: RoadGraph) -> None:
        self._graph = graph
        self._last = RoadOption.VOID
        self._junction_end: Node | None = None

    def at(self, nodes: list[Node], index: int) -> RoadOption:
        """The option of the edge that begins at a node of the way.

        Args:
            nodes: of the way.
            index: of the edge's first node.
        """
        self._last = self._decide(nodes, index)
        return self._last

    def _decide(self, nodes: list[Node], index: int) -> RoadOption:
        following = self._graph.edge(nodes[index], nodes[index + 1])
        if index == 0:
            return following.option
        enters = following.option is RoadOption.LANE_FOLLOW and following.in_junction
        if (
            self._last is not RoadOption.VOID
            and self._junction_end not in (None, nodes[index - 1])
            and enters
        ):
            return self._last
        self._junction_end = None
        before = self._graph.edge(nodes[index - 1], nodes[index])
        if not enters or before.in_junction or before.option is not RoadOption.LANE_FOLLOW:
            return following.option
        end = self._last_of_junction(nodes, index)
        self._junction_end = nodes[end + 1]
        through = self._graph.edge(nodes[end], nodes[end + 1])
        if before.end_way is None or through.end_way is None:
            return through.option
        others = [edge.chord for edge in self._graph.other_edges(nodes[index], nodes[index + 1])]
        return _turn(before.end_way, through.end_way, [way for way in others if way is not None])

    def _last_of_junction(self, nodes: list[Node], index: int) -> int:
        """The index of the last edge of the junction that is entered at a node."""
        while index + 2 < len(nodes):
            edge = self._graph.edge(nodes[index + 1], nodes[index + 2])
            if edge.option is not RoadOption.LANE_FOLLOW or not edge.in_junction:
                break
            index += 1
        return index


def _turn(before: Vector, after: Vector, others: Sequence[Vector]) -> RoadOption:
    """LEFT, RIGHT or STRAIGHT, by the angle between two directions; of a way that is the leftmost
    of a junction, LEFT.
    """
    left = _cross(before, after)
    if math.acos(min(1.0, max(-1.0, before[0] * after[0] + before[1] * after[1]))) < STRAIGHT_RAD:
        return RoadOption.STRAIGHT
    turns = [_cross(before, way) for way in others] or [0.0]
    if left > max(turns):
        return RoadOption.LEFT
    if left < min(turns):
        return RoadOption.RIGHT
    return RoadOption.LEFT if left > 0 else RoadOption.RIGHT


def _cross(a: Vector, b: Vector) -> float:
    """Above 0 if b points to the left of a."""
    return a[0] * b[1] - a[1] * b[0]
