"""Events to infractions and to the penalty (leaderboard 1.0, StatisticsManager)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from auxdrive_eval.criteria.base import Event, EventKind

INFRACTION_KINDS: tuple[EventKind, ...] = tuple(
    kind for kind in EventKind if kind is not EventKind.ROUTE_COMPLETED
)

# Factor of each infraction; the share outside the lanes is handled apart, and what stops a route
# costs the rest of it but no factor.
LEADERBOARD1_FACTORS: dict[EventKind, float] = {
    EventKind.COLLISION_PEDESTRIAN: 0.50,
    EventKind.COLLISION_VEHICLE: 0.60,
    EventKind.COLLISION_LAYOUT: 0.65,
    EventKind.RED_LIGHT: 0.70,
    EventKind.STOP_SIGN: 0.80,
}


def infractions_of(events: Iterable[Event]) -> dict[str, list[str]]:
    """Messages by the leaderboard's infraction key, every key present, in the events' order."""
    infractions: dict[str, list[str]] = {kind.value: [] for kind in INFRACTION_KINDS}
    for event in events:
        if event.kind in INFRACTION_KINDS:
            infractions[event.kind.value].append(event.message)
    return infractions


def leaderboard1_penalty(events: Iterable[Event]) -> float:
    """The product of the factors of all infractions and of (1 - share outside the lanes), 0..1.

    The factors are multiplied in ascending order, so that the order of the events cannot change the
    last bit.
    """
    return math.prod(sorted(_factor(event) for event in events))


def _factor(event: Event) -> float:
    if event.kind is EventKind.OUTSIDE_ROUTE_LANES:
        assert event.percentage is not None
        return 1 - event.percentage / 100
    return LEADERBOARD1_FACTORS.get(event.kind, 1.0)
