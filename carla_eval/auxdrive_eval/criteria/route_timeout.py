"""Route timeout (leaderboard 1.0, RouteScenario). Ends the route."""

from __future__ import annotations

from auxdrive_eval.criteria.base import Event, EventKind, TickCriterion, event_at
from auxdrive_eval.world import Route, WorldState

SECONDS_PER_METRE = 0.8
INITIAL_S = 5.0


class RouteTimeout(TickCriterion):
    """The route took longer than int(0.8 s/m x its dense length + 5 s) of game time.

    Args:
        route: whose length decides.

    Attributes:
        limit_s: the longest game time that is allowed.
    """

    def __init__(self, route: Route) -> None:
        self.limit_s = int(SECONDS_PER_METRE * route.length_m + INITIAL_S)

    def update(self, state: WorldState) -> list[Event]:
        """One event when the time is over."""
        return (
            [event_at(EventKind.ROUTE_TIMEOUT, "Route timeout.", state)]
            if state.time_s > self.limit_s
            else []
        )
