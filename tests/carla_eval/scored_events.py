"""Events and records of routes made by hand, and an independent implementation of the penalty."""

from __future__ import annotations

import math

from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.scoring.leaderboard1 import penalty_of
from auxdrive_eval.scoring.records import RouteMeta, RouteRecord, make_record
from hypothesis import strategies as st


def event(kind: EventKind, percentage: float | None = None) -> Event:
    """An event at the start of the route; `percentage` is what was driven outside the lanes."""
    return Event(kind, f"{kind} happened", 0, 0.0, (0.0, 0.0), percentage)


events_lists = st.lists(
    st.one_of(
        st.sampled_from(
            [kind for kind in EventKind if kind is not EventKind.OUTSIDE_ROUTE_LANES]
        ).map(event),
        st.floats(0, 100).map(lambda percentage: event(EventKind.OUTSIDE_ROUTE_LANES, percentage)),
    ),
    max_size=12,
)


def twin_penalty(events: list[Event]) -> float:
    """An independent implementation, written from the table in the leaderboard's documentation,
    with logarithms.
    """
    cost = {
        "collisions_pedestrian": 0.5,
        "collisions_vehicle": 0.6,
        "collisions_layout": 0.65,
        "red_light": 0.7,
        "stop_infraction": 0.8,
    }
    logs = 0.0
    for one in events:
        if one.percentage is not None:
            if one.percentage == 100:
                return 0.0
            logs += math.log1p(-one.percentage / 100)
        else:
            logs += math.log(cost.get(one.kind.value, 1.0))
    return math.exp(logs)


def record(
    events: list[Event],
    completion: float = 100.0,
    length_m: float = 1000.0,
    index: int = 0,
    failure: str = "",
) -> RouteRecord:
    """The record of a route, of which `completion` per cent were driven."""
    meta = RouteMeta(duration_game=100.0 + index, duration_system=10.0, route_length=length_m)
    return make_record(
        index=index,
        route_id=f"RouteScenario_{index}",
        events=events,
        completion_percent=completion,
        penalty=penalty_of,
        meta=meta,
        failure=failure,
    )
