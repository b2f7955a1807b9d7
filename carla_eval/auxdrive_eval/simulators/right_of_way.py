"""Who goes first where two ways meet, the same for the experts of all simulators. A simulator knows
how others come, and when they would be where the ways meet; what follows from that is decided here.

Legend: times count from now.
"""

from __future__ import annotations

import math
from typing import NamedTuple

STANDS_MPS = 0.3
"""Who is slower stands: he lets others pass, or is in the way."""
FROM_RIGHT = 0.5
"""Who comes from the right does so at an angle whose sine is greater."""


class Comer(NamedTuple):
    """How somebody comes to a junction.

    Attributes:
        yaw_rad: his heading where he enters it.
        green: which of the junction's lights his is green with; None without one.
        signed: whether a light or a stop sign stands at his line.
        rank: of his way through it (`rank_of`).
    """

    yaw_rad: float
    green: int | None
    signed: bool
    rank: int


class Stay(NamedTuple):
    """When somebody is where the ways meet: from the arrival of his front to the leaving of his
    tail.
    """

    from_s: float
    until_s: float


class Care(NamedTuple):
    """How careful a driver is.

    Attributes:
        before_s: he wants to have left so long before another arrives.
        after_s: he wants to arrive so long after another has left.
        firm_mps2: who would have to brake harder for his line is taken not to stop.
    """

    before_s: float
    after_s: float
    firm_mps2: float


def rank_of(turns_left: bool, gives_way: bool = False) -> int:
    """Of two whose ways meet, the one with the lower rank goes first: to the left after straight on
    and to the right, from the minor road after both.

    Args:
        turns_left: whether the way does.
        gives_way: whether it comes from where one must give way.
    """
    return int(turns_left) + 2 * int(gives_way)


def has_priority(other: Comer, own: Comer) -> bool:
    """Whether another goes before oneself, if both come at the same time. Whose light is green
    while the own one is red has none: it is red when one may go. Of equals, who comes from the
    right has it where neither sees a light or a stop sign.

    Args:
        other: the other one.
        own: oneself.
    """
    if other.green is not None and own.green is not None and other.green != own.green:
        return False
    if other.rank != own.rank:
        return other.rank < own.rank
    from_right = math.sin(other.yaw_rad - own.yaw_rad) > FROM_RIGHT
    return from_right and not (other.signed or own.signed)


def is_past_stopping(speed_mps: float, to_line_m: float, care: Care) -> bool:
    """Whether somebody comes, whoever has priority: he is beyond his line, or too fast for it.

    Args:
        speed_mps: his speed.
        to_line_m: from his front to where he would stop; negative beyond it.
        care: of who judges.
    """
    return to_line_m < 0.0 or speed_mps**2 / (2 * care.firm_mps2) > to_line_m


def are_there_together(own: Stay, other: Stay, care: Care) -> bool:
    """Whether two would be where their ways meet at nearly the same time. Only then does it matter
    who goes first.

    Args:
        own: who judges.
        other: somebody else.
        care: of who judges.
    """
    return own.from_s < other.until_s + care.after_s and other.from_s < own.until_s + care.before_s


def travel_s(way_m: float, speed_mps: float, accel_mps2: float, top_mps: float) -> float:
    """How long somebody takes for a way, accelerating to a top speed; whoever is faster stays as
    fast.

    Args:
        way_m: its length; 0 or less is behind him.
        speed_mps: his speed now.
        accel_mps2: how he accelerates.
        top_mps: up to this.
    """
    if way_m <= 0.0:
        return 0.0
    top_mps = max(top_mps, speed_mps)
    gaining_s = (top_mps - speed_mps) / accel_mps2
    gaining_m = (top_mps + speed_mps) / 2 * gaining_s
    if way_m <= gaining_m:
        return (math.sqrt(speed_mps**2 + 2 * accel_mps2 * way_m) - speed_mps) / accel_mps2
    return gaining_s + (way_m - gaining_m) / top_mps
