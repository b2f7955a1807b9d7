"""The rule set of leaderboard 1.0: its criteria, and the penalty of their events (as in the
leaderboard's StatisticsManager).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from auxdrive_eval.criteria import (
    Blocked,
    Collision,
    Criterion,
    Event,
    EventKind,
    InRoute,
    OutsideRouteLanes,
    RedLight,
    RouteCompletion,
    RouteTimeout,
    StopSign,
)
from auxdrive_eval.route import Route
from auxdrive_eval.scoring.as_met import as_met
from auxdrive_eval.scoring.rule_sets import RuleSet

# Factor of each infraction. The share outside the lanes is handled below. Events that end a route
# have no factor: they cost the rest of the route.
FACTORS: dict[EventKind, float] = {
    EventKind.COLLISION_PEDESTRIAN: 0.50,
    EventKind.COLLISION_VEHICLE: 0.60,
    EventKind.COLLISION_LAYOUT: 0.65,
    EventKind.RED_LIGHT: 0.70,
    EventKind.STOP_SIGN: 0.80,
}

RED_LINE_REACH = 0.4
"""To either side of the lane's centre, in widths of the lane (scenario_runner, leaderboard-1.0)."""


def criteria_of(route: Route) -> tuple[Criterion, ...]:
    """The criteria that watch a route."""
    return (
        RouteTimeout(route),
        Collision(),
        InRoute(route),
        OutsideRouteLanes(route),
        RedLight(RED_LINE_REACH),
        StopSign(),
        Blocked(),
    )


def penalty_of(events: Iterable[Event]) -> float:
    """The product of the factors of all infractions and of (1 - share outside the lanes), 0..1.

    The factors are multiplied as the leaderboard does, so that the result is its to the last bit.
    """
    return math.prod(_factor(event) for event in as_met(events))


def _factor(event: Event) -> float:
    if event.kind is EventKind.OUTSIDE_ROUTE_LANES:
        assert event.percentage is not None
        return 1 - event.percentage / 100
    return FACTORS.get(event.kind, 1.0)


LEADERBOARD_1 = RuleSet(criteria_of, RouteCompletion, penalty_of)
