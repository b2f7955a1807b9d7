"""Route timeout (RouteScenario of leaderboard 1.0, RouteTimeoutBehavior of 2.x). Ends the route."""

from __future__ import annotations

from auxdrive_eval.criteria.base import Event, EventKind, TickCriterion, event_at
from auxdrive_eval.criteria.progress import PassedPoints, accumulated_m
from auxdrive_eval.route import Route
from auxdrive_eval.world import WorldState

SECONDS_PER_METRE = 0.8
INITIAL_S = 5.0
WINDOW = 3
"""How many points after the last passed one are considered at a tick, in 2.x."""
UNSIGNED_LIMIT_MPS = 30 / 3.6
"""Where a world tells no speed limit: what CARLA says of a vehicle that has met no sign yet."""


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
        return _over(state, state.time_s, self.limit_s)


class GrowingTimeout(TickCriterion):
    """The route took longer than a time that grows with what was driven of it: every metre adds
    what it takes at a share of the speed limit that holds where the ego is.

    Args:
        route: that is driven.
        initial_s: the time from the first tick on that is allowed from the start, game time.
        limit_share: the share of the speed limit, above 0.

    Attributes:
        limit_s: the longest time that is allowed so far.
    """

    def __init__(self, route: Route, initial_s: float, limit_share: float) -> None:
        self.limit_s = initial_s
        self._limit_share = limit_share
        self._points = PassedPoints(route)
        self._metres = accumulated_m(route)
        self._index = 0
        self._began_s: float | None = None

    def update(self, state: WorldState) -> list[Event]:
        """One event when the time is over."""
        began_s = self._began_s = state.time_s if self._began_s is None else self._began_s
        last = self._points.last_passed(self._index, WINDOW, state.ego_centre)
        if last > self._index:
            driven_m = float(self._metres[last] - self._metres[self._index])
            limit_mps = state.speed_limit_mps or UNSIGNED_LIMIT_MPS
            self.limit_s += driven_m / (limit_mps * self._limit_share)
            self._index = last
        return _over(state, state.time_s - began_s, self.limit_s)


def _over(state: WorldState, taken_s: float, limit_s: float) -> list[Event]:
    if taken_s <= limit_s:
        return []
    return [event_at(EventKind.ROUTE_TIMEOUT, "Route timeout.", state)]
