"""A road user on the lane graph, as traffic and junctions see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.town.model import CarKind

EGO_ID = 0
"""The ego takes part under this id; other cars count from 1."""


@dataclass(slots=True)
class Car:
    """A car whose centre is `along_m` along the lane `lane`.

    Attributes:
        cruise: its desired speed as a share of the speed limit.
        ahead: the lanes that it will drive next.
        behind: the lane that it came from; None before its first junction.
        waited_s: how long it has stood before the end of the present lane.
        has_stopped: whether it has stood at the end of the present lane, as a stop sign demands.
        moved_m: how far it moved in the last tick.
        told_mps2: the acceleration that a scenario tells it, whatever is ahead; None drives by
            itself.
    """

    car_id: int
    kind: CarKind
    length_m: float
    width_m: float
    height_m: float
    colour: int
    lane: int
    along_m: float
    speed_mps: float = 0.0
    accel_mps2: float = 0.0
    cruise: float = 1.0
    ahead: list[int] = field(default_factory=list)
    behind: int | None = None
    waited_s: float = 0.0
    has_stopped: bool = False
    moved_m: float = 0.0
    told_mps2: float | None = None


class Claim(NamedTuple):
    """What someone who follows no lane covers of the plane.

    Attributes:
        user_id: who it is.
        box: float64 (5,), see `geometry.boxes`.
        speed_mps: in the direction of the box's length.
        height_m: above the ground; None is on every level.
    """

    user_id: int
    box: Float64
    speed_mps: float
    height_m: float | None = None


class Leader(NamedTuple):
    """Whoever is next on a car's lanes: the gap from bumper to bumper, its speed, and who it is."""

    gap_m: float
    speed_mps: float
    car_id: int


class Occupant(NamedTuple):
    """The stretch of a lane that a road user covers, from its tail to its front, and its speed
    along the lane.
    """

    car_id: int
    tail_m: float
    front_m: float
    speed_mps: float


Occupancy = dict[int, list[Occupant]]
"""The road users on each lane, in the order of their tails. A car that passes from one lane to the
next is on both.
"""
