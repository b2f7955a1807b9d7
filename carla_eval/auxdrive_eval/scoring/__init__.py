"""Scoring: events to infractions, penalty and scores of a route; routes to the leaderboard's
results document. Pure functions.
"""

from auxdrive_eval.scoring.penalty import infractions_of, leaderboard1_penalty
from auxdrive_eval.scoring.records import (
    AGENT_FAILURES,
    CRASHED,
    SET_UP,
    RouteMeta,
    RouteRecord,
    Scores,
    make_record,
    route_status,
)
from auxdrive_eval.scoring.summary import (
    LABELS,
    entry_status,
    global_record,
    over_repeats,
    results_document,
    scores_in_words,
    values_of,
)

__all__ = [
    "AGENT_FAILURES",
    "CRASHED",
    "LABELS",
    "SET_UP",
    "RouteMeta",
    "RouteRecord",
    "Scores",
    "entry_status",
    "global_record",
    "infractions_of",
    "leaderboard1_penalty",
    "make_record",
    "over_repeats",
    "results_document",
    "route_status",
    "scores_in_words",
    "values_of",
]
