"""The graph on which routes are planned: lanes and lane changes between them (networkx, which comes
with the extra [carla]).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from auxdrive.extras import needed_by_library
from auxdrive.types import RoadOption
from numpy.typing import NDArray

from auxdrive_eval.road_maps.base import LaneId, LanePoint, RoadMap, Segment, Side

Node = tuple[float, float, float]
"""Ends of lanes that round to one place, to a metre, are one node. Loose ends are as they are."""
Vector = tuple[float, float]
_CHANGE = {Side.RIGHT: RoadOption.CHANGE_LANE_RIGHT, Side.LEFT: RoadOption.CHANGE_LANE_LEFT}


@dataclass(frozen=True, slots=True)
class Edge:
    """A lane, or the change from one to its neighbour.

    Attributes:
        option: LANE_FOLLOW, or the change.
        points: of the lane, from its first to its last; of a change, where one lands.
        in_junction: whether the lane leads through a junction.
        loose: whether it ends nowhere.
    """

    option: RoadOption
    points: tuple[LanePoint, ...]
    in_junction: bool = False
    loose: bool = False

    @property
    def end_way(self) -> Vector | None:
        """The direction at its end, a unit vector; None for changes and loose ends."""
        if self.loose or self.option is not RoadOption.LANE_FOLLOW:
            return None
        yaw_rad = self.points[-1].yaw_rad
        return math.cos(yaw_rad), math.sin(yaw_rad)

    @property
    def chord(self) -> Vector | None:
        """The direction from its first to its last point, a unit vector; None for loose ends."""
        if self.loose:
            return None
        a, b = self.points[0], self.points[-1]
        length_m = max(math.dist((a.x_m, a.y_m, a.z_m), (b.x_m, b.y_m, b.z_m)), 1e-9)
        return (b.x_m - a.x_m) / length_m, (b.y_m - a.y_m) / length_m


class RoadGraph:
    """The lanes of a map as a graph, in which an edge is as long as it has points, and a change of
    lanes costs nothing (CARLA's GlobalRoutePlanner).

    Args:
        road_map: the map.
        hop_m: from one point of a lane to the next.

    Raises:
        MissingExtra: networkx is not installed.
    """

    def __init__(self, road_map: RoadMap, hop_m: float) -> None:
        with needed_by_library("planning routes on a road map", "carla"):
            import networkx

        self._networkx: Any = networkx
        self._map = road_map
        self._graph = networkx.DiGraph()
        self._ends: dict[LaneId, tuple[Node, Node]] = {}
        segments = road_map.segments(hop_m)
        for segment in segments:
            points = (segment.entry, *segment.path, segment.exit)
            edge = Edge(RoadOption.LANE_FOLLOW, points, segment.entry.in_junction)
            self._add(_node(segment.entry), _node(segment.exit), edge, len(segment.path) + 1)
            self._ends[segment.entry.lane] = _node(segment.entry), _node(segment.exit)
        for segment in segments:
            if segment.exit.lane not in self._ends:
                self._add_loose_end(segment.exit, hop_m)
        for segment in segments:
            if not segment.entry.in_junction:
                self._add_changes(segment)

    def edge(self, start: Node, end: Node) -> Edge:
        """The edge between two nodes.

        Args:
            start: where it begins.
            end: where it ends; an edge leads there.
        """
        found: Edge = self._graph.edges[start, end]["edge"]
        return found

    def lane_edge(self, lane: LaneId) -> Edge | None:
        """The edge of a lane; None if the map has no way from its beginning to its end."""
        ends = self._ends.get(lane)
        return None if ends is None or not self._graph.has_edge(*ends) else self.edge(*ends)

    def other_edges(self, start: Node, end: Node) -> list[Edge]:
        """The lanes that begin where an edge begins, without that one.

        Args:
            start: where the edge begins.
            end: where it ends.
        """
        edges = (self.edge(start, node) for node in self._graph.successors(start) if node != end)
        return [edge for edge in edges if edge.option is RoadOption.LANE_FOLLOW]

    def path(self, start: LanePoint, goal: LanePoint) -> list[Node] | None:
        """The nodes from the beginning of one lane to the end of another, by A*; None if no way
        leads there.

        Args:
            start: on the first lane.
            goal: on the last.
        """
        first, last = self._ends.get(start.lane), self._ends.get(goal.lane)
        if first is None or last is None:
            return None
        try:
            nodes: list[Node] = self._networkx.astar_path(
                self._graph, first[0], last[0], heuristic=math.dist, weight="length"
            )
        except self._networkx.NetworkXNoPath:
            return None
        return [*nodes, last[1]]

    def _add(self, start: Node, end: Node, edge: Edge, length: int) -> None:
        self._graph.add_edge(start, end, edge=edge, length=length)

    def _add_loose_end(self, start: LanePoint, hop_m: float) -> None:
        """A lane that nothing follows, from where it begins to its end."""
        path: list[LanePoint] = []
        following = self._map.ahead(start, hop_m)
        while following and following[0].lane == start.lane:
            path.append(following[0])
            following = self._map.ahead(following[0], hop_m)
        if not path:
            return
        end = (path[-1].x_m, path[-1].y_m, path[-1].z_m)
        edge = Edge(RoadOption.LANE_FOLLOW, (start, *path, path[-1]), start.in_junction, loose=True)
        self._add(_node(start), end, edge, len(path) + 1)
        self._ends[start.lane] = _node(start), end

    def _add_changes(self, segment: Segment) -> None:
        """The first place of a lane at which one may change to either side."""
        sides = [Side.RIGHT, Side.LEFT]
        for point in segment.path:
            for side in tuple(sides):
                landing = self._landing(point, side)
                if landing is not None:
                    goal, start = landing
                    edge = Edge(_CHANGE[side], (point, goal))
                    self._add(_node(segment.entry), start, edge, 0)
                    sides.remove(side)
            if not sides:
                return

    def _landing(self, point: LanePoint, side: Side) -> tuple[LanePoint, Node] | None:
        """Where a change from a point lands, and the node at which that lane begins."""
        goal = self._map.beside(point, side)
        if goal is None:
            return None
        lane = self._map.nearest(goal.x_m, goal.y_m, goal.z_m).lane
        return (goal, self._ends[lane][0]) if lane in self._ends else None


def _node(point: LanePoint) -> Node:
    x, y, z = np.round([point.x_m, point.y_m, point.z_m]).tolist()
    return x + 0.0, y + 0.0, z + 0.0


def distances_m(place: Node, points: Sequence[LanePoint]) -> NDArray[np.float32]:
    """float32 (N,): from a place to some points, in float32 as CARLA measures. Keypoints that its
    planner made lie exactly as far from the next points as it asks for.

    Args:
        place: (x, y, z) in the world frame.
        points: N of them.
    """
    array = np.array([(p.x_m, p.y_m, p.z_m) for p in points], np.float32)
    x, y, z = (array - np.array(place, np.float32)).T
    return np.asarray(np.sqrt(x * x + y * y + z * z), np.float32)


def nearest_index(point: LanePoint, points: Sequence[LanePoint]) -> int:
    """The index of that of some points which is nearest to a point; of equally near ones the first.

    Args:
        point: anywhere.
        points: one or more.
    """
    return int(np.argmin(distances_m((point.x_m, point.y_m, point.z_m), points)))
