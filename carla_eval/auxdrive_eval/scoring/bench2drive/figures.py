"""Bench2Drive's driving score and success rate, from the records of a run."""

from __future__ import annotations

from collections.abc import Sequence

from auxdrive_eval.criteria.base import EventKind
from auxdrive_eval.scoring.records import SUCCEEDED, RouteRecord
from auxdrive_eval.scoring.results import added

NAME = "bench2drive"
ROUTES = 220
"""The routes of the benchmark. Its tools always divide by it, however many were driven."""


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
