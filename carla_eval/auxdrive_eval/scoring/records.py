"""The record of one driven route, as in the leaderboard's results document."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from auxdrive.strict import Strict
from pydantic import Field

from auxdrive_eval.criteria.base import Event, EventKind
from auxdrive_eval.scoring.infractions import infractions_of


class Scores(Strict):
    """score_route is the completion, 0..100; score_penalty 0..1; score_composed = max(route x
    penalty, 0).
    """

    score_composed: float = Field(ge=0, le=100)
    score_penalty: float = Field(ge=0, le=1)
    score_route: float = Field(ge=0, le=100)


class RouteMeta(Strict):
    """Durations in seconds (game time and wall time), and the length in metres along the sparse
    keypoints, as in leaderboard 1.0.
    """

    duration_game: float = Field(ge=0)
    duration_system: float = Field(ge=0)
    route_length: float = Field(ge=0)


class RouteRecord(Strict):
    """One entry of `_checkpoint.records`."""

    index: int = Field(ge=0)
    infractions: dict[str, list[str]]
    meta: RouteMeta
    route_id: str
    scores: Scores
    status: str


_STOP_REASONS = {
    EventKind.ROUTE_DEVIATION: "Agent deviated from the route",
    EventKind.VEHICLE_BLOCKED: "Agent got blocked",
    EventKind.ROUTE_TIMEOUT: "Agent timed out",
}

ROUTE_ID_PREFIX = "RouteScenario_"
"""What the leaderboard writes before a route's id in its record."""
SET_UP = "Agent couldn't be set up"
CRASHED = "Agent crashed"
AGENT_FAILURES = frozenset({f"Failed - {SET_UP}", f"Failed - {CRASHED}"})
"""Statuses of routes that ended because the agent itself failed, not because of how it drove."""


def route_status(events: Sequence[Event], failure: str = "") -> str:
    """A route's status in the leaderboard's words: 'Completed', 'Failed', or 'Failed - <reason>'.

    Args:
        events: what the criteria observed.
        failure: the reason if something else than the criteria ended the route, such as `CRASHED`;
            empty if nothing did.
    """
    kinds = {event.kind for event in events}
    if EventKind.ROUTE_COMPLETED in kinds and not failure:
        return "Completed"
    reason = failure or next((text for kind, text in _STOP_REASONS.items() if kind in kinds), "")
    return f"Failed - {reason}" if reason else "Failed"


def make_record(
    *,
    index: int,
    route_id: str,
    events: Sequence[Event],
    completion_percent: float,
    penalty: Callable[[Sequence[Event]], float],
    meta: RouteMeta,
    failure: str = "",
) -> RouteRecord:
    """The record of a route.

    Args:
        index: position of the record among all, from 0.
        route_id: the route's id, after the leaderboard's `ROUTE_ID_PREFIX`.
        events: what the criteria observed.
        completion_percent: how much of the route was driven, 0..100.
        penalty: the rule set's function from events to a factor.
        meta: durations and length.
        failure: see `route_status`.
    """
    score_penalty = penalty(events)
    scores = Scores(
        score_composed=max(completion_percent * score_penalty, 0.0),
        score_penalty=score_penalty,
        score_route=completion_percent,
    )
    return RouteRecord(
        index=index,
        infractions=infractions_of(events),
        meta=meta,
        route_id=route_id,
        scores=scores,
        status=route_status(events, failure),
    )
