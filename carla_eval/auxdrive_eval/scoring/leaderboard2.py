"""What the rule sets of leaderboard 2.0, 2.1 and Bench2Drive share: criteria and completion."""

from __future__ import annotations

from auxdrive_eval.criteria import (
    Blocked,
    Collision,
    Criterion,
    Event,
    GrowingTimeout,
    InRoute,
    MinSpeed,
    NearStopSign,
    OutsideRouteLanes,
    RedLight,
    RouteCompletion,
    ScenarioTimeout,
)
from auxdrive_eval.route import Route

ALLOWED_OUT_M = 0.5
BLOCKED_AFTER_S = 180.0
SAME_COLLISION_M = 5.0
AT_FAULT_MPS = 0.1
NEAR_SIGN_M = 4.0
SIGN_BOX_SCALE = 1.2
TIMEOUT_S = 300.0
TIMEOUT_LIMIT_SHARE = 0.1
MIN_SPEED_CHECKPOINTS = 4
RED_LINE_REACH = 0.6
"""To either side of the lane's centre, in widths of the lane."""
UNWATCHED = (
    "yielding to emergency vehicles is not watched, and scenario timeouts only in the embedded "
    "simulator"
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


def criteria_of(route: Route) -> tuple[Criterion, ...]:
    """The criteria that watch a route."""
    return (*common_criteria(route, BLOCKED_AFTER_S), MinSpeed(route, MIN_SPEED_CHECKPOINTS))


def common_criteria(route: Route, blocked_after_s: float) -> tuple[Criterion, ...]:
    """The criteria that watch a route, except its speed beside the traffic.

    Args:
        route: that is driven.
        blocked_after_s: for how long the ego may stand.
    """
    return (
        GrowingTimeout(route, TIMEOUT_S, TIMEOUT_LIMIT_SHARE),
        Collision(SAME_COLLISION_M, AT_FAULT_MPS),
        InRoute(route),
        OutsideRouteLanes(route, ALLOWED_OUT_M, any_change_rights=False),
        RedLight(RED_LINE_REACH),
        NearStopSign(NEAR_SIGN_M, SIGN_BOX_SCALE),
        Blocked(blocked_after_s, but_in_scenarios=True),
        ScenarioTimeout(),
    )
