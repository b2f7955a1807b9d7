"""The lanes of a town as arrays: to find the lane at a place, and the way from one place to
another.

Legend: N points of all centre lines, one lane after the other. Lane ids count from 0, so they are
indices into arrays over lanes.
"""

from __future__ import annotations

import heapq
import math

import numpy as np
from auxdrive.types import Float64
from numpy.typing import NDArray

from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.world import LaneView

SAME_WAY_RAD = math.radians(100.0)
"""The largest difference between a keypoint's heading and the heading of its lane. It is wide,
since a file may give the direction to its next point, which lies round a corner.
"""
CELL_M = 8.0
LEVEL_M = 2.5
"""Lanes whose heights differ by more lie one above the other where they cross."""
Indices = NDArray[np.intp]
Position = tuple[int, float]
"""A lane id and the distance along that lane, metres."""


class LaneGraph:
    """Look-up and search in the lanes of one town. The points of a lane are equally spaced, so a
    distance along it gives the index of a point.
    """

    def __init__(self, town: Town) -> None:
        self.town = town
        lanes = [town.lanes[lane_id] for lane_id in sorted(town.lanes)]
        self.lane_ids = [lane.lane_id for lane in lanes]
        if self.lane_ids != list(range(len(lanes))):
            raise ValueError(f"{town.name}: lane ids must count from 0")
        counts = np.array([len(lane.centreline) for lane in lanes])
        self.first = np.concatenate(([0], np.cumsum(counts)[:-1]))
        self.count = counts
        self.length = np.array([lane.length_m for lane in lanes])
        self._widest_m = max(lane.width_m for lane in lanes)
        self.spacing = self.length / (counts - 1)
        # Of one lane at a time, numbers of Python are faster than those of arrays.
        self.length_m: list[float] = self.length.tolist()
        self.points = np.concatenate([lane.centreline for lane in lanes])
        self.yaw_rad = np.concatenate([lane.yaw_rad for lane in lanes])
        self.arclength = np.concatenate([lane.arclength for lane in lanes])
        self.lane_of_point = np.repeat(np.arange(len(lanes)), counts)
        self.is_connector = np.array([lane.junction_id is not None for lane in lanes])
        heights = [lane.height_m for lane in lanes if lane.height_m is not None]
        self.height_m = np.concatenate(heights) if len(heights) == len(lanes) else None
        self._connector_point = self.is_connector[self.lane_of_point]
        self._cells: dict[tuple[int, int], Indices] = {}
        self._everything = np.arange(len(self.points))

    def near(self, x_m: float, y_m: float) -> Indices:
        """Indices of the points of centre lines around a place. All points within 8 m are among
        them.

        Args:
            x_m: in the world frame.
            y_m: in the world frame.
        """
        key = (math.floor(x_m / CELL_M), math.floor(y_m / CELL_M))
        found = self._cells.get(key)
        if found is None:
            centre = (np.array(key) + 0.5) * CELL_M
            found = np.flatnonzero(np.abs(self.points - centre).max(axis=1) <= 1.5 * CELL_M)
            self._cells[key] = found
        return found

    def height_at(self, lane: int, along_m: float) -> float | None:
        """The height of a place on a lane; None in a flat town.

        Args:
            lane: its id.
            along_m: the distance along it.
        """
        if self.height_m is None:
            return None
        step = min(max(round(along_m / self.spacing[lane]), 0), int(self.count[lane]) - 1)
        return float(self.height_m[self.first[lane] + step])

    def level(self, points: Indices, height_m: float | None) -> Indices:
        """Those of some points of centre lines that are on one level with a height, where roads lie
        one above the other.

        Args:
            points: their indices.
            height_m: None takes all, as does a flat town.
        """
        if self.height_m is None or height_m is None:
            return points
        return points[np.abs(self.height_m[points] - height_m) < LEVEL_M]

    def nearest_lane(
        self, x_m: float, y_m: float, yaw_rad: float, height_m: float | None = None
    ) -> LaneView:
        """The lane whose centre line is nearest to a place, as who is there sees it. Where
        connectors cross, the one whose heading is nearest to `yaw_rad` is preferred.

        Args:
            x_m: in the world frame.
            y_m: in the world frame.
            yaw_rad: the heading of who is there.
            height_m: tells a bridge from what it crosses; None does not.
        """
        index = self._nearest_point(x_m, y_m, yaw_rad, height_m)
        lane = int(self.lane_of_point[index])
        px, py, yaw = (
            float(self.points[index, 0]),
            float(self.points[index, 1]),
            float(self.yaw_rad[index]),
        )
        cos, sin = math.cos(yaw), math.sin(yaw)
        along, left = (x_m - px) * cos + (y_m - py) * sin, (y_m - py) * cos - (x_m - px) * sin
        along = min(max(along, -0.5), 0.5)
        view = self.town.lanes[lane]
        centre = (px + along * cos, py + along * sin)
        heading, in_junction = math.remainder(yaw, math.tau), view.junction_id is not None
        return LaneView(
            view.lane_id,
            view.road_id,
            centre,
            left,
            view.width_m,
            heading,
            in_junction,
            view.parking_m,
        )

    def _nearest_point(self, x_m: float, y_m: float, yaw_rad: float, height_m: float | None) -> int:
        candidates = self.level(self.near(x_m, y_m), height_m)
        if not len(candidates):
            candidates = self._everything
        away = self.points[candidates] - (x_m, y_m)
        cost = np.sqrt(np.einsum("ij,ij->i", away, away))
        nearest = int(candidates[np.argmin(cost)])
        if not self._connector_point[nearest]:
            return nearest
        # The position alone decides between road and junction, the heading only between the
        # junction's lanes.
        cost = np.where(
            self._connector_point[candidates],
            cost + 1.5 * (1.0 - np.cos(self.yaw_rad[candidates] - yaw_rad)),
            np.inf,
        )
        return int(candidates[np.argmin(cost)])

    def positions_near(
        self, x_m: float, y_m: float, reach_m: float, yaw_rad: float | None = None
    ) -> tuple[dict[Position, float], float]:
        """The places on lanes that (x, y) may mean, at most one per lane.

        A point may mean a lane if it is no farther from its centre line than half the lane's width
        and `reach_m`.

        Args:
            x_m: in the world frame.
            y_m: in the world frame.
            reach_m: how far beyond a lane's edge the point may lie.
            yaw_rad: only lanes count whose heading is within `SAME_WAY_RAD` of it, which excludes
                the opposite lane; None counts all.

        Returns:
            The distance of each place, and the distance of the nearest lane of all, which is
            infinite if no lane has this heading.
        """
        away = np.hypot(self.points[:, 0] - x_m, self.points[:, 1] - y_m)
        if yaw_rad is not None:
            away = np.where(np.cos(self.yaw_rad - yaw_rad) >= math.cos(SAME_WAY_RAD), away, np.inf)
        found: dict[Position, float] = {}
        for lane in np.unique(
            self.lane_of_point[away <= self._widest_m / 2 + reach_m + self.spacing.max()]
        ):
            first, count = int(self.first[lane]), int(self.count[lane])
            along_m, away_m = self._foot(
                int(lane), int(np.argmin(away[first : first + count])), x_m, y_m
            )
            if away_m <= self.town.lanes[self.lane_ids[lane]].width_m / 2 + reach_m:
                found[int(lane), along_m] = away_m
        return found, min(found.values(), default=float(away.min()))

    def foot(self, lane: int, x_m: float, y_m: float) -> float:
        """The distance along a lane at which it is nearest to a place.

        Args:
            lane: its id.
            x_m: in the world frame.
            y_m: in the world frame.
        """
        points = self.points[self.first[lane] : self.first[lane] + self.count[lane]]
        nearest = int(np.argmin((points[:, 0] - x_m) ** 2 + (points[:, 1] - y_m) ** 2))
        return self._foot(lane, nearest, x_m, y_m)[0]

    def _foot(self, lane: int, nearest: int, x_m: float, y_m: float) -> tuple[float, float]:
        """The projection of (x, y) onto a lane near its point `nearest`: the distance along the
        lane, and the distance from it.
        """
        best = 0.0, math.inf
        for step in {max(nearest - 1, 0), min(nearest, int(self.count[lane]) - 2)}:
            (ax, ay), (bx, by) = (
                self.points[self.first[lane] + step],
                self.points[self.first[lane] + step + 1],
            )
            square = (bx - ax) ** 2 + (by - ay) ** 2
            share = min(max(((x_m - ax) * (bx - ax) + (y_m - ay) * (by - ay)) / square, 0.0), 1.0)
            away_m = math.hypot(ax + share * (bx - ax) - x_m, ay + share * (by - ay) - y_m)
            if away_m < best[1]:
                best = float((step + share) * self.spacing[lane]), away_m
        return best

    def shortest_path(self, start: Position, goal: Position) -> tuple[list[int], float] | None:
        """The shortest way between two places (Dijkstra 1959).

        Args:
            start: where the way begins.
            goal: where it ends. If it lies behind the start on the same lane, the way leads all
                round.

        Returns:
            The lane ids from start to goal, and the distance between them in metres; None if no way
            leads there.
        """
        if start[0] == goal[0] and goal[1] >= start[1]:
            return [start[0]], goal[1] - start[1]
        # Distances are to the start of a lane. The start's own lane can be reached again by a full
        # loop.
        lanes = self.town.lanes
        best: dict[int, float] = {}
        came_from: dict[int, int] = {}
        queue = [
            (lanes[start[0]].length_m - start[1], lane_id, start[0])
            for lane_id in lanes[start[0]].successors
        ]
        heapq.heapify(queue)
        while queue:
            cost, lane_id, previous = heapq.heappop(queue)
            if lane_id in best:
                continue
            best[lane_id], came_from[lane_id] = cost, previous
            if lane_id == goal[0]:
                return self._path(came_from, start[0], lane_id), cost + goal[1]
            for successor in lanes[lane_id].successors:
                if successor not in best:
                    heapq.heappush(queue, (cost + lanes[lane_id].length_m, successor, lane_id))
        return None

    @staticmethod
    def _path(came_from: dict[int, int], first: int, last: int) -> list[int]:
        path = [last]
        while True:
            path.append(came_from[path[-1]])
            if path[-1] == first:
                return path[::-1]

    def poses(self, lane_index: Indices, along_m: Float64) -> tuple[Float64, Float64]:
        """Points (K, 2) and headings (K,) on lanes. Beyond its ends a lane continues straight.

        Args:
            lane_index: (K,), the lane of each.
            along_m: (K,), the distance of each along its lane.
        """
        at = along_m / self.spacing[lane_index]
        step = np.clip(at.astype(np.intp), 0, self.count[lane_index] - 2)
        share = (at - step)[:, None]
        index = self.first[lane_index] + step
        inside = np.clip(share[:, 0], 0.0, 1.0)
        yaw = self.yaw_rad[index] * (1 - inside) + self.yaw_rad[index + 1] * inside
        return self.points[index] * (1 - share) + self.points[index + 1] * share, yaw
