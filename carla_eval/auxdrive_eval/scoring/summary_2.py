"""The records and results of leaderboards 2.0 and 2.1, exactly as they compute, round and order
them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from auxdrive_eval.criteria.base import Event, EventKind
from auxdrive_eval.route import Route
from auxdrive_eval.scoring.records import (
    COMPLETED,
    FAILED,
    PERFECT,
    SENSORS_INVALID,
    SIMULATION_CRASHED,
    RouteForm,
    RouteMeta,
    RouteRecord,
    Scores,
    failed_status,
)
from auxdrive_eval.scoring.results import ResultForm, added
from auxdrive_eval.scoring.summary import LABELLED_INFRACTIONS

_DIGITS, _SCORE_DIGITS = 3, 6
_WHOLE = 100.0
_LEAST_KM = 0.001
_METRES_WORD = 8
"""Which word of the message of `OUTSIDE_ROUTE_LANES` is the distance in metres."""
_MEANS = ("score_composed", "score_route", "score_penalty")

LEADERBOARD_2_KINDS: tuple[EventKind, ...] = (
    EventKind.COLLISION_LAYOUT,
    EventKind.COLLISION_PEDESTRIAN,
    EventKind.COLLISION_VEHICLE,
    EventKind.RED_LIGHT,
    EventKind.STOP_SIGN,
    EventKind.OUTSIDE_ROUTE_LANES,
    EventKind.MIN_SPEED,
    EventKind.YIELD_TO_EMERGENCY,
    EventKind.SCENARIO_TIMEOUT,
    EventKind.ROUTE_DEVIATION,
    EventKind.VEHICLE_BLOCKED,
    EventKind.ROUTE_TIMEOUT,
)

LABELLED_2: tuple[tuple[str, str, str], ...] = (
    ("Avg. driving score", "scores_mean", "score_composed"),
    ("Avg. route completion", "scores_mean", "score_route"),
    ("Avg. infraction penalty", "scores_mean", "score_penalty"),
    *LABELLED_INFRACTIONS,
    ("Yield emergency vehicles infractions", "infractions", "yield_emergency_vehicle_infractions"),
    ("Scenario timeouts", "infractions", "scenario_timeouts"),
    ("Min speed infractions", "infractions", "min_speed_infractions"),
)


def scores_2(completion_percent: float, penalty: float) -> Scores:
    """The scores of a route; each is rounded to six digits by itself.

    Args:
        completion_percent: how much of the route was driven, 0..100.
        penalty: the rule set's factor, 0..1, not rounded.
    """
    return Scores(
        score_composed=round(max(completion_percent * penalty, 0.0), _SCORE_DIGITS),
        score_penalty=round(penalty, _SCORE_DIGITS),
        score_route=round(completion_percent, _SCORE_DIGITS),
    )


def status_2(events: Sequence[Event], completion_percent: float, failure: str) -> str:
    """'Perfect' without infractions, 'Completed', 'Failed', or 'Failed - <reason>'.

    Args:
        events: what the criteria observed.
        completion_percent: how much of the route was driven; 100 is a completed route.
        failure: the reason if something else than the criteria ended the route; empty if nothing
            did.
    """
    if completion_percent < _WHOLE:
        return failed_status(events, failure)
    infractions = any(event.kind in LEADERBOARD_2_KINDS for event in events)
    return COMPLETED if infractions else PERFECT


def _meta_2(meta: RouteMeta) -> RouteMeta:
    return RouteMeta(**{name: round(value, _DIGITS) for name, value in meta.model_dump().items()})


def record_2(record: RouteRecord) -> dict[str, Any]:
    """An entry of `_checkpoint.records`, with the keys in the order of the leaderboard's file.

    Args:
        record: of a route, in the form `LEADERBOARD_2_ROUTES`.
    """
    scores, meta = record.scores, record.meta
    return {
        "index": record.index,
        "route_id": record.route_id,
        "status": record.status,
        "num_infractions": sum(len(messages) for messages in record.infractions.values()),
        "infractions": {kind.value: record.infractions[kind.value] for kind in LEADERBOARD_2_KINDS},
        "scores": {
            # the leaderboard's own is an integer there
            "score_route": 100 if scores.score_route == _WHOLE else scores.score_route,
            "score_penalty": scores.score_penalty,
            "score_composed": scores.score_composed,
        },
        "meta": {
            "route_length": meta.route_length,
            "duration_game": meta.duration_game,
            "duration_system": meta.duration_system,
        },
    }


def global_record_2(records: Sequence[RouteRecord], total_routes: int) -> dict[str, Any]:
    """`_checkpoint.global_record`.

    Scores are means over `total_routes`, rounded to six digits; their standard deviations divide by
    n - 1 and are 0 for a single route. The number of an infraction is its count on all routes
    divided by all kilometres driven; off-road is the kilometres driven off the road themselves.

    Args:
        records: of the drives that are finished.
        total_routes: number of all drives; each repeat of a route counts.
    """
    means = {
        name: round(
            added(getattr(record.scores, name) / total_routes for record in records), _SCORE_DIGITS
        )
        for name in _MEANS
    }
    km = max(added(_driven_km(record) for record in records), _LEAST_KM)
    exceptions = [
        [record.route_id, record.index, record.status]
        for record in records
        if FAILED in record.status
    ]
    return {
        "index": -1,
        "route_id": -1,
        "status": _status_of_all([record.status for record in records]),
        "infractions": {
            kind.value: round(_number(records, kind, km), _DIGITS) for kind in LEADERBOARD_2_KINDS
        },
        "scores_mean": means,
        "scores_std_dev": {
            name: _deviation_2(
                [getattr(record.scores, name) for record in records], means[name], total_routes
            )
            for name in _MEANS
        },
        "meta": {
            "total_length": added(record.meta.route_length for record in records),
            "duration_game": added(record.meta.duration_game for record in records),
            "duration_system": added(record.meta.duration_system for record in records),
            "exceptions": exceptions,
        },
    }


def _status_of_all(statuses: Sequence[str]) -> str:
    if any(FAILED in status for status in statuses):
        return FAILED
    return next((status for status in statuses if status != PERFECT), PERFECT)


def _number(records: Sequence[RouteRecord], kind: EventKind, km: float) -> float:
    messages = [record.infractions[kind.value] for record in records]
    if kind is EventKind.OUTSIDE_ROUTE_LANES:
        return added(metres_outside(each[0]) / 1000 if each else 0.0 for each in messages)
    return added(len(each) for each in messages) / km


def drive_rate_2(record: RouteRecord, kind: str, total_routes: int) -> tuple[float, float]:
    """What a drive adds to the number of an infraction; see `ResultForm`.

    Args:
        record: of the drive.
        kind: key of the infraction.
        total_routes: number of all drives.
    """
    if kind == EventKind.OUTSIDE_ROUTE_LANES.value:
        return total_routes * _number([record], EventKind.OUTSIDE_ROUTE_LANES, 1.0), 1.0
    return len(record.infractions[kind]), _driven_km(record)


def _driven_km(record: RouteRecord) -> float:
    return record.meta.route_length / 1000 * record.scores.score_route / 100


def metres_outside(message: str) -> float:
    """The metres that a message of `OUTSIDE_ROUTE_LANES` tells.

    Args:
        message: in the leaderboard's words.

    Raises:
        ValueError: it has other words.
    """
    words = message.split(" ")
    return float(words[_METRES_WORD]) if len(words) > _METRES_WORD else float("")


def _deviation_2(values: Sequence[float], mean: float, total_routes: int) -> float:
    if total_routes == 1:
        return 0
    squares = added(math.pow(value - mean, 2) for value in values)
    return round(math.sqrt(squares / float(total_routes - 1)), _DIGITS)


def entry_status_2(records: Sequence[RouteRecord], progress: tuple[int, int]) -> tuple[str, bool]:
    """What the leaderboard says of a finished evaluation as a whole.

    Args:
        records: of its drives.
        progress: the document's `progress`: how many drives are done, and of how many.

    Returns:
        The document's `entry_status` and `eligible`; only 'Finished' is eligible.
    """
    status = "Finished"
    for record in records:
        if SIMULATION_CRASHED in record.status:
            status = "Crashed"
        elif SENSORS_INVALID in record.status:
            status = "Rejected"
    done, total = progress
    if status != "Crashed" and not done == total == len(records):
        status = "Invalid"
    return status, status == "Finished"


def results_document_2(
    records: Sequence[RouteRecord],
    total_routes: int,
    sensors: Sequence[str],
    *,
    finished: bool,
) -> dict[str, Any]:
    """The whole results document, with the keys in the order of the leaderboard's file. Until all
    routes are driven its status is 'Started', and it has no global record.

    Args:
        records: of the drives that are finished so far, in order.
        total_routes: number of all drives; each repeat of a route counts.
        sensors: the leaderboard's names of the agent's sensors, such as "carla_camera".
        finished: whether all drives are done.
    """
    progress = (len(records), total_routes)
    summary: Mapping[str, Any] = global_record_2(records, total_routes) if finished else {}
    status, eligible = entry_status_2(records, progress) if finished else ("Started", False)
    return {
        "_checkpoint": {
            "global_record": summary,
            "progress": list(progress),
            "records": [record_2(record) for record in records],
        },
        "entry_status": status,
        "eligible": eligible,
        "sensors": list(sensors),
        "values": [str(summary[group][key]) for _, group, key in LABELLED_2] if finished else [],
        "labels": [label for label, _, _ in LABELLED_2] if finished else [],
    }


def dense_length_m(route: Route) -> float:
    """The length of a route in leaderboard 2.0 and 2.1: that along its dense points, metres."""
    return round(route.length_m, _DIGITS)


LEADERBOARD_2_ROUTES = RouteForm(
    LEADERBOARD_2_KINDS,
    scores_2,
    status_2,
    _meta_2,
    record_2,
    numbers_repeats=True,
    beside=("num_infractions",),
    rounding=0.5 * 10**-_SCORE_DIGITS,
)
LEADERBOARD_2_RESULTS = ResultForm(
    routes=LEADERBOARD_2_ROUTES,
    length_m=dense_length_m,
    global_record=global_record_2,
    means="scores_mean",
    labelled=LABELLED_2,
    document=results_document_2,
    sort_keys=False,
    drive_rate=drive_rate_2,
    rates="per km driven",
    rates_note=(
        "Per km as leaderboards 2.0 and 2.1 count: the number on all routes divided by all "
        "kilometres driven. Off-road infractions are the kilometres driven off the road."
    ),
)
