"""Outside the route's lanes (OutsideRouteLanesTest of the leaderboards)."""

from __future__ import annotations

import math

import numpy as np

from auxdrive_eval.criteria.base import Event, EventKind, Moment, event_at, moment
from auxdrive_eval.criteria.progress import PassedPoints
from auxdrive_eval.route import Route
from auxdrive_eval.world import LaneView, WorldState

ALLOWED_OUT_M = 1.3
"""In leaderboard 1.0."""
MAX_VEHICLE_ANGLE_RAD = math.radians(120.0)
MAX_LANE_JUMP_RAD = math.radians(150.0)
WINDOW = 3


class OutsideRouteLanes:
    """The share of the driven route distance that was driven outside the lanes or in a lane of the
    opposite direction.

    A lane is wrong if, right after a junction, its direction differs from the ego's by more than
    120 degrees. Elsewhere, a change into a lane whose direction differs from the previous lane's by
    150 degrees or more switches between right and wrong; any other change leads to a right lane, or
    leaves it as it was. In junctions no lane is wrong. The event comes at the end of the route.

    Args:
        route: that is driven.
        allowed_out_m: how far the ego's centre may lie beyond the edge of the nearest driving or
            parking lane.
        any_change_rights: whether a change into a lane of the same direction leads to a right lane,
            also from a wrong one.

    Attributes:
        pending: when the ego was outside for the first time.
    """

    def __init__(
        self, route: Route, allowed_out_m: float = ALLOWED_OUT_M, *, any_change_rights: bool = True
    ) -> None:
        self.pending: Moment | None = None
        self._allowed_out_m, self._any_change_rights = allowed_out_m, any_change_rights
        self._route = route
        self._points = PassedPoints(route)
        self._index = 0
        self._total_m = 0.0
        self._wrong_m = 0.0
        self._in_wrong_lane = False
        self._last_lane: LaneView | None = None

    def update(self, state: WorldState) -> list[Event]:
        """Add this tick's route distance. Returns no events."""
        outside = False
        if state.lane is not None:
            outside = beyond_lane_m(state.lane) > self._allowed_out_m
            self._judge_lane(state, state.lane)
        for index in range(self._index + 1, min(self._index + WINDOW + 1, len(self._points))):
            if self._points.passed(index, state.ego_centre):
                step_m = float(
                    np.linalg.norm(self._route.points[index] - self._route.points[self._index])
                )
                self._index = index
                self._total_m += step_m
                if outside or self._in_wrong_lane:
                    self._wrong_m += step_m
                    self.pending = self.pending or moment(state)
        return []

    def _judge_lane(self, state: WorldState, lane: LaneView) -> None:
        last, self._last_lane = self._last_lane, lane
        if lane.in_junction:
            self._in_wrong_lane = False
        elif last is not None and (last.road_id, last.lane_id) != (lane.road_id, lane.lane_id):
            if last.in_junction:
                self._in_wrong_lane = (
                    angle_between_rad(lane.yaw_rad, state.ego.yaw_rad) > MAX_VEHICLE_ANGLE_RAD
                )
            elif angle_between_rad(last.yaw_rad, lane.yaw_rad) >= MAX_LANE_JUMP_RAD:
                self._in_wrong_lane = not self._in_wrong_lane
            elif self._any_change_rights:
                self._in_wrong_lane = False

    def finish(self, state: WorldState) -> list[Event]:
        """One event if any distance was driven outside."""
        if self._wrong_m == 0:
            return []
        percentage = 100.0 * self._wrong_m / self._total_m
        share = f"{round(percentage, 2)}% of the completed route"
        message = (
            f"Agent went outside its route lanes for about {round(self._wrong_m, 3)} meters "
            f"({share})"
        )
        kind = EventKind.OUTSIDE_ROUTE_LANES
        return [event_at(kind, message, state, percentage=percentage, began=self.pending)]


def beyond_lane_m(lane: LaneView) -> float:
    """How far the ego's centre lies beyond the edge of the nearest driving or parking lane;
    negative inside.
    """
    driving_m = abs(lane.offset_m)
    parking_m = abs(lane.offset_m + (lane.width_m + lane.parking_m) / 2)
    if lane.parking_m and parking_m < driving_m:
        return parking_m - lane.parking_m / 2
    return driving_m - lane.width_m / 2


def angle_between_rad(a_rad: float, b_rad: float) -> float:
    """The angle between two headings, 0..pi.

    Args:
        a_rad: one heading; full turns more or less do not matter.
        b_rad: the other, in the same frame.
    """
    return abs(math.remainder(a_rad - b_rad, 2 * math.pi))
