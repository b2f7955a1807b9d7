"""Stop signs (RunningStopTest of leaderboard 1.0, and of 2.x)."""

from __future__ import annotations

import math

import numpy as np
from auxdrive.frames import world_to_ego
from auxdrive.types import Float64, Pose2

from auxdrive_eval.criteria.base import (
    Event,
    EventKind,
    Moment,
    TickCriterion,
    carla_location,
    event_at,
    moment,
)
from auxdrive_eval.world import StopSignView, WorldState

STOPPED_BELOW_MPS = 0.1
LOOK_AHEAD_M = 20.0
"""A sign applies to the ego when its trigger box begins within this distance ahead. (The
leaderboard looks 20 steps of 1 m along the lane.)
"""
STEP_M = 0.5
"""The steps in which 2.x looks along the lane."""
WITH_LANE_COS = -0.17
"""Who drives against its lane, by more than 100 degrees, is concerned by no sign in 2.x."""


class StopSign(TickCriterion):
    """The ego drove through a sign's trigger box and left the sign behind without stopping, counted
    from when the sign first applied to it.

    The leaderboard looks along the waypoints of the lane, and tests boxes that are aligned with the
    axes of the map, one of them around the sign's own foot. Here the box keeps its own orientation,
    and the look ahead is straight along it.
    """

    def __init__(self) -> None:
        self._sign: StopSignView | None = None
        self._stopped = False

    def update(self, state: WorldState) -> list[Event]:
        """One event when the ego leaves a sign behind at which it did not stop."""
        if self._sign is None:
            self._sign = next((sign for sign in state.stop_signs if _concerns(state, sign)), None)
            return []
        sign = self._sign
        self._stopped = self._stopped or state.speed_mps < STOPPED_BELOW_MPS
        if self.pending is None and _in_box(state, sign, ahead_m=0.0):
            self.pending = moment(state)
        if _in_box(state, sign, LOOK_AHEAD_M):
            return []
        entered, stopped = self.pending, self._stopped
        self._sign, self._stopped, self.pending = None, False, None
        return [] if entered is None or stopped else [_ran(state, sign, entered)]


class NearStopSign(TickCriterion):
    """The ego drove past a sign without stopping while the sign was near: while the middle of its
    lane beside it was within a distance of the trigger box's centre, and the lane from there, as
    far ahead as that distance, led through the box. The same sign does not count twice in a row.

    The leaderboard's boxes are aligned with the axes of the map, and it looks along the waypoints
    of the lane. Here a box keeps its own orientation, and the look ahead is straight.

    Args:
        within_m: the distance, metres.
        box_scale: by which the trigger box is enlarged.
    """

    def __init__(self, within_m: float, box_scale: float) -> None:
        self._within_m, self._box_scale = within_m, box_scale
        self._sign: StopSignView | None = None
        self._stopped = False
        self._last_id: int | None = None

    def update(self, state: WorldState) -> list[Event]:
        """One event when the ego leaves a sign behind at which it did not stop."""
        near = [sign for sign in state.stop_signs if self._is_near(state, sign)]
        if self._sign is None:
            if near and _with_its_lane(state):
                self._sign, self.pending = near[0], moment(state)
            return []
        sign, began = self._sign, self.pending
        self._stopped = self._stopped or state.speed_mps < STOPPED_BELOW_MPS
        # A map may show a sign once for each way that leads to it.
        if any(other.sign_id == sign.sign_id for other in near):
            return []
        counts = not self._stopped and sign.sign_id != self._last_id
        self._sign, self._stopped, self.pending = None, False, None
        if not counts or began is None:
            return []
        self._last_id = sign.sign_id
        return [_ran(state, sign, began)]

    def _is_near(self, state: WorldState, sign: StopSignView) -> bool:
        lane = state.lane
        if lane is None or math.dist(lane.centre, sign.trigger_centre) > self._within_m:
            return False
        steps_m = np.arange(0.0, self._within_m + STEP_M / 2, STEP_M)
        ahead = np.array([math.cos(lane.yaw_rad), math.sin(lane.yaw_rad)])
        away_m = np.abs(_in_frame(lane.centre + steps_m[:, None] * ahead, sign))
        return bool((away_m < self._box_scale * np.array(sign.trigger_half_size)).all(axis=1).any())


def _with_its_lane(state: WorldState) -> bool:
    lane = state.lane
    return lane is not None and math.cos(state.ego.yaw_rad - lane.yaw_rad) >= WITH_LANE_COS


def _ran(state: WorldState, sign: StopSignView, began: Moment) -> Event:
    message = f"Agent ran a stop with id={sign.sign_id} at {carla_location(sign.location)}"
    return event_at(EventKind.STOP_SIGN, message, state, sign.location, began=began)


def _concerns(state: WorldState, sign: StopSignView) -> bool:
    return math.cos(state.ego.yaw_rad - sign.lane_yaw_rad) > 0 and _in_box(
        state, sign, LOOK_AHEAD_M
    )


def _in_box(state: WorldState, sign: StopSignView, ahead_m: float) -> bool:
    """Whether the ego's centre is in the trigger box, lengthened by `ahead_m` towards the
    approaching cars.
    """
    along_m, across_m = map(float, _in_frame(np.array(state.ego_centre), sign))
    half_length_m, half_width_m = sign.trigger_half_size
    return -half_length_m - ahead_m < along_m < half_length_m and abs(across_m) < half_width_m


def _in_frame(points: Float64, sign: StopSignView) -> Float64:
    """Places (..., 2) of the world frame, along and across a sign's trigger box."""
    return world_to_ego(points, Pose2(*sign.trigger_centre, sign.trigger_yaw_rad))
