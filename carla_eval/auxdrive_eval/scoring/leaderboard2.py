"""What the rule sets of leaderboard 2.0, 2.1 and Bench2Drive share: criteria, completion, and the
order in which they meet events.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

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
from auxdrive_eval.world import Route

_MET_IN_ORDER: tuple[tuple[EventKind, ...], ...] = (
    (EventKind.OUTSIDE_ROUTE_LANES,),
    (EventKind.COLLISION_LAYOUT, EventKind.COLLISION_PEDESTRIAN, EventKind.COLLISION_VEHICLE),
    (EventKind.RED_LIGHT,),
    (EventKind.STOP_SIGN,),
    (EventKind.MIN_SPEED,),
    (EventKind.YIELD_TO_EMERGENCY, EventKind.SCENARIO_TIMEOUT),
)
ALLOWED_OUT_M = 0.5
MIN_SPEED_CHECKPOINTS = 4
UNWATCHED = (
    "min speed, yielding to emergency vehicles and scenario timeouts are not watched; collisions, "
    "stop signs and the route's timeout are judged with the distances and times of leaderboard 1.0"
)


def as_met(events: Iterable[Event]) -> list[Event]:
    """The events that are penalised, in the order in which the leaderboard meets them: criterion by
    criterion, each in the order of time. Floating-point products and sums depend on it in the last
    digit, and so may the sixth decimal of a score.

    Args:
        events: of a route, in the order of time.
    """
    given = list(events)
    return list(
        chain.from_iterable(
            (event for event in given if event.kind in kinds) for kinds in _MET_IN_ORDER
        )
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
