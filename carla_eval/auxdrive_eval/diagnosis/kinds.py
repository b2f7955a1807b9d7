"""Into which kind an infraction or a stop is sorted: rules over the facts around it.

The rules are asked from top to bottom, and the first that holds decides. `auxdrive diagnose` tells
with each event which rule that was.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from auxdrive_eval.criteria import EventKind
from auxdrive_eval.diagnosis.facts import Around, Instant
from auxdrive_eval.world import LightColour

STANDS_MPS = 0.1
"""Slower than this the car stands, as in the criterion that counts it as blocked."""
GOES_S = 3.0
"""A stop is the driver's own if the expert would have driven on for so much of it."""
PINNED_SHARE = 0.5
"""A stop is pinned if something touches the car for this share of it."""
TURN_RAD = math.radians(25.0)
"""The route turns if its heading changes by more than this around the car."""
OFF_LANE_M = 1.0
"""So far beside the route's middle line a car is not where it should be: lanes are 3.5 m wide, cars
2 m, and the embedded expert stays within 0.2 m, in turns too.
"""
OFF_ROUTE_M, OFF_ROUTE_RAD = 2.5, math.radians(45.0)
"""A car that stands so far beside the route, or so much across it, has left it."""
ON_ROUTE_M, ON_ROUTE_RAD = 0.7, math.radians(15.0)
"""Where the expert takes over from a car within these, it is not to blame for how it stood."""
CROSSES_RAD = math.radians(45.0)
"""Who was hit crosses if the headings differ by more than this."""
BEHIND_RAD = math.radians(120.0)
"""What was hit lies behind the car at a bearing beyond this."""
RAN_S = 8.0
"""A light or sign that was run within this time before explains a collision with cross traffic."""
BEYOND_LINE_M = -9.0
"""A line that is no farther behind the car's front has just been crossed."""
TAKES_OVER_S = 4.0
"""So long before an infraction the expert is tried at the wheel."""


class Kind(StrEnum):
    """The kinds. The value is what people read."""

    NOT_STARTED = "would not start"
    CAR_AHEAD = "did not stop for the car ahead"
    PEDESTRIAN = "did not stop for somebody on foot"
    LIGHT = "light"
    STOP_SIGN = "stop sign"
    CREPT = "pushed over by creeping"
    CUT = "cut the corner"
    DRIFTED = "drifted"
    TURNING = "hit while turning"
    CROSSING = "hit while crossing"
    PINNED = "pinned"
    PLANNER = "planner"
    FAILED = "agent failed"
    OTHER = "other"


MEANING = {
    Kind.NOT_STARTED: f"it stood while the expert would have driven on, for {GOES_S:g} s or more",
    Kind.CAR_AHEAD: "it drove into a car, or a thing, that was ahead of it in its lane",
    Kind.PEDESTRIAN: "it drove into a pedestrian or a cyclist on foot",
    Kind.LIGHT: "it ran a red light, or was hit because it had",
    Kind.STOP_SIGN: "it did not stop at a stop sign, or was hit because it had not",
    Kind.CREPT: "a creeping that was switched on (--creep-after-s) ended a stop, and drove it over "
    "a red light or stop sign, or into crossing traffic",
    Kind.CUT: f"{OFF_LANE_M:g} m or more to the inside of a turn",
    Kind.DRIFTED: f"{OFF_LANE_M:g} m or more beside its lane's middle on a straight, or to the "
    "outside of a turn",
    Kind.TURNING: "it collided with crossing or oncoming traffic as it turned, with no light or "
    "sign run",
    Kind.CROSSING: "the same as it went straight on",
    Kind.PINNED: "it stood and could not go on: something touched it for half of the time",
    Kind.PLANNER: "the expert at the wheel would have met the same: the route, the traffic or the "
    "rules are at fault, not the model",
    Kind.FAILED: "the agent or the simulation itself failed",
    Kind.OTHER: "no rule explains it",
}
"""What each kind is, as pages say it."""


class Sorted(NamedTuple):
    """A kind, and why.

    Attributes:
        kind: the kind.
        why: the rule that decided, in a clause.
    """

    kind: Kind
    why: str


def kind_of(around: Around) -> Sorted:
    """The kind of an infraction or a stop.

    Args:
        around: the facts.
    """
    if _expert_too(around):
        return Sorted(
            Kind.PLANNER, "the expert, at the wheel from 4 s before on, would have met the same"
        )
    rule = _stop if around.event is None else _RULES.get(around.event)
    return Sorted(Kind.OTHER, "no rule for it") if rule is None else rule(around)


def _expert_too(around: Around) -> bool:
    """Whether the expert would have met the same, and took over a car that was where it should
    be.
    """
    if not around.expert_too or not around.instants:
        return False
    taken_s = around.at_s - TAKES_OVER_S
    first = min(around.instants, key=lambda each: abs(each.time_s - taken_s))
    return abs(first.left_m) <= ON_ROUTE_M and abs(first.off_rad) <= ON_ROUTE_RAD


# Standing


def _stop(around: Around) -> Sorted:
    stood = [each for each in around.instants if around.began_s <= each.time_s <= around.at_s]
    if not stood:
        return Sorted(Kind.OTHER, "it could not be driven again to the stop")
    touched = sum(bool(each.touched) for each in stood) / len(stood)
    if touched >= PINNED_SHARE:
        return Sorted(Kind.PINNED, f"something touched it for {touched:.0%} of the stop")
    if abs(stood[0].left_m) >= OFF_ROUTE_M or abs(stood[0].off_rad) >= OFF_ROUTE_RAD:
        return _beside(around.instants, "and stood there")
    goes_s = goes_for_s(stood)
    if goes_s >= GOES_S:
        return Sorted(Kind.NOT_STARTED, f"the expert would have driven on for {goes_s:.1f} s of it")
    return Sorted(
        Kind.PLANNER, f"the expert would have driven on for no more than {goes_s:.1f} s of it"
    )


def goes_for_s(stood: list[Instant]) -> float:
    """For how long of a stop the expert would have driven on.

    Args:
        stood: its moments, at even distances.
    """
    if not stood:
        return 0.0
    length_s = stood[-1].time_s - stood[0].time_s
    return length_s * sum(each.expert_goes for each in stood) / len(stood)


def _timeout(around: Around) -> Sorted:
    if not around.instants:
        return Sorted(Kind.OTHER, "it was too slow, and did not stand for long anywhere")
    kind, why = _stop(around)
    return Sorted(kind, f"in its longest stop {why}")


# Leaving the lane


def _beside(instants: tuple[Instant, ...], and_so: str = "") -> Sorted:
    """Cut or drifted: by where the car first was out of its lane."""
    if not instants:
        return Sorted(Kind.OTHER, "where it left its lane is not known")
    left = next((each for each in instants if abs(each.left_m) >= OFF_LANE_M), instants[-1])
    if abs(left.left_m) < OFF_LANE_M:
        return Sorted(
            Kind.PLANNER,
            f"it was within {abs(left.left_m):.1f} m of the route's line when it happened",
        )
    side = "left" if left.left_m > 0 else "right"
    where = f"it was {abs(left.left_m):.1f} m to the {side} of its route"
    turns = abs(left.turn_rad) >= TURN_RAD
    if turns and (left.left_m > 0) == (left.turn_rad > 0):
        return Sorted(Kind.CUT, f"{where}, to the inside of a turn {and_so}".strip())
    what = "to the outside of a turn" if turns else "on a straight"
    return Sorted(Kind.DRIFTED, f"{where}, {what} {and_so}".strip())


def _lateral(around: Around) -> Sorted:
    return _beside(around.instants)


# Collisions


def _with_vehicle(around: Around) -> Sorted:
    hit, instants = around.hit, around.instants
    if hit is None or not instants:
        return Sorted(Kind.OTHER, "what was hit is not known")
    last = instants[-1]
    before = [each for each in instants if each.time_s >= around.at_s - 1.0]
    if abs(hit.bearing_rad) >= BEHIND_RAD:
        return Sorted(Kind.OTHER, "it was hit from behind")
    if all(each.speed_mps < STANDS_MPS for each in before):
        return Sorted(Kind.OTHER, "it was hit while it stood")
    crosses = hit.heading_rad is not None and abs(hit.heading_rad) >= CROSSES_RAD
    turns = abs(last.turn_rad) >= TURN_RAD
    if crosses and around.crept:
        return Sorted(Kind.CREPT, "creeping drove it into crossing traffic")
    if crosses and hit.speed_mps >= STANDS_MPS and (ran := _ran(around)) is not None:
        return ran
    if abs(last.left_m) >= OFF_LANE_M:
        return _beside(instants, "and hit a car there")
    if crosses and (last.in_junction or turns):
        kind = Kind.TURNING if turns else Kind.CROSSING
        way = "turned" if turns else "went straight on"
        return Sorted(kind, f"a car on another way was hit as it {way}")
    ahead = last.lead is not None and last.lead.gap_m < 2.0
    if ahead or abs(hit.bearing_rad) < CROSSES_RAD:
        return Sorted(Kind.CAR_AHEAD, "what it hit was ahead of it in its lane")
    if turns:
        return Sorted(Kind.TURNING, "a car beside it was hit as it turned")
    return Sorted(Kind.OTHER, "a car beside it was hit")


def _ran(around: Around) -> Sorted | None:
    """A light or sign that had been run before."""
    for kind, time_s in around.earlier:
        if around.at_s - time_s <= RAN_S:
            if kind is EventKind.RED_LIGHT:
                return Sorted(Kind.LIGHT, "cross traffic was hit after a red light had been run")
            if kind is EventKind.STOP_SIGN:
                return Sorted(Kind.STOP_SIGN, "cross traffic was hit after a stop sign was run")
    for each in around.instants:
        light = each.light
        over = light is not None and BEYOND_LINE_M < light.to_line_m < 0.0
        if over and light is not None and light.colour is LightColour.RED:
            return Sorted(Kind.LIGHT, "cross traffic was hit beyond the line of a red light")
    return None


def _with_layout(around: Around) -> Sorted:
    if not around.instants:
        return Sorted(Kind.OTHER, "where it was is not known")
    if any(abs(each.left_m) >= OFF_LANE_M for each in around.instants):
        return _beside(around.instants, "and hit something there")
    return Sorted(Kind.CAR_AHEAD, "something that stood ahead of it in its lane was hit")


def _unless_crept(kind: Kind, why: str) -> Callable[[Around], Sorted]:
    crept = Sorted(Kind.CREPT, f"{why}, as creeping ended a stop")
    return lambda around: crept if around.crept else Sorted(kind, why)


_RULES: dict[EventKind, Callable[[Around], Sorted]] = {
    EventKind.RED_LIGHT: _unless_crept(Kind.LIGHT, "a red light was run"),
    EventKind.STOP_SIGN: _unless_crept(Kind.STOP_SIGN, "it did not stop at a stop sign"),
    EventKind.COLLISION_PEDESTRIAN: _unless_crept(Kind.PEDESTRIAN, "somebody on foot was hit"),
    EventKind.COLLISION_VEHICLE: _with_vehicle,
    EventKind.COLLISION_LAYOUT: _with_layout,
    EventKind.OUTSIDE_ROUTE_LANES: _lateral,
    EventKind.ROUTE_DEVIATION: _lateral,
    EventKind.VEHICLE_BLOCKED: _stop,
    EventKind.ROUTE_TIMEOUT: _timeout,
}
