"""A finished run under another rule set: what its events make there, and what cannot be known."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from auxdrive_eval.criteria.base import Event, EventKind
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.finished_run import FinishedRoute, FinishedRun
from auxdrive_eval.scoring.records import RouteMeta, RouteRecord, Scores, make_record
from auxdrive_eval.scoring.rule_sets import RuleSet

_ROUNDED_BY = 0.005 + 1e-9
"""Percentages in messages are at most this far from those that were measured."""
_EQUAL, _SAME = 1e-9, 1e-12
_LARGEST = 1e300
_REPEAT = re.compile(r"_rep\d+$")
_OUTSIDE, _MIN_SPEED = EventKind.OUTSIDE_ROUTE_LANES, EventKind.MIN_SPEED


@dataclass(frozen=True, slots=True)
class Rescored:
    """A run under a rule set.

    Attributes:
        rules: its name.
        made_by: the rule sets by which the run's records can have been scored; empty if by none.
        records: of the routes.
        document: the rule set's results document.
        notes: what could not be known, and what else the reader should know, in words.
    """

    rules: str
    made_by: tuple[str, ...]
    records: tuple[RouteRecord, ...]
    document: dict[str, Any]
    notes: tuple[str, ...]


def rescored(run: FinishedRun, rules: str) -> Rescored:
    """Score a finished run by a rule set.

    Records that the rule set itself may have made keep their scores to the last digit. For all
    others the penalty is computed from the events. A share outside the lanes, which messages round
    to two digits, is then taken from the recorded penalty where that tells it more exactly.

    Args:
        run: the finished run.
        rules: name of a rule set.

    Raises:
        UsageError: there is no such rule set.
    """
    rule_set = RULE_SETS[rules]
    made_by = tuple(name for name in run.rules if name in RULE_SETS and _fits(run, RULE_SETS[name]))
    if rules in made_by:
        records = tuple(route.record for route in run.routes)
        notes: tuple[str, ...] = ()
    else:
        ids = _route_ids(run.routes, rule_set)
        pairs = zip(run.routes, ids, strict=True)
        records = tuple(_record(run, route, name, rules, made_by) for route, name in pairs)
        notes = tuple(_notes(run, rules, made_by))
    document = rule_set.results.document(records, run.total, run.sensors, finished=True)
    if rules in made_by and run.global_record:
        notes = tuple(_keep_recorded(document["_checkpoint"]["global_record"], run.global_record))
    if rule_set.names is not None:
        checkpoint = document["_checkpoint"]
        checkpoint["records"] = [
            rule_set.names(record, route.beside)
            for record, route in zip(checkpoint["records"], run.routes, strict=True)
        ]
    said = tuple(dict.fromkeys((*run.notes, *notes)))
    return Rescored(rules, made_by, records, document, said)


def _keep_recorded(computed: dict[str, Any], recorded: Mapping[str, Any]) -> Iterator[str]:
    """Put the file's own numbers in the place of those that differ only by the rounding of floating
    point, and tell which differ by more.
    """
    for key, value in computed.items():
        theirs = recorded.get(key)
        if isinstance(value, dict):
            yield from _keep_recorded(value, theirs if isinstance(theirs, dict) else {})
        elif _is_number(value) and _is_number(theirs):
            if math.isclose(value, theirs, rel_tol=_SAME, abs_tol=_SAME):
                computed[key] = theirs
            else:
                yield (
                    f"the file's own {key} of all routes is {theirs:.9g}, and its records make "
                    f"{value:.9g}"
                )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def _fits(run: FinishedRun, rules: RuleSet) -> bool:
    """Whether the rule set makes the recorded penalties of the events."""
    return all(_makes(rules, route) for route in run.routes)


def _makes(rules: RuleSet, route: FinishedRoute) -> bool:
    recorded, slack = route.record.scores.score_penalty, rules.results.routes.rounding + _EQUAL
    by = 0.0 if route.exact else _ROUNDED_BY
    worst = rules.penalty([_moved(event, by) for event in route.events])
    best = rules.penalty([_moved(event, -by) for event in route.events])
    return worst - slack <= recorded <= best + slack


def _moved(event: Event, by: float) -> Event:
    if event.kind is not _OUTSIDE or event.percentage is None:
        return event
    return replace(event, percentage=min(max(event.percentage + by, 0.0), 100.0))


def _record(
    run: FinishedRun, route: FinishedRoute, route_id: str, rules: str, made_by: Sequence[str]
) -> RouteRecord:
    rule_set, old = RULE_SETS[rules], route.record
    events = route.events
    if made_by and not route.exact:
        events = _sharpened(route, RULE_SETS[made_by[0]])
    length_m = old.meta.route_length
    if route.planned is not None:
        length_m = rule_set.results.length_m(route.planned)
    return make_record(
        index=old.index,
        route_id=route_id,
        events=[event for event in events if not _of_other_checkpoints(run, rule_set, event)],
        completion_percent=old.scores.score_route,
        penalty=rule_set.penalty,
        meta=RouteMeta(**{**old.meta.model_dump(), "route_length": length_m}),
        failure=route.failure,
        form=rule_set.results.routes,
    )


def _of_other_checkpoints(run: FinishedRun, rules: RuleSet, event: Event) -> bool:
    """Whether an event would cost what the rule set's own checkpoints might not."""
    return (
        event.kind is _MIN_SPEED
        and _checkpoints(run.rules) != rules.min_speed_checkpoints
        and rules.penalty([replace(event, percentage=0.0)]) < 1
    )


def _checkpoints(names: Sequence[str]) -> int:
    """At how many checkpoints the rule sets measure min speed; 0 at none."""
    return max(RULE_SETS[name].min_speed_checkpoints if name in RULE_SETS else 0 for name in names)


def _sharpened(route: FinishedRoute, source: RuleSet) -> tuple[Event, ...]:
    """The events, with the share outside the lanes that the recorded penalty tells: to more digits
    than its message, unless the message is exact already.
    """
    scores = route.record.scores
    outside = [event for event in route.events if event.kind is _OUTSIDE]
    form = source.results.routes
    said = form.scores(scores.score_route, source.penalty(route.events))
    if len(outside) != 1 or _equal(said, scores):
        return route.events
    recorded = scores.score_penalty
    if form.rounding and scores.score_route > 1:
        recorded = scores.score_composed / scores.score_route  # it was rounded to as many digits
    without = source.penalty([event for event in route.events if event.kind is not _OUTSIDE])
    if without <= 0:
        return route.events
    share, told = 100 * (1 - recorded / without), outside[0]
    low, high = _moved(told, -_ROUNDED_BY).percentage, _moved(told, _ROUNDED_BY).percentage
    assert low is not None
    assert high is not None
    sharp = replace(told, percentage=min(max(share, low), high))
    return tuple(sharp if event is told else event for event in route.events)


def _equal(one: Scores, other: Scores) -> bool:
    return math.isclose(
        one.score_penalty, other.score_penalty, rel_tol=_EQUAL, abs_tol=_EQUAL
    ) and math.isclose(one.score_composed, other.score_composed, rel_tol=_EQUAL, abs_tol=_EQUAL)


def _route_ids(routes: Sequence[FinishedRoute], rules: RuleSet) -> list[str]:
    """Route ids as the rule set writes them: with the number of the repeat, or without."""
    names = [_REPEAT.sub("", route.record.route_id) for route in routes]
    if not rules.results.routes.numbers_repeats:
        return names
    seen: Counter[str] = Counter()
    numbered = []
    for route, name in zip(routes, names, strict=True):
        old = route.record.route_id
        numbered.append(old if old != name else f"{name}_rep{seen[name]}")
        seen[name] += 1
    return numbered


def _notes(run: FinishedRun, rules: str, made_by: Sequence[str]) -> Iterator[str]:
    """What is not known of the run under a rule set that did not make it."""
    form = RULE_SETS[rules].results.routes
    source = made_by or run.rules
    if not made_by:
        yield (
            f"the recorded penalties are not what {' or '.join(run.rules)} makes of the messages: "
            "scores are computed from the messages alone"
        )
    counts = Counter(event.kind for route in run.routes for event in route.events)
    left_out = [
        f"{count} {kind.value}"
        for kind, count in counts.items()
        if kind not in form.kinds and kind is not EventKind.ROUTE_COMPLETED
    ]
    if left_out:
        yield f"no infractions in {rules}, and left out: {', '.join(left_out)}"
    here, there = _checkpoints(source), RULE_SETS[rules].min_speed_checkpoints
    if there and not here:
        yield (
            f"{' or '.join(source)} does not watch speed beside the traffic, emergency vehicles "
            f"and scenario timeouts: what they would cost under {rules} is not known, and nothing "
            "is counted"
        )
    left = sum(
        _of_other_checkpoints(run, RULE_SETS[rules], event)
        for route in run.routes
        for event in route.events
    )
    if left and there:
        yield (
            f"{left} min speed events are left out: {rules} measures {there} checkpoints and "
            f"{' or '.join(source)} {here}, so one cannot be known from the other"
        )
    if any(route.planned is None for route in run.routes):
        yield "lengths of routes are those of the file, so rates per kilometre are of these"
