"""Why an expert drives no faster, and whether that lies in its camera's view."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from auxdrive_eval.simulators.embedded.ego.intent import Lead
from auxdrive_eval.simulators.embedded.ego.sight import View
from auxdrive_eval.simulators.embedded.ego.signal_places import SignalPlaces
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.world import LightColour


class Why(StrEnum):
    """What keeps a driver from driving faster."""

    ROAD = "road"
    AHEAD = "ahead"
    LANE_CHANGE = "lane_change"
    LINE = "line"
    LIGHT = "light"
    STOP_SIGN = "stop_sign"
    ROOM = "room"
    CROSSING = "crossing"
    HIDDEN = "hidden"


HELD_BY_OF = {
    Why.ROAD: "road",
    Why.AHEAD: "ahead",
    Why.ROOM: "ahead",
    Why.LANE_CHANGE: "lane_change",
    Why.LIGHT: "light",
    Why.STOP_SIGN: "stop_sign",
    Why.CROSSING: "crossing",
    Why.LINE: "crossing",
    Why.HIDDEN: "hidden",
}
"""What recordings call it (`auxdrive.data.plan.HELD_BY`)."""


class Cause(NamedTuple):
    """What keeps a driver from driving faster, and how.

    Attributes:
        why: ROAD is the speed limit and bends; LINE is a stop line that is still far; HIDDEN is
            care for who may be where the driver cannot see.
        lead: what the driver keeps behind on that account; None where it is a limit alone.
        limit_mps: no faster than this; infinite where there is no limit.
        who: the other on whose account it is; None where there is nobody.
        lane: for a signal, the lane at whose end it stands.
    """

    why: Why
    lead: Lead | None = None
    limit_mps: float = math.inf
    who: int | None = None
    lane: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a cause (`Cause`), weighed.

    Attributes:
        why: see `Cause`, as of all that follows but the acceleration.
        accel_mps2: the greatest acceleration that it allows.
    """

    why: Why
    accel_mps2: float
    lead: Lead | None = None
    limit_mps: float = math.inf
    who: int | None = None
    lane: int | None = None


def is_in_view(
    reason: Reason,
    town: Town,
    signals: SignalPlaces,
    view: View,
    colours: dict[int, LightColour],
) -> bool:
    """Whether somebody who sees only what the camera sees could have this reason. A lane change
    counts as in view: it takes a mirror, which no camera here has.

    Args:
        reason: of a driver.
        town: where he is.
        signals: of the town.
        view: of his camera now.
        colours: of each light, by its id.
    """
    if reason.who is not None and reason.why is not Why.LANE_CHANGE:
        return reason.who in view.seen_ids
    if reason.lane is None:
        return True
    lane = town.lanes[reason.lane]
    if reason.why is Why.LIGHT:
        assert lane.light_id is not None
        return signals.light_seen(view, lane.light_id, colours[lane.light_id])
    return signals.stop_seen(view, lane)


def strictest(reasons: Iterable[Reason]) -> Reason:
    """The reason that allows least; the first of equal ones.

    Args:
        reasons: at least one.
    """
    return min(reasons, key=lambda reason: reason.accel_mps2)


def unexplained_mps2(told: Iterable[tuple[Reason, bool]]) -> float:
    """By how much a driver accelerates less than what is in view explains.

    Args:
        told: each reason, and whether it is in view.
    """
    allowed = {True: math.inf, False: math.inf}
    for reason, in_view in told:
        allowed[in_view] = min(allowed[in_view], reason.accel_mps2)
    return max(0.0, allowed[True] - allowed[False])
