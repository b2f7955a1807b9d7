"""The order in which the leaderboards meet events."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from auxdrive_eval.criteria import Event, EventKind

_MET_IN_ORDER: tuple[tuple[EventKind, ...], ...] = (
    (EventKind.OUTSIDE_ROUTE_LANES,),
    (EventKind.COLLISION_LAYOUT, EventKind.COLLISION_PEDESTRIAN, EventKind.COLLISION_VEHICLE),
    (EventKind.RED_LIGHT,),
    (EventKind.STOP_SIGN,),
    (EventKind.MIN_SPEED,),
    (EventKind.YIELD_TO_EMERGENCY, EventKind.SCENARIO_TIMEOUT),
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
