"""Events as infractions, under the leaderboard's keys."""

from __future__ import annotations

from collections.abc import Iterable

from auxdrive_eval.criteria.base import Event, EventKind

LEADERBOARD_1_KINDS: tuple[EventKind, ...] = (
    EventKind.COLLISION_PEDESTRIAN,
    EventKind.COLLISION_VEHICLE,
    EventKind.COLLISION_LAYOUT,
    EventKind.RED_LIGHT,
    EventKind.STOP_SIGN,
    EventKind.OUTSIDE_ROUTE_LANES,
    EventKind.ROUTE_DEVIATION,
    EventKind.ROUTE_TIMEOUT,
    EventKind.VEHICLE_BLOCKED,
)
"""What leaderboard 1.0 counts as infractions."""


def infractions_of(
    events: Iterable[Event], kinds: Iterable[EventKind] = LEADERBOARD_1_KINDS
) -> dict[str, list[str]]:
    """Messages of the events, in their order, by the leaderboard's infraction key. Every key is
    present.

    Args:
        events: what the criteria observed. Those of other kinds are left out.
        kinds: which are infractions, in the order of the keys.
    """
    infractions: dict[str, list[str]] = {kind.value: [] for kind in kinds}
    for event in events:
        if event.kind.value in infractions:
            infractions[event.kind.value].append(event.message)
    return infractions
