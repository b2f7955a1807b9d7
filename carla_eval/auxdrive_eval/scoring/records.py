"""The record of one driven route, as in the leaderboard's results document."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from auxdrive.errors import DataError
from auxdrive.strict import Strict
from pydantic import Field

from auxdrive_eval.criteria.base import Event, EventKind
from auxdrive_eval.scoring.infractions import LEADERBOARD_1_KINDS, infractions_of


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
    EventKind.VEHICLE_BLOCKED: "Agent got blocked",
    EventKind.ROUTE_DEVIATION: "Agent deviated from the route",
    EventKind.ROUTE_TIMEOUT: "Agent timed out",
}
"""Of several, the first in this order is told, as the leaderboard's own does."""

ROUTE_ID_PREFIX = "RouteScenario_"
"""What the leaderboard writes before a route's id in its record."""
SET_UP = "Agent couldn't be set up"
CRASHED = "Agent crashed"
OUT_OF_TICKS = "TickRuntime"
"""Bench2Drive's word for a route that went on beyond the last tick."""
AGENT_FAILURES = frozenset({f"Failed - {SET_UP}", f"Failed - {CRASHED}"})
"""Statuses of routes that ended because the agent itself failed, not because of how it drove."""


SIMULATION_CRASHED = "Simulation crashed"
WORTH_RETRYING = AGENT_FAILURES | {f"Failed - {SIMULATION_CRASHED}"}
"""Statuses of routes that `--retry-crashed` drives again."""
SENSORS_INVALID = "Agent's sensors were invalid"
WHOLE_ROUTE = 100.0
"""The completion of a route that was driven to its end, %."""
COMPLETED, PERFECT, FAILED = "Completed", "Perfect", "Failed"
SUCCEEDED = frozenset({COMPLETED, PERFECT})


def route_status(events: Sequence[Event], failure: str = "") -> str:
    """A route's status in the words of leaderboard 1.0: 'Completed', 'Failed', or
    'Failed - <reason>'.

    Args:
        events: what the criteria observed.
        failure: the reason if something else than the criteria ended the route, such as `CRASHED`;
            empty if nothing did.
    """
    completed = any(event.kind is EventKind.ROUTE_COMPLETED for event in events)
    return COMPLETED if completed else failed_status(events, failure)


def failed_status(events: Sequence[Event], failure: str) -> str:
    """The status of a route that was not completed.

    Args:
        events: what the criteria observed; one that ended the route is the reason.
        failure: the reason if no criterion ended it; empty if there is none.
    """
    kinds = {event.kind for event in events}
    reason = next((text for kind, text in _STOP_REASONS.items() if kind in kinds), failure)
    return f"{FAILED} - {reason}" if reason else FAILED


@dataclass(frozen=True, slots=True)
class RouteForm:
    """How a rule set writes one route.

    Attributes:
        kinds: which events are infractions, in the order of their keys.
        scores: computes the scores from the completion, 0..100, and the penalty, 0..1.
        status: computes the status from the events, the completion, and the reason why something
            else than the criteria ended the route.
        meta: rounds durations and length.
        dump: makes JSON's types of a record, with the leaderboard's own keys.
        numbers_repeats: whether a route's id ends with the number of its repeat, `_rep0`.
        beside: keys of that which follow from the others.
        rounding: the largest distance of a score from what it was before it was rounded; 0 where
            scores are not rounded.
    """

    kinds: tuple[EventKind, ...]
    scores: Callable[[float, float], Scores]
    status: Callable[[Sequence[Event], float, str], str]
    meta: Callable[[RouteMeta], RouteMeta]
    dump: Callable[[RouteRecord], dict[str, Any]]
    numbers_repeats: bool = False
    beside: tuple[str, ...] = ()
    rounding: float = 0.0

    def route_id(self, route_id: str, repeat: int) -> str:
        """A route's id in its record.

        Args:
            route_id: as in the file of routes.
            repeat: which of the route's repeats, from 0.
        """
        return f"{ROUTE_ID_PREFIX}{route_id}" + (f"_rep{repeat}" if self.numbers_repeats else "")

    def given_id(self, record_id: str) -> str:
        """The route's id as in the file of routes, of one in a record."""
        plain = record_id.removeprefix(ROUTE_ID_PREFIX)
        return re.sub(r"_rep\d+$", "", plain) if self.numbers_repeats else plain

    def load(self, dumped: dict[str, Any]) -> RouteRecord:
        """The record that was dumped.

        Args:
            dumped: JSON's types.

        Raises:
            pydantic.ValidationError: it is no record.
            DataError: its infractions are not those of this form.
        """
        kept = {key: value for key, value in dumped.items() if key not in self.beside}
        record = RouteRecord.model_validate(kept)
        if record.infractions.keys() != {kind.value for kind in self.kinds}:
            raise DataError(
                f"the infractions of {record.route_id} are {', '.join(sorted(record.infractions))},"
                f" and must be {', '.join(sorted(kind.value for kind in self.kinds))}"
            )
        return record


def unrounded_scores(completion_percent: float, penalty: float) -> Scores:
    """The scores of a route, not rounded.

    Args:
        completion_percent: how much of the route was driven, 0..100.
        penalty: the rule set's factor, 0..1.
    """
    return Scores(
        score_composed=max(completion_percent * penalty, 0.0),
        score_penalty=penalty,
        score_route=completion_percent,
    )


LEADERBOARD_1_ROUTES = RouteForm(
    LEADERBOARD_1_KINDS,
    unrounded_scores,
    lambda events, _, failure: route_status(events, failure),
    lambda meta: meta,
    RouteRecord.model_dump,
)


def make_record(
    *,
    index: int,
    route_id: str,
    events: Sequence[Event],
    completion_percent: float,
    penalty: Callable[[Sequence[Event]], float],
    meta: RouteMeta,
    failure: str = "",
    form: RouteForm = LEADERBOARD_1_ROUTES,
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
        form: how the rule set writes a route.
    """
    return RouteRecord(
        index=index,
        infractions=infractions_of(events, form.kinds),
        meta=form.meta(meta),
        route_id=route_id,
        scores=form.scores(completion_percent, penalty(events)),
        status=form.status(events, completion_percent, failure),
    )
