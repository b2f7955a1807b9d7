"""Scenario timeout (leaderboard 2.x, ScenarioTimeout and ScenarioTimeoutTest). Does not end the
route.
"""

from __future__ import annotations

from auxdrive_eval.criteria.base import Event, EventKind, TickCriterion, event_at
from auxdrive_eval.world import BlockingScenario, WorldState

LIMIT_S = 240.0


class ScenarioTimeout(TickCriterion):
    """The ego did not leave a traffic situation behind in time, which may keep it from going on:
    for more than 240 s from its trigger on. One event for each.
    """

    def __init__(self) -> None:
        self._over: set[BlockingScenario] = set()

    def update(self, state: WorldState) -> list[Event]:
        """An event for each scenario whose time is over at this tick."""
        events = []
        for blocking in state.blocking:
            if not in_time(blocking, state) and blocking not in self._over:
                self._over.add(blocking)
                events.append(
                    event_at(EventKind.SCENARIO_TIMEOUT, "Agent timed out a scenario", state)
                )
        return events


def in_time(blocking: BlockingScenario, state: WorldState) -> bool:
    """Whether the ego may still be in a scenario.

    Args:
        blocking: the scenario.
        state: the world after a tick.
    """
    return state.time_s - blocking.began_s <= LIMIT_S
