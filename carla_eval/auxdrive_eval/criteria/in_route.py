"""Route deviation (leaderboard 1.0, InRouteTest). Ends the route."""

from __future__ import annotations

import numpy as np

from auxdrive_eval.criteria.base import (
    Event,
    EventKind,
    TickCriterion,
    carla_location,
    event_at,
    moment,
)
from auxdrive_eval.criteria.progress import accumulated_m
from auxdrive_eval.route import Route
from auxdrive_eval.world import WorldState

WINDOW = 5
"""How many points after the nearest one are considered at a tick."""
TOO_FAR_M = 30.0
UNSAFE_M = 15.0
UNSAFE_SHARE_PERCENT = 30.0


class InRoute(TickCriterion):
    """The ego was 30 m or more away from the route, or drove more than 30 % of it at a distance of
    15 m or more.

    Args:
        route: from which the ego must not stray.
    """

    def __init__(self, route: Route) -> None:
        self._points = route.points
        self._metres = accumulated_m(route)
        self._index = 0
        self._unsafe_m = 0.0

    def update(self, state: WorldState) -> list[Event]:
        """One event when the ego has left the route."""
        ahead = self._points[self._index : self._index + WINDOW + 1]
        distances_m = np.hypot(ahead[:, 0] - state.ego_centre[0], ahead[:, 1] - state.ego_centre[1])
        # Of equally near points the last one, which the leaderboard's `<=` chooses too.
        nearest = len(distances_m) - 1 - int(np.argmin(distances_m[::-1]))
        distance_m, index = float(distances_m[nearest]), self._index + nearest
        if distance_m < UNSAFE_M:
            self.pending = None
        else:
            self.pending = self.pending or moment(state)
            self._unsafe_m += float(self._metres[index] - self._metres[self._index])
        self._index = index
        share_percent = 100.0 * self._unsafe_m / float(self._metres[-1])
        if distance_m < TOO_FAR_M and share_percent <= UNSAFE_SHARE_PERCENT:
            return []
        return [
            event_at(
                EventKind.ROUTE_DEVIATION,
                f"Agent deviated from the route at {carla_location(state.ego_centre)}",
                state,
                began=self.pending,
            )
        ]
