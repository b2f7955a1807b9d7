"""The ego's position on its route, and the ego as a road user for traffic and junctions."""

from __future__ import annotations

import math

import numpy as np
from auxdrive.geometry import cumulative_length
from auxdrive.types import Float64, Pose2

from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.ego.lane_changes import driven_line
from auxdrive_eval.simulators.embedded.ego.vehicle import VehicleParameters
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.model import CarKind
from auxdrive_eval.simulators.embedded.traffic.car import EGO_ID, Car

SEARCH_M = 25.0
ON_ROUTE_M = 3.0
ON_ROUTE_RAD = math.radians(60.0)


class RouteTracker:
    """Progress along a route. It never decreases, and looks only a few metres ahead, so that a
    route may cross itself.

    Args:
        route: planned on the lanes of the graph, so that each point has its lane's id.
        graph: the lanes of the town.
        parameters: size of the ego.
    """

    def __init__(self, route: Route, graph: LaneGraph, parameters: VehicleParameters) -> None:
        self.route = route
        self.line = driven_line(route, graph)
        self.along = cumulative_length(self.line.points)
        self._parameters = parameters
        self._graph = graph
        self._lane_of_point = np.array(route.lane_ids)
        self._x_m, self._y_m = np.ascontiguousarray(self.line.points.T)
        yaw = float(self.line.yaw_rad[-1])
        self._beyond_end = math.cos(yaw), math.sin(yaw)
        starts = np.flatnonzero(np.diff(self._lane_of_point, prepend=-1))
        self._lanes = self._lane_of_point[starts].tolist()
        self._order = np.cumsum(np.isin(np.arange(len(route.lane_ids)), starts)) - 1
        self._ego = Car(
            EGO_ID,
            CarKind.SEDAN,
            parameters.length_m,
            parameters.width_m,
            1.5,
            0,
            self._lanes[0],
            0.0,
        )
        self._ego_order = 0
        self._index = 0
        self.progress_m = 0.0
        self.left_m = 0.0

    @property
    def length_m(self) -> float:
        """Length of the route."""
        return float(self.along[-1])

    def update(self, pose: Pose2) -> None:
        """Project the rear axle onto the route: `progress_m` is the distance along it, `left_m` the
        distance to its left.
        """
        last = int(np.searchsorted(self.along, self.along[self._index] + SEARCH_M)) + 1
        window = self.line.points[self._index : last]
        self._index += int(
            np.argmin((window[:, 0] - pose.x_m) ** 2 + (window[:, 1] - pose.y_m) ** 2)
        )
        x, y = self.line.points[self._index]
        yaw = float(self.line.yaw_rad[self._index])
        dx, dy = pose.x_m - float(x), pose.y_m - float(y)
        self.left_m = dy * math.cos(yaw) - dx * math.sin(yaw)
        ahead = dx * math.cos(yaw) + dy * math.sin(yaw)
        self.progress_m = max(
            self.progress_m, float(self.along[self._index]) + min(max(ahead, -1.0), 1.0)
        )

    def heading_error_rad(self, pose: Pose2) -> float:
        """The ego's heading minus the route's."""
        return math.remainder(pose.yaw_rad - float(self.line.yaw_rad[self._index]), math.tau)

    def point_at(self, along_m: float) -> tuple[float, float]:
        """The point of the route at that distance. Beyond its end the route continues straight."""
        beyond = max(0.0, along_m - self.length_m)
        x = float(np.interp(along_m, self.along, self._x_m))
        y = float(np.interp(along_m, self.along, self._y_m))
        cos, sin = self._beyond_end
        return x + beyond * cos, y + beyond * sin

    def points_at(self, along_m: Float64) -> Float64:
        """The points of the route at some distances, as `point_at` gives them.

        Args:
            along_m: the distances, (K,).

        Returns:
            float64 (K, 2).
        """
        beyond = np.maximum(0.0, along_m - self.length_m)
        cos, sin = self._beyond_end
        points = np.empty((len(along_m), 2))
        points[:, 0] = np.interp(along_m, self.along, self._x_m) + beyond * cos
        points[:, 1] = np.interp(along_m, self.along, self._y_m) + beyond * sin
        return points

    def road_user(self, pose: Pose2, speed_mps: float) -> Car | None:
        """The ego as a car on the lanes of its route; None if it has left them.

        It is the same object at every tick, since it remembers its stops.

        Args:
            pose: of the rear axle, the one that `update` was given last.
            speed_mps: the ego's speed.
        """
        if abs(self.left_m) > ON_ROUTE_M or abs(self.heading_error_rad(pose)) > ON_ROUTE_RAD:
            return None
        centre_m = self.progress_m + self._parameters.centre_ahead_m
        index = min(int(np.searchsorted(self.along, centre_m, side="right")), len(self.along)) - 1
        order = int(self._order[index])
        lane = int(self._lanes[order])
        ego = self._ego
        if order != self._ego_order:
            ego.behind, ego.waited_s, ego.has_stopped = int(self._lanes[order - 1]), 0.0, False
            self._ego_order = order
        start, along_start = self._lane_start(order, lane)
        ego.lane, ego.along_m, ego.speed_mps = lane, along_start + centre_m - start, speed_mps
        ego.ahead = self._beyond(order)
        return ego

    def _lane_start(self, order: int, lane: int) -> tuple[float, float]:
        """The distance along the route at which one of its lanes begins, and the distance along
        that lane there (0 where it is entered at its start).
        """
        first = int(np.searchsorted(self._order, order))
        if order > 0 and not self._changes(order):
            return float(self.along[first - 1]), 0.0
        if order > 0:
            x_m, y_m = self.line.points[first].tolist()
            return float(self.along[first]), self._graph.foot(lane, x_m, y_m)
        view = self._graph.town.lanes[lane]
        away: Float64 = np.hypot(*(view.centreline - self.route.points[0]).T)
        nearest = int(np.argmin(away))
        yaw = float(view.yaw_rad[nearest])
        step = self.route.points[0] - view.centreline[nearest]
        return 0.0, float(view.arclength[nearest]) + float(
            step[0] * math.cos(yaw) + step[1] * math.sin(yaw)
        )

    def _changes(self, order: int) -> bool:
        """Whether one of the route's lanes is entered from its neighbour."""
        lane, before = self._lanes[order], self._lanes[order - 1]
        return lane not in self._graph.town.lanes[before].successors

    def _beyond(self, order: int) -> list[int]:
        """The next two lanes: those of the route until it ends or changes to a neighbouring lane,
        and then the straightest ones.
        """
        lanes = self._graph.town.lanes
        ahead: list[int] = []
        for following in range(order + 1, min(order + 3, len(self._lanes))):
            if self._changes(following):
                break
            ahead.append(int(self._lanes[following]))
        while len(ahead) < 2:
            last = lanes[ahead[-1] if ahead else self._lanes[order]]
            turned = {
                lane: abs(
                    math.remainder(float(lanes[lane].yaw_rad[-1] - last.yaw_rad[-1]), math.tau)
                )
                for lane in last.successors
            }
            ahead.append(min(turned, key=lambda lane: (turned[lane], lane)))
        return ahead
