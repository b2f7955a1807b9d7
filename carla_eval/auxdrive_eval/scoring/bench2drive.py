"""The rule set of Bench2Drive: the penalties of leaderboard 2.0 without min speed, and beside the
leaderboard's document the driving score and success rate over the benchmark's 220 routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from auxdrive_eval.criteria import Criterion, Event, EventKind
from auxdrive_eval.scoring.leaderboard2 import UNWATCHED, RoundedCompletion, criteria_of
from auxdrive_eval.scoring.leaderboard20 import penalty_of as penalty_2_0
from auxdrive_eval.scoring.records import SUCCEEDED, RouteRecord
from auxdrive_eval.scoring.results import added
from auxdrive_eval.scoring.rule_sets import RuleSet
from auxdrive_eval.scoring.summary_2 import LEADERBOARD_2_RESULTS, results_document_2
from auxdrive_eval.world import Route

ROUTES = 220
"""The routes of the benchmark. Its tools always divide by it, however many were driven."""
BLOCKED_AFTER_S = 60.0


def penalty_of(events: Iterable[Event]) -> float:
    """The penalty of leaderboard 2.0 without min speed, 0..1.

    Args:
        events: of a route, in the order of time.
    """
    return penalty_2_0(event for event in events if event.kind is not EventKind.MIN_SPEED)


def criteria_of_bench2drive(route: Route) -> tuple[Criterion, ...]:
    """The criteria that watch a route: those of leaderboard 2.0, but who stands for 60 s is
    blocked.

    Args:
        route: that is driven.
    """
    return criteria_of(route, BLOCKED_AFTER_S)


def succeeded(record: RouteRecord) -> bool:
    """Whether a route counts as a success: completed, and no infraction but min speed.

    Args:
        record: of the route.
    """
    return record.status in SUCCEEDED and not any(
        messages
        for kind, messages in record.infractions.items()
        if kind != EventKind.MIN_SPEED.value
    )


def merged(records: Sequence[RouteRecord], routes: int = ROUTES) -> dict[str, float]:
    """What Bench2Drive's tools say of all routes.

    Args:
        records: of the routes that were driven.
        routes: by how many is divided.
    """
    return {
        "driving score": added(record.scores.score_composed for record in records) / routes,
        "success rate": sum(succeeded(record) for record in records) / routes,
        "eval num": len(records),
    }


def results_document(
    records: Sequence[RouteRecord],
    total_routes: int,
    sensors: Sequence[str],
    *,
    finished: bool,
) -> dict[str, Any]:
    """The document of leaderboard 2.0, and behind it what Bench2Drive's tools add to the merged
    records: "driving score", "success rate" and "eval num".

    Args:
        records: of the drives that are finished so far, in order.
        total_routes: number of all drives; each repeat of a route counts.
        sensors: the leaderboard's names of the agent's sensors, such as "carla_camera".
        finished: whether all drives are done.
    """
    document = results_document_2(records, total_routes, sensors, finished=finished)
    return {**document, **(merged(records) if finished else {})}


BENCH2DRIVE = RuleSet(
    criteria_of_bench2drive,
    RoundedCompletion,
    penalty_of,
    replace(LEADERBOARD_2_RESULTS, document=results_document),
    UNWATCHED,
)
