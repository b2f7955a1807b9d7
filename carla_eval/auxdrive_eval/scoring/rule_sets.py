"""Rule sets: which criteria watch a route, and what their events cost. One table; the command
line's choice derives from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from auxdrive.errors import UsageError, unknown_name

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
from auxdrive_eval.scoring import leaderboard1_penalty
from auxdrive_eval.world import Route


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A named way to judge a route.

    Attributes:
        criteria: makes the criteria of a route, without the completion, which every rule set
            measures.
        penalty: events of a route to its factor, 0..1.
    """

    name: str
    criteria: Callable[[Route], tuple[Criterion, ...]]
    completion: Callable[[Route], RouteCompletion]
    penalty: Callable[[Sequence[Event]], float]


def _leaderboard1(route: Route) -> tuple[Criterion, ...]:
    return (
        RouteTimeout(route),
        Collision(),
        InRoute(route),
        OutsideRouteLanes(route),
        RedLight(),
        StopSign(),
        Blocked(),
    )


RULE_SETS: dict[str, RuleSet] = {
    "1.0": RuleSet("1.0", _leaderboard1, RouteCompletion, leaderboard1_penalty)
}


def rule_set(name: str) -> RuleSet:
    """The rule set of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in RULE_SETS:
        raise UsageError(unknown_name("rule set", name, RULE_SETS))
    return RULE_SETS[name]
