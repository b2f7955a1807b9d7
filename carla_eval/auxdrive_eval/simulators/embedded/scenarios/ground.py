"""The route as scenarios see it: lanes, kerbs and junctions by the distance along it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from auxdrive.geometry import cumulative_length
from auxdrive.types import Float64, Pose2

from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.ego.lane_changes import DrivenLine
from auxdrive_eval.simulators.embedded.geometry.boxes import box
from auxdrive_eval.simulators.embedded.town.model import Lane
from auxdrive_eval.simulators.embedded.town_kits import TownKit
from auxdrive_eval.world import Point

SCAN_M = 0.25
WIDEST_M = 25.0
KERB_M = 0.3
"""How far the kerb lies beyond the edge of the outermost lane."""
BAY_MARGIN_M = 0.1
SAME_WAY_RAD = math.radians(20.0)
SEAM_M = 0.2
"""A gap between two lanes that is no wider than twice this is no edge of the road."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A junction that the route leads through.

    Attributes:
        start_m: the distance along the route at which it is entered.
        end_m: where it is left.
        lane: the connector.
        arriving: the lane before it.
    """

    start_m: float
    end_m: float
    lane: Lane
    arriving: Lane


class Ground:
    """A route on the lanes of its town.

    Args:
        kit: the town.
        route: planned on its lanes.
        line: that the ego drives; distances along the route are along it.
    """

    def __init__(self, kit: TownKit, route: Route, line: DrivenLine) -> None:
        self.kit, self.route, self.line = kit, route, line
        self.along: Float64 = cumulative_length(line.points)
        self.length_m = float(self.along[-1])
        self.crossings = self._crossings()

    def pose(self, along_m: float, left_m: float = 0.0) -> Pose2:
        """A pose beside the route's centre line, looking along it.

        Args:
            along_m: distance along the route.
            left_m: to the left of it; negative is to the right.
        """
        x, y, yaw = (
            float(np.interp(along_m, self.along, values))
            for values in (*self.line.points.T, self.line.yaw_rad)
        )
        return Pose2(x - left_m * math.sin(yaw), y + left_m * math.cos(yaw), yaw)

    def point(self, along_m: float, left_m: float = 0.0) -> Point:
        """The place of `pose`.

        Args:
            along_m: distance along the route.
            left_m: to the left of it.
        """
        pose = self.pose(along_m, left_m)
        return pose.x_m, pose.y_m

    def lane(self, along_m: float) -> Lane:
        """The lane of the route at that distance."""
        index = min(int(np.searchsorted(self.along, along_m)), len(self.along) - 1)
        return self.kit.graph.town.lanes[self.route.lane_ids[index]]

    def along_lane(self, along_m: float) -> float:
        """The distance along the lane of the route at that distance."""
        lane = self.lane(along_m)
        away = np.hypot(*(lane.centreline - self.point(along_m)).T)
        return float(lane.arclength[int(np.argmin(away))])

    def lanes_after(self, along_m: float) -> list[int]:
        """The lanes of the route that follow the one at that distance, up to where it changes to
        a neighbouring lane.
        """
        lanes = self.kit.graph.town.lanes
        index = min(int(np.searchsorted(self.along, along_m)), len(self.along) - 1)
        last, found = self.route.lane_ids[index], []
        for lane in dict.fromkeys(self.route.lane_ids[index:]):
            if lane != last and lane not in lanes[last].successors:
                break
            found.append(lane)
            last = lane
        return found[1:]

    def next_crossing(self, along_m: float) -> Crossing | None:
        """The first junction that is entered beyond that distance."""
        return next((c for c in self.crossings if c.start_m >= along_m), None)

    def is_open(self, from_m: float, to_m: float, margin_m: float = 2.0) -> bool:
        """Whether a stretch of the route lies on it, away from all junctions and changes of lanes.

        Args:
            from_m: where the stretch begins.
            to_m: where it ends.
            margin_m: how far from them it must stay.
        """
        if from_m < 0.0 or to_m > self.length_m:
            return False
        closed = [(c.start_m, c.end_m) for c in self.crossings]
        closed += [(change.begin_m, change.end_m) for change in self.line.changes]
        return all(to_m + margin_m <= start or from_m - margin_m >= end for start, end in closed)

    def kerb_m(self, along_m: float, side: float) -> float:
        """How far the road's edge lies from the route's centre line.

        Args:
            along_m: distance along the route.
            side: 1 for the left side, -1 for the right one.
        """
        for step in range(1, int(WIDEST_M / SCAN_M)):
            if not self.on_road(self.pose(along_m, side * step * SCAN_M)):
                return (step - 1) * SCAN_M + KERB_M
        return WIDEST_M

    def on_road(self, pose: Pose2) -> bool:
        """Whether a place lies on a lane or a parking lane."""
        lane = self.kit.roads.lane_view(pose.x_m, pose.y_m, pose.yaw_rad)
        left_m = lane.width_m / 2 + SEAM_M
        return -left_m - lane.parking_m <= lane.offset_m <= left_m

    def bay_m(self, along_m: float, width_m: float) -> float | None:
        """How far right of the route's centre line the middle of a car is that is parked in the
        parking lane; None without one that is wide enough.

        Args:
            along_m: distance along the route.
            width_m: of the car.
        """
        pose = self.pose(along_m)
        lane = self.kit.roads.lane_view(pose.x_m, pose.y_m, pose.yaw_rad)
        if lane.parking_m < width_m + BAY_MARGIN_M:
            return None
        return lane.width_m / 2 + lane.parking_m - width_m / 2

    def neighbour_m(self, along_m: float, side: float) -> float | None:
        """How far left of the route's centre line the neighbouring lane of the same direction lies;
        None if there is none.

        Args:
            along_m: distance along the route.
            side: 1 for the left side, -1 for the right one.
        """
        here = self.pose(along_m)
        mine = self.kit.roads.lane_view(here.x_m, here.y_m, here.yaw_rad)
        there = self.pose(along_m, side * mine.width_m)
        lane = self.kit.roads.lane_view(there.x_m, there.y_m, there.yaw_rad)
        turned = abs(math.remainder(lane.yaw_rad - here.yaw_rad, math.tau))
        other = lane.lane_id != mine.lane_id and turned < SAME_WAY_RAD
        if not other or lane.in_junction or abs(lane.offset_m) > mine.width_m / 2:
            return None
        return side * mine.width_m - lane.offset_m

    def is_free(self, pose: Pose2, size_m: tuple[float, float, float]) -> bool:
        """Whether nothing of the town stands there.

        Args:
            pose: of the centre.
            size_m: length, width and height.
        """
        there = box(pose.x_m, pose.y_m, pose.yaw_rad, size_m[0], size_m[1])
        return not self.kit.obstacles.hits(there)

    def _crossings(self) -> tuple[Crossing, ...]:
        lanes = self.kit.graph.town.lanes
        ids = np.array(self.route.lane_ids)
        starts = np.flatnonzero(np.diff(ids, prepend=-1))
        found = []
        for number, start in enumerate(starts.tolist()):
            lane = lanes[int(ids[start])]
            if number == 0 or lane.junction_id is None:
                continue
            end = starts[number + 1] - 1 if number + 1 < len(starts) else len(ids) - 1
            before = lanes[int(ids[start - 1])]
            found.append(
                Crossing(float(self.along[start - 1]), float(self.along[end]), lane, before)
            )
        return tuple(found)
