"""Events as infractions, under the leaderboard's keys."""

from __future__ import annotations

from collections.abc import Iterable

from auxdrive_eval.criteria.base import Event, EventKind

INFRACTION_KINDS: tuple[EventKind, ...] = tuple(
    kind for kind in EventKind if kind is not EventKind.ROUTE_COMPLETED
)


def infractions_of(events: Iterable[Event]) -> dict[str, list[str]]:
    """Messages of the events, in their order, by the leaderboard's infraction key. Every key is
    present.
    """
    infractions: dict[str, list[str]] = {kind.value: [] for kind in INFRACTION_KINDS}
    for event in events:
        if event.kind in INFRACTION_KINDS:
            infractions[event.kind.value].append(event.message)
    return infractions
