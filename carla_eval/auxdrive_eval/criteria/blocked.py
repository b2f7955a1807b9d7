"""Blocked: the ego has not moved for too long (ActorSpeedAboveThresholdTest of leaderboard 1.0,
ActorBlockedTest of 2.x). Ends the route.
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
from auxdrive_eval.criteria.scenario_timeout import in_time
from auxdrive_eval.world import WorldState

SPEED_MPS = 0.1
BLOCKED_AFTER_S = 180.0


class Blocked(TickCriterion):
    """The ego was slower than 0.1 m/s for too long.

    Args:
        after_s: for how long it may be, in game time.
        but_in_scenarios: whether it may stand while it is in a scenario whose time is limited
            (`ScenarioTimeout`). The time begins anew as that ends.
    """

    def __init__(self, after_s: float = BLOCKED_AFTER_S, *, but_in_scenarios: bool = False) -> None:
        self._after_s, self._but_in_scenarios = after_s, but_in_scenarios
        self._moved_at_s: float | None = None
        self._paused = False

    def update(self, state: WorldState) -> list[Event]:
        """One event when the time is over."""
        was_paused = self._paused
        self._paused = self._but_in_scenarios and any(
            in_time(blocking, state) for blocking in state.blocking
        )
        if self._moved_at_s is None or state.speed_mps >= SPEED_MPS or self._paused or was_paused:
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
