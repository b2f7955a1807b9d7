"""All routes together, exactly as leaderboard 1.0 computes it: global record, labels, values, entry
status, document.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from auxdrive_eval.scoring.infractions import INFRACTION_KINDS
from auxdrive_eval.scoring.records import RouteRecord

_SCORES = ("score_composed", "score_penalty", "score_route")
_SHOWN = (
    ("score_composed", "driving score, of 100", 2),
    ("score_route", "route completion, %", 1),
    ("score_penalty", "penalty factor", 3),
)

LABELLED: tuple[tuple[str, str, str], ...] = (
    ("Avg. driving score", "scores", "score_composed"),
    ("Avg. route completion", "scores", "score_route"),
    ("Avg. infraction penalty", "scores", "score_penalty"),
    ("Collisions with pedestrians", "infractions", "collisions_pedestrian"),
    ("Collisions with vehicles", "infractions", "collisions_vehicle"),
    ("Collisions with layout", "infractions", "collisions_layout"),
    ("Red lights infractions", "infractions", "red_light"),
    ("Stop sign infractions", "infractions", "stop_infraction"),
    ("Off-road infractions", "infractions", "outside_route_lanes"),
    ("Route deviations", "infractions", "route_dev"),
    ("Route timeouts", "infractions", "route_timeout"),
    ("Agent blocked", "infractions", "vehicle_blocked"),
)
"""A label of the document, and where its value stands in the global record."""
LABELS: tuple[str, ...] = tuple(label for label, _, _ in LABELLED)


def global_record(records: Sequence[RouteRecord], total_routes: int) -> dict[str, Any]:
    """`_checkpoint.global_record`.

    Scores are means over `total_routes`. Their standard deviations divide by n - 1; for a single
    route they are the string 'NaN'. The number of an infraction is the SUM over routes of (count /
    kilometres driven on that route), not a mean; routes of which nothing was driven are left out.

    Args:
        records: of the drives that are finished.
        total_routes: number of all drives; each repeat of a route counts.
    """
    status = "Completed" if all(record.status == "Completed" for record in records) else "Failed"
    meta: dict[str, Any] = {
        "duration_game": sum(record.meta.duration_game for record in records),
        "duration_system": sum(record.meta.duration_system for record in records),
        "total_length": sum(record.meta.route_length for record in records),
    }
    exceptions = [
        [record.route_id, record.index, record.status]
        for record in records
        if record.status != "Completed"
    ]
    if exceptions:
        meta["exceptions"] = exceptions
    return {
        "index": -1,
        "infractions": {
            kind.value: sum(_per_km(record, kind.value) for record in records)
            for kind in INFRACTION_KINDS
        },
        "meta": meta,
        "route_id": -1,
        "scores": {
            name: sum(getattr(record.scores, name) for record in records) / total_routes
            for name in _SCORES
        },
        "scores_std_dev": {
            name: _deviation([getattr(record.scores, name) for record in records], total_routes)
            for name in _SCORES
        },
        "status": status,
    }


def _per_km(record: RouteRecord, kind: str) -> float:
    driven_km = record.scores.score_route / 100 * record.meta.route_length / 1000
    return len(record.infractions[kind]) / driven_km if driven_km > 0 else 0.0


def _deviation(values: Sequence[float], total_routes: int) -> float | str:
    if total_routes < 2 or len(values) < 2:
        return "NaN"
    return statistics.stdev(values)


def over_repeats(records: Sequence[RouteRecord], repeats: int) -> dict[str, Any]:
    """The benchmark's scores over its repeats, as papers report them: the mean and standard
    deviation of the repeats' means over the routes.

    Args:
        records: `repeats` records of each route, one after the other.
        repeats: how often each route was driven, 2 or more; once gives "NaN" as deviation.
    """
    runs = {
        name: [
            _mean([getattr(record.scores, name) for record in records[start::repeats]])
            for start in range(repeats)
        ]
        for name in _SCORES
    }
    return {
        "repeats": repeats,
        "scores_of_each": runs,
        "scores_mean": {name: _mean(values) for name, values in runs.items()},
        "scores_std_dev": {name: _deviation(values, repeats) for name, values in runs.items()},
    }


def scores_in_words(document: dict[str, Any]) -> list[tuple[str, str]]:
    """The scores of a finished document in words.

    If routes were repeated, the deviation is that of the benchmark over its repeats, as papers
    report it, and the words also give the deviation over all drives.

    Returns:
        For each score: its value with its deviation, and what they describe.
    """
    return [_in_words(document, name, label, digits) for name, label, digits in _SHOWN]


def _in_words(document: dict[str, Any], name: str, label: str, digits: int) -> tuple[str, str]:
    record, drives = (
        document["_checkpoint"]["global_record"],
        len(document["_checkpoint"]["records"]),
    )
    mean, over_drives = record["scores"][name], record["scores_std_dev"][name]
    repeated = document.get("auxdrive", {}).get("over_repeats")
    if isinstance(over_drives, str):
        return f"{mean:.{digits}f}", label
    if repeated is None:
        return f"{mean:.{digits}f} ± {over_drives:.{digits}f}", f"{label} (± over {drives} routes)"
    deviation = repeated["scores_std_dev"][name]
    said = (
        f"± over {repeated['repeats']} repeats of the benchmark; ± {over_drives:.{digits}f} over "
        f"the {drives} drives"
    )
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}", f"{label} ({said})"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def values_of(record: dict[str, Any]) -> list[str]:
    """The document's `values`: twelve strings with three decimals, in the order of `LABELS`."""
    return [f"{record[group][key]:.3f}" for _, group, key in LABELLED]


def entry_status(records: Sequence[RouteRecord], progress: tuple[int, int]) -> tuple[str, bool]:
    """What the leaderboard says of a finished evaluation as a whole.

    Args:
        records: of its drives.
        progress: the document's `progress`: how many drives are done, and of how many.

    Returns:
        The document's `entry_status` and `eligible`. Without all records an evaluation is not
        eligible.
    """
    done, total = progress
    if len(records) != total or done != total:
        return "Finished with missing data", False
    if any("Agent" in record.status for record in records):
        return "Finished with agent errors", True
    return "Finished", True


def results_document(
    records: Sequence[RouteRecord], total_routes: int, sensors: Sequence[str], *, finished: bool
) -> dict[str, Any]:
    """The whole results document. Until all routes are driven its status is 'Started', and it has
    no global record.

    Args:
        records: of the drives that are finished so far, in order.
        total_routes: number of all drives; each repeat of a route counts.
        sensors: the leaderboard's names of the agent's sensors, such as "carla_camera".
        finished: whether all drives are done.

    Returns:
        The document as JSON's types, with the leaderboard's own keys.
    """
    progress = (len(records), total_routes)
    document: dict[str, Any] = {
        "_checkpoint": {
            "global_record": {},
            "progress": list(progress),
            "records": [record.model_dump() for record in records],
        },
        "eligible": False,
        "entry_status": "Started",
        "labels": [],
        "sensors": list(sensors),
        "values": [],
    }
    if finished:
        summary = global_record(records, total_routes)
        status, eligible = entry_status(records, progress)
        document["_checkpoint"]["global_record"] = summary
        document |= {
            "eligible": eligible,
            "entry_status": status,
            "labels": list(LABELS),
            "values": values_of(summary),
        }
    return document
