"""All routes together, exactly as leaderboard 1.0 computes it: global record, labels, values, entry
status, document.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from auxdrive.geometry import euclidean, polyline_length

from auxdrive_eval.route import Route
from auxdrive_eval.scoring.infractions import LEADERBOARD_1_KINDS
from auxdrive_eval.scoring.records import (
    COMPLETED,
    FAILED,
    LEADERBOARD_1_ROUTES,
    RouteRecord,
)
from auxdrive_eval.scoring.results import SCORES, ResultForm, added

LABELLED_INFRACTIONS: tuple[tuple[str, str, str], ...] = (
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
"""Those of the infractions that every leaderboard counts, in the order of all of them."""
LABELLED: tuple[tuple[str, str, str], ...] = (
    ("Avg. driving score", "scores", "score_composed"),
    ("Avg. route completion", "scores", "score_route"),
    ("Avg. infraction penalty", "scores", "score_penalty"),
    *LABELLED_INFRACTIONS,
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
    status = COMPLETED if all(record.status == COMPLETED for record in records) else FAILED
    meta: dict[str, Any] = {
        "duration_game": added(record.meta.duration_game for record in records),
        "duration_system": added(record.meta.duration_system for record in records),
        "total_length": added(record.meta.route_length for record in records),
    }
    exceptions = [
        [record.route_id, record.index, record.status]
        for record in records
        if record.status != COMPLETED
    ]
    if exceptions:
        meta["exceptions"] = exceptions
    return {
        "index": -1,
        "infractions": {kind.value: _per_km(records, kind.value) for kind in LEADERBOARD_1_KINDS},
        "meta": meta,
        "route_id": -1,
        "scores": {
            name: added(getattr(record.scores, name) for record in records) / total_routes
            for name in SCORES
        },
        "scores_std_dev": {
            name: _deviation([getattr(record.scores, name) for record in records], total_routes)
            for name in SCORES
        },
        "status": status,
    }


def _per_km(records: Sequence[RouteRecord], kind: str) -> float:
    return added(
        len(record.infractions[kind]) / km for record in records if (km := _driven_km(record)) > 0
    )


def drive_rate(record: RouteRecord, kind: str, total_routes: int) -> tuple[float, float]:
    """What a drive adds to the number of an infraction, which is a sum; see `ResultForm`.

    Args:
        record: of the drive.
        kind: key of the infraction.
        total_routes: number of all drives.
    """
    km = _driven_km(record)
    return (total_routes * len(record.infractions[kind]) / km if km > 0 else 0.0), 1.0


def _driven_km(record: RouteRecord) -> float:
    return record.scores.score_route / 100 * record.meta.route_length / 1000


def _deviation(values: Sequence[float], total_routes: int) -> float | str:
    """Routes that are missing count as 0 in the mean, and add nothing to the squares."""
    if total_routes < 2:
        return "NaN"
    mean = added(values) / total_routes
    squares = added(math.pow(value - mean, 2) for value in values)
    return math.sqrt(squares / (total_routes - 1))


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


def through_keypoints_m(route: Route) -> float:
    """The length of a route in leaderboard 1.0: that through its sparse keypoints, metres."""
    return float(polyline_length(np.array(route.keypoints), euclidean))


LEADERBOARD_1_RESULTS = ResultForm(
    routes=LEADERBOARD_1_ROUTES,
    length_m=through_keypoints_m,
    global_record=global_record,
    means="scores",
    labelled=LABELLED,
    document=results_document,
    sort_keys=True,
    drive_rate=drive_rate,
    rates="per km, summed",
    rates_note=(
        "Per km as leaderboard 1.0 counts: summed over routes, each route's number divided by its "
        "driven kilometres, which are its completion of the length in the table of routes: that "
        "through the keypoints, as leaderboard 1.0 measures it."
    ),
)
