"""What the rule sets of leaderboard 2.0, 2.1 and Bench2Drive share: criteria and completion."""

from __future__ import annotations

from auxdrive_eval.criteria import (
    Blocked,
    Collision,
    Criterion,
    Event,
    InRoute,
    OutsideRouteLanes,
    RedLight,
    RouteCompletion,
    RouteTimeout,
    StopSign,
)
from auxdrive_eval.world import Route

ALLOWED_OUT_M = 0.5
MIN_SPEED_CHECKPOINTS = 4
UNWATCHED = (
    "min speed, yielding to emergency vehicles and scenario timeouts are not watched; collisions, "
    "stop signs and the route's timeout are judged with the distances and times of leaderboard 1.0"
)


def percentage_of(event: Event) -> float:
    """The percentage of an event that has one."""
    assert event.percentage is not None
    return event.percentage


class RoundedCompletion(RouteCompletion):
    """Route completion, rounded to two digits at every tick."""

    digits = 2


def slowness_of(event: Event) -> float:
    """How much slower than the traffic the ego was at a checkpoint, 0..1."""
    return max(1 - percentage_of(event) / 100, 0.0)


def criteria_of(route: Route, blocked_after_s: float = 180.0) -> tuple[Criterion, ...]:
    """The criteria that watch a route.

    Args:
        route: that is driven.
        blocked_after_s: for how long the ego may stand.
    """
    return (
        RouteTimeout(route),
        Collision(),
        InRoute(route),
        OutsideRouteLanes(route, ALLOWED_OUT_M),
        RedLight(),
        StopSign(),
        Blocked(blocked_after_s),
    )
