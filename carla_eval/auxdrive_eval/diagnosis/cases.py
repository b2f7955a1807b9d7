"""Which moments of a stored drive are looked at: those before every infraction, and every time that
the car stood for long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from auxdrive.types import AnyArray

from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.diagnosis.course import Course
from auxdrive_eval.diagnosis.kinds import OFF_LANE_M, STANDS_MPS, TAKES_OVER_S
from auxdrive_eval.driving.stored.route import StoredRoute

STOP_S = 5.0
"""A car that stands for longer is looked at: whether the expert would have driven on."""
WINDOW_S = 6.0
"""So long before an infraction the facts are gathered."""
STEP_S, STOP_STEP_S, STOP_STEPS = 0.25, 1.0, 20
"""How far apart the moments are at which they are, before infractions and during stops. Of a long
stop there are no more than so many moments, since the expert's plan is asked for at each.
"""
SHOWN_S = (4.0, 3.0, 2.0, 1.0, 0.0)
"""The moments before an infraction that are shown, with prediction and the expert's plan."""
SHOWN_OF_STOP = (0.0, 0.25, 0.5, 0.75, 1.0)
"""The same for a stop, as shares of it; also shown is when the expert would first have gone."""
BEFORE_STOP_S = 1.5
EARLIER_S, CREPT_S = 10.0, 8.0
"""Events of the seconds before, and a creeping that began in the seconds before, may explain an
infraction.
"""


@dataclass(frozen=True, slots=True)
class Case:
    """An infraction or a stop that is looked at.

    Attributes:
        event: what the criterion reported; None for a stop.
        number: of the event among those of the route, from 0; None for a stop.
        began_s: when it began.
        at_s: when it was decided; of a stop, when it ended.
        from_s: from when on it is looked at.
        stands: whether it is a stop.
        earlier: the kinds of the events shortly before, with their times.
        crept: whether a creeping that was switched on had just ended a stop.
    """

    event: Event | None
    number: int | None
    began_s: float
    at_s: float
    from_s: float
    stands: bool
    earlier: tuple[tuple[EventKind, float], ...] = ()
    crept: bool = False

    @property
    def step_s(self) -> float:
        """How far apart the moments are at which the facts are gathered."""
        if not self.stands:
            return STEP_S
        return max(STOP_STEP_S, (self.at_s - self.began_s) / STOP_STEPS)

    @property
    def shown_s(self) -> tuple[float, ...]:
        """The moments that are shown."""
        if not self.stands:
            return tuple(self.at_s - before for before in SHOWN_S if before <= self.at_s)
        length_s = self.at_s - self.began_s
        return tuple(self.began_s + share * length_s for share in SHOWN_OF_STOP)

    @property
    def taken_over_s(self) -> float | None:
        """When the expert is tried at the wheel; None where that tells nothing."""
        kinds = (EventKind.COLLISION_PEDESTRIAN, EventKind.COLLISION_VEHICLE,
                 EventKind.COLLISION_LAYOUT, EventKind.RED_LIGHT, EventKind.STOP_SIGN)  # fmt: skip
        if self.event is None or self.event.kind not in kinds:
            return None
        return max(self.at_s - TAKES_OVER_S, 0.0)


def cases_of(
    course: Course, route: StoredRoute, creep_after_s: float | None = None
) -> tuple[Case, ...]:
    """The cases of a stored drive, in the order of time.

    Args:
        course: its route.
        route: the drive.
        creep_after_s: after how long a stop the driver was made to drive on; None never was it.
    """
    stops = _stops(route.trace)
    crept_s = [
        at_s
        for began_s, at_s in stops
        if creep_after_s is not None and at_s - began_s >= creep_after_s - STOP_STEP_S
    ]
    found = list(_of_events(course, route, stops, crept_s))
    ended = [case for case in found if case.stands]
    found += [
        Case(None, None, began_s, at_s, max(began_s - BEFORE_STOP_S, 0.0), True)
        for began_s, at_s in stops
        if not any(case.began_s < at_s and began_s < case.at_s for case in ended)
    ]
    return tuple(sorted(found, key=lambda case: (case.began_s, case.at_s)))


def _of_events(
    course: Course,
    route: StoredRoute,
    stops: Sequence[tuple[float, float]],
    crept_s: Sequence[float],
) -> Iterator[Case]:
    wrong = [
        (number, event)
        for number, event in enumerate(route.events)
        if event.kind is not EventKind.ROUTE_COMPLETED
    ]
    for number, event in wrong:
        earlier = tuple(
            (other.kind, other.time_s)
            for _, other in wrong
            if 0.0 < event.time_s - other.time_s <= EARLIER_S
        )
        began_s, at_s = event.began_s, event.time_s
        stands = event.kind is EventKind.VEHICLE_BLOCKED
        if event.kind is EventKind.ROUTE_TIMEOUT:
            longest = max(stops, key=lambda stop: stop[1] - stop[0], default=None)
            stands = longest is not None
            began_s, at_s = longest or (at_s, at_s)
        elif event.kind in (EventKind.OUTSIDE_ROUTE_LANES, EventKind.STOP_SIGN):
            at_s = began_s
        elif event.kind is EventKind.ROUTE_DEVIATION:
            at_s = began_s = _left_at_s(course, route.trace, event.time_s)
        before_s = BEFORE_STOP_S if stands else WINDOW_S
        from_s = max(began_s - before_s, 0.0)
        crept = any(0.0 < at_s - ended_s <= CREPT_S for ended_s in crept_s)
        yield Case(event, number, began_s, at_s, from_s, stands, earlier, crept)


def _stops(trace: AnyArray) -> list[tuple[float, float]]:
    """When the car stood for `STOP_S` or longer: from and to, game time."""
    stands = np.concatenate(([False], trace["speed_mps"] < STANDS_MPS, [False]))
    edges = np.flatnonzero(np.diff(stands.astype(np.int8))).reshape(-1, 2)
    times = trace["time_s"]
    spans = [(float(times[first]), float(times[last - 1])) for first, last in edges]
    return [(began_s, at_s) for began_s, at_s in spans if at_s - began_s >= STOP_S]


def _left_at_s(course: Course, trace: AnyArray, by_s: float) -> float:
    """When a car that strayed from its route was on it for the last time."""
    along_m, left_s = 0.0, 0.0
    for record in trace:
        if record["time_s"] > by_s:
            break
        at = course.follow((float(record["x_m"]), float(record["y_m"])), along_m)
        along_m = max(along_m, at.along_m)
        if abs(at.left_m) < OFF_LANE_M:
            left_s = float(record["time_s"])
    return left_s
