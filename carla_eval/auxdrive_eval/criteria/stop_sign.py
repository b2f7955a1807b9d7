"""Stop signs (leaderboard 1.0, RunningStopTest)."""

from __future__ import annotations

import math

import numpy as np
from auxdrive.frames import world_to_ego
from auxdrive.types import Pose2

from auxdrive_eval.criteria.base import (
    Event,
    EventKind,
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
        if entered is None or stopped:
            return []
        message = f"Agent ran a stop with id={sign.sign_id} at {carla_location(sign.location)}"
        return [event_at(EventKind.STOP_SIGN, message, state, sign.location, began=entered)]


def _concerns(state: WorldState, sign: StopSignView) -> bool:
    return math.cos(state.ego.yaw_rad - sign.lane_yaw_rad) > 0 and _in_box(
        state, sign, LOOK_AHEAD_M
    )


def _in_box(state: WorldState, sign: StopSignView, ahead_m: float) -> bool:
    """Whether the ego's centre is in the trigger box, lengthened by `ahead_m` towards the
    approaching cars.
    """
    box = Pose2(*sign.trigger_centre, sign.trigger_yaw_rad)
    along_m, across_m = map(float, world_to_ego(np.array(state.ego_centre), box))
    half_length_m, half_width_m = sign.trigger_half_size
    return -half_length_m - ahead_m < along_m < half_length_m and abs(across_m) < half_width_m
