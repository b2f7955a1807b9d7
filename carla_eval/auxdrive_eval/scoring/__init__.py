"""Scoring: events to infractions, penalty and scores of a route; routes to the leaderboard's results document. Pure functions."""

from auxdrive_eval.scoring.penalty import infractions_of, leaderboard1_penalty
from auxdrive_eval.scoring.records import RouteMeta, RouteRecord, Scores, make_record, route_status
from auxdrive_eval.scoring.summary import LABELS, entry_status, global_record, results_document, values_of

__all__ = [
    "LABELS",
    "RouteMeta",
    "RouteRecord",
    "Scores",
    "entry_status",
    "global_record",
    "infractions_of",
    "leaderboard1_penalty",
    "make_record",
    "results_document",
    "route_status",
    "values_of",
]
