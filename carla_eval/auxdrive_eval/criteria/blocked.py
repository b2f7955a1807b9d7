"""Blocked: the ego has not moved for too long (leaderboard 1.0, ActorSpeedAboveThresholdTest). Ends
the route.
"""

from __future__ import annotations

from auxdrive_eval.criteria.base import (
    Event,
    EventKind,
    TickCriterion,
    carla_location,
    event_at,
    moment,
)
from auxdrive_eval.world import WorldState

SPEED_MPS = 0.1
BLOCKED_AFTER_S = 180.0


class Blocked(TickCriterion):
    """The ego was slower than 0.1 m/s for too long.

    Args:
        after_s: for how long it may be, in game time.
    """

    def __init__(self, after_s: float = BLOCKED_AFTER_S) -> None:
        self._after_s = after_s
        self._moved_at_s: float | None = None

    def update(self, state: WorldState) -> list[Event]:
        """One event when the time is over."""
        if self._moved_at_s is None or state.speed_mps >= SPEED_MPS:
            self._moved_at_s = state.time_s
            self.pending = None
        if self.pending is None and state.speed_mps < SPEED_MPS:
            self.pending = moment(state)
        if state.time_s - self._moved_at_s <= self._after_s:
            return []
        return [
            event_at(
                EventKind.VEHICLE_BLOCKED,
                f"Agent got blocked at {carla_location(state.ego_centre)}",
                state,
                began=self.pending,
            )
        ]
