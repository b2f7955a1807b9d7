"""Speed beside the traffic (leaderboard 2.x, MinimumSpeedRouteTest)."""

from __future__ import annotations

from statistics import fmean

from auxdrive_eval.criteria.base import Event, EventKind, TickCriterion, event_at
from auxdrive_eval.criteria.progress import PassedPoints, accumulated_m
from auxdrive_eval.route import Route
from auxdrive_eval.world import WorldState

WINDOW = 2
"""How many points after the last passed one are considered at a tick."""
LAST_ABOVE = 0.95
"""The stretch on which the route ended is judged if more than this share was driven."""
AS_FAST_PERCENT = 100


class MinSpeed(TickCriterion):
    """The ego was slower than the background traffic on a stretch of the route: its mean speed over
    the ticks on which there was traffic, as a share of the traffic's. Without traffic, or where all
    of it stood, the share is 100 %.

    Args:
        route: that is driven.
        checkpoints: how many stretches it has.
        every: whether every stretch is an event, also one on which the ego was as fast or faster.
    """

    def __init__(self, route: Route, checkpoints: int, *, every: bool = False) -> None:
        self._points = PassedPoints(route)
        self._metres = accumulated_m(route)
        self._stretch_m = float(self._metres[-1]) / checkpoints
        self._every = every
        self._index = 0
        self._began_m = 0.0
        self._ego_mps = self._traffic_mps = 0.0
        self._ticks = 0

    def update(self, state: WorldState) -> list[Event]:
        """One event when a stretch was driven too slowly."""
        self._index = self._points.last_passed(self._index, WINDOW, state.ego_centre)
        events = []
        if self._driven_m - self._began_m > self._stretch_m:
            events = self._judge(state)
            self._began_m = self._driven_m
            self._ego_mps = self._traffic_mps = 0.0
            self._ticks = 0
        if state.background_mps:
            self._traffic_mps += fmean(state.background_mps)
            self._ego_mps += state.speed_mps
            self._ticks += 1
        return events

    def finish(self, state: WorldState) -> list[Event]:
        """The last stretch, twice: the leaderboard ends a criterion with the route's tree and once
        more with its scenario, and each end judges that stretch.
        """
        if self._driven_m / float(self._metres[-1]) <= LAST_ABOVE:
            return []
        return self._judge(state) * 2

    @property
    def _driven_m(self) -> float:
        return float(self._metres[self._index])

    def _judge(self, state: WorldState) -> list[Event]:
        percent: float = AS_FAST_PERCENT
        if self._ticks and self._traffic_mps:
            ego_mps, traffic_mps = self._ego_mps / self._ticks, self._traffic_mps / self._ticks
            percent = round(ego_mps / traffic_mps * 100, 2)
        if percent >= AS_FAST_PERCENT and not self._every:
            return []
        message = f"Average speed is {percent}% of the surrounding traffic's one"
        return [event_at(EventKind.MIN_SPEED, message, state, percentage=float(percent))]
