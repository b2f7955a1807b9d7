"""One road user on the lane graph, as traffic and the junctions see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from auxdrive_eval.simulators.embedded.town.model import CarKind

EGO_ID = 0
"""The ego takes part under this id; other cars count from 1."""


@dataclass(slots=True)
class Car:
    """A car whose centre is `along_m` along the lane `lane`.

    ahead: the lanes that it will drive next. behind: the lane that it came from, None before its
    first junction. cruise: its wish speed as a share of the limit. waited_s: how long it has stood
    before the present lane's end. has_stopped: it has stood at the present lane's end, as a stop
    sign demands. moved_m: by how much in the last tick.
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


@dataclass(frozen=True, slots=True)
class Occupant:
    """A stretch of a lane that a road user covers, from its tail to its front; its speed along the
    lane.
    """

    car_id: int
    tail_m: float
    front_m: float
    speed_mps: float


Occupancy = dict[int, list[Occupant]]
"""Who is on each lane, in the order of their tails; a car that crosses from one lane to the next is
on both.
"""
