"""Route completion (leaderboard 1.0, RouteCompletionTest). Ends the route when it is reached."""

from __future__ import annotations

import math

from auxdrive_eval.criteria.base import Event, EventKind, TickCriterion, event_at
from auxdrive_eval.criteria.progress import PassedPoints, accumulated_m
from auxdrive_eval.route import Route
from auxdrive_eval.world import WorldState

WINDOW = 2
"""How many points after the last passed one are considered at a tick."""
COMPLETE_ABOVE_PERCENT = 99.0
COMPLETE_WITHIN_M = 10.0


class RouteCompletion(TickCriterion):
    """How much of the route the ego has driven.

    Args:
        route: that is driven.

    Attributes:
        percent: 0..100; 100 only when more than 99 % are driven and the end is within 10 m.
    """

    digits: int | None = None
    """To how many decimals the percentage is rounded at every tick; None rounds nothing."""

    def __init__(self, route: Route) -> None:
        self.percent = 0.0
        self._points = PassedPoints(route)
        self._metres = accumulated_m(route)
        self._end = (float(route.points[-1, 0]), float(route.points[-1, 1]))
        self._index = 0

    def update(self, state: WorldState) -> list[Event]:
        """Advance; one event when the route is complete."""
        self._index = self._points.last_passed(self._index, WINDOW, state.ego_centre)
        # the quotient of a length and itself, times 100, may round to more than 100
        self.percent = min(
            100.0, 100.0 * float(self._metres[self._index]) / float(self._metres[-1])
        )
        if self.digits is not None:
            self.percent = round(self.percent, self.digits)
        if (
            self.percent > COMPLETE_ABOVE_PERCENT
            and math.dist(state.ego_centre, self._end) < COMPLETE_WITHIN_M
        ):
            self.percent = 100.0
            return [
                event_at(EventKind.ROUTE_COMPLETED, "Destination was successfully reached", state)
            ]
        return []
