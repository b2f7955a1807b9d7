"""The rule set of Bench2Drive: the penalties of leaderboard 2.0 without min speed, and beside the
leaderboard's document the driving score and success rate over the benchmark's 220 routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from auxdrive_eval.criteria import Criterion, Event, EventKind, MinSpeed
from auxdrive_eval.route import Route
from auxdrive_eval.scoring.bench2drive.figures import merged
from auxdrive_eval.scoring.bench2drive.report import bench2drive_report
from auxdrive_eval.scoring.leaderboard2 import UNWATCHED, RoundedCompletion, common_criteria
from auxdrive_eval.scoring.leaderboard20 import penalty_of as penalty_2_0
from auxdrive_eval.scoring.records import RouteRecord
from auxdrive_eval.scoring.rule_sets import RuleSet
from auxdrive_eval.scoring.summary_2 import LEADERBOARD_2_RESULTS, results_document_2

BLOCKED_AFTER_S = 60.0
MIN_SPEED_CHECKPOINTS = 20
LAST_TICK = 4000
_AFTER_THE_ID = ("scenario_name", "weather_id", "save_name")
_LAST = ("town_name",)


def penalty_of(events: Iterable[Event]) -> float:
    """The penalty of leaderboard 2.0 without min speed, 0..1.

    Args:
        events: of a route, in the order of time.
    """
    return penalty_2_0(event for event in events if event.kind is not EventKind.MIN_SPEED)


def criteria_of_bench2drive(route: Route) -> tuple[Criterion, ...]:
    """The criteria that watch a route: those of leaderboard 2.0, but who stands for 60 s is
    blocked, and the speed beside the traffic is told at each of more checkpoints.

    Args:
        route: that is driven.
    """
    min_speed = MinSpeed(route, MIN_SPEED_CHECKPOINTS, every=True)
    return (*common_criteria(route, BLOCKED_AFTER_S), min_speed)


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


def with_names(record: dict[str, Any], beside: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of `_checkpoint.records` with what Bench2Drive says beside it, where it stands in
    Bench2Drive's own file.

    Args:
        record: as leaderboard 2.0 writes it.
        beside: those of its keys that are known.
    """
    named: dict[str, Any] = {}
    for key, value in record.items():
        named[key] = value
        if key == "route_id":
            named |= {name: beside[name] for name in _AFTER_THE_ID if name in beside}
    return {**named, **{name: beside[name] for name in _LAST if name in beside}}


BENCH2DRIVE = RuleSet(
    criteria_of_bench2drive,
    RoundedCompletion,
    penalty_of,
    replace(LEADERBOARD_2_RESULTS, document=results_document),
    UNWATCHED,
    min_speed_checkpoints=MIN_SPEED_CHECKPOINTS,
    last_tick=LAST_TICK,
    names=with_names,
    figures=bench2drive_report,
)
