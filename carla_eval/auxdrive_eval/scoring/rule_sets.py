"""What a rule set is: which criteria watch a route, and what their events cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from auxdrive_eval.criteria import Criterion, Event, RouteCompletion
from auxdrive_eval.world import Route


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A way to judge a route.

    Attributes:
        criteria: makes the criteria of a route, without the completion, which every rule set
            measures.
        completion: makes the measure of how much of a route was driven.
        penalty: events of a route to its factor, 0..1.
    """

    criteria: Callable[[Route], tuple[Criterion, ...]]
    completion: Callable[[Route], RouteCompletion]
    penalty: Callable[[Sequence[Event]], float]
