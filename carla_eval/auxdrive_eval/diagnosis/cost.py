"""What each kind costs: the score of a route with the infractions of that kind forgiven, less its
score as it is, by the rule set's own functions.

A route that an infraction of the kind ended counts as completed then. What would have happened on
the rest of it is not known, so this is an upper bound. Factors multiply, so what the kinds cost one
by one does not add up to all that was lost; the difference is stated as `together`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auxdrive.strict import Strict

from auxdrive_eval.criteria import TERMINAL_KINDS, Event, EventKind
from auxdrive_eval.diagnosis.kinds import Kind
from auxdrive_eval.scoring.rule_sets import RuleSet

COMPLETE = 100.0


class Costs(Strict):
    """What a route, or a drive in the mean, lost.

    Attributes:
        score: its driving score as it is.
        forgiven: the score with everything forgiven.
        by_kind: the points that forgiving each kind alone brings.
        together: what only forgiving several kinds at once brings (negative where the kinds' own
            points already add up to more than everything).
    """

    score: float
    forgiven: float
    by_kind: dict[Kind, float]
    together: float


def costs_of(
    rules: RuleSet,
    events: Sequence[Event],
    kinds: Sequence[Kind],
    completion_percent: float,
    failed: bool = False,
) -> Costs:
    """What each kind cost on a route.

    Args:
        rules: by which it was driven.
        events: of the route, each infraction and its end.
        kinds: of each of the events; those of a completed route's end do not matter.
        completion_percent: how much of it was driven, 0 to 100.
        failed: whether the agent or the simulation ended it.
    """

    def score(forgiven: frozenset[Kind]) -> float:
        kept = [
            event
            for event, kind in zip(events, kinds, strict=True)
            if kind not in forgiven or event.kind is EventKind.ROUTE_COMPLETED
        ]
        ended = {
            kind
            for event, kind in zip(events, kinds, strict=True)
            if event.kind in TERMINAL_KINDS and event.kind is not EventKind.ROUTE_COMPLETED
        } | ({Kind.FAILED} if failed else set())
        whole = bool(ended) and ended <= forgiven
        driven = COMPLETE if whole else completion_percent
        return rules.results.routes.scores(driven, rules.penalty(kept)).score_composed

    there = {
        kind
        for event, kind in zip(events, kinds, strict=True)
        if event.kind is not EventKind.ROUTE_COMPLETED
    } | ({Kind.FAILED} if failed else set())
    as_it_is, everything = score(frozenset()), score(frozenset(there))
    by_kind = {kind: score(frozenset({kind})) - as_it_is for kind in Kind if kind in there}
    return Costs(
        score=as_it_is,
        forgiven=everything,
        by_kind=by_kind,
        together=everything - as_it_is - sum(by_kind.values()),
    )


def mean_costs(routes: Sequence[Costs]) -> Costs:
    """The same in the mean over routes; a route without a kind lost nothing by it.

    Args:
        routes: one or more.
    """
    count = len(routes)
    totals: Mapping[Kind, float] = {
        kind: sum(each.by_kind.get(kind, 0.0) for each in routes) / count
        for kind in Kind
        if any(kind in each.by_kind for each in routes)
    }
    return Costs(
        score=sum(each.score for each in routes) / count,
        forgiven=sum(each.forgiven for each in routes) / count,
        by_kind=dict(totals),
        together=sum(each.together for each in routes) / count,
    )
