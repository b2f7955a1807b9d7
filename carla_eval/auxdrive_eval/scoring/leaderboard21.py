"""The rule set of leaderboard 2.1: the infractions' costs are added, and the penalty falls with
their sum.
"""

from __future__ import annotations

from collections.abc import Iterable

from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.scoring.as_met import as_met
from auxdrive_eval.scoring.leaderboard2 import (
    MIN_SPEED_CHECKPOINTS,
    UNWATCHED,
    RoundedCompletion,
    criteria_of,
    percentage_of,
    slowness_of,
)
from auxdrive_eval.scoring.rule_sets import RuleSet
from auxdrive_eval.scoring.summary_2 import LEADERBOARD_2_RESULTS

COSTS: dict[EventKind, float] = {
    EventKind.COLLISION_PEDESTRIAN: 1.0,
    EventKind.COLLISION_VEHICLE: 0.7,
    EventKind.COLLISION_LAYOUT: 0.6,
    EventKind.RED_LIGHT: 0.4,
    EventKind.STOP_SIGN: 0.25,
    EventKind.SCENARIO_TIMEOUT: 0.4,
    EventKind.YIELD_TO_EMERGENCY: 0.4,
}
SLOWEST_COST = 0.4
"""The cost of a checkpoint at which the ego stood while the traffic moved."""


def penalty_of(events: Iterable[Event]) -> float:
    """(1 - share outside the lanes) / (1 + the costs of all other infractions), 0..1.

    Args:
        events: of a route, in the order of time.
    """
    inside, cost = 1.0, 0.0
    for event in as_met(events):
        if event.kind is EventKind.OUTSIDE_ROUTE_LANES:
            inside *= 1 - percentage_of(event) / 100
        elif event.kind is EventKind.MIN_SPEED:
            cost += SLOWEST_COST * slowness_of(event)
        else:
            cost += COSTS[event.kind]
    return inside * (1 / (1 + cost))


LEADERBOARD_2_1 = RuleSet(
    criteria_of,
    RoundedCompletion,
    penalty_of,
    LEADERBOARD_2_RESULTS,
    UNWATCHED,
    MIN_SPEED_CHECKPOINTS,
)
