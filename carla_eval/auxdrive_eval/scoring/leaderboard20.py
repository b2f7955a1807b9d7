"""The rule set of leaderboard 2.0: every infraction multiplies the penalty."""

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

FACTORS: dict[EventKind, float] = {
    EventKind.COLLISION_PEDESTRIAN: 0.50,
    EventKind.COLLISION_VEHICLE: 0.60,
    EventKind.COLLISION_LAYOUT: 0.65,
    EventKind.RED_LIGHT: 0.70,
    EventKind.STOP_SIGN: 0.80,
    EventKind.SCENARIO_TIMEOUT: 0.70,
    EventKind.YIELD_TO_EMERGENCY: 0.70,
}
SLOWEST_FACTOR = 0.7
"""The factor of a checkpoint at which the ego stood while the traffic moved."""


def penalty_of(events: Iterable[Event]) -> float:
    """The product of the factors of all infractions, of (1 - share outside the lanes), and of
    1 - 0.3 x (1 - share of the traffic's speed) for each checkpoint, 0..1.

    Args:
        events: of a route, in the order of time.
    """
    penalty = 1.0
    for event in as_met(events):
        penalty *= _factor(event)
    return penalty


def _factor(event: Event) -> float:
    if event.kind is EventKind.OUTSIDE_ROUTE_LANES:
        return 1 - percentage_of(event) / 100
    if event.kind is EventKind.MIN_SPEED:
        return 1 - (1 - SLOWEST_FACTOR) * slowness_of(event)
    return FACTORS[event.kind]


LEADERBOARD_2_0 = RuleSet(
    criteria_of,
    RoundedCompletion,
    penalty_of,
    LEADERBOARD_2_RESULTS,
    UNWATCHED,
    MIN_SPEED_CHECKPOINTS,
)
