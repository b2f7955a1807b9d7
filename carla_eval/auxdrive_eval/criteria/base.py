"""What a criterion is, and the events that criteria yield."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from auxdrive.frames import world_points_to_carla

from auxdrive_eval.world import Point, WorldState


class EventKind(StrEnum):
    """What happened. The value is the leaderboard's key for it in the infractions of a record."""

    COLLISION_PEDESTRIAN = "collisions_pedestrian"
    COLLISION_VEHICLE = "collisions_vehicle"
    COLLISION_LAYOUT = "collisions_layout"
    RED_LIGHT = "red_light"
    STOP_SIGN = "stop_infraction"
    OUTSIDE_ROUTE_LANES = "outside_route_lanes"
    ROUTE_DEVIATION = "route_dev"
    ROUTE_TIMEOUT = "route_timeout"
    VEHICLE_BLOCKED = "vehicle_blocked"
    ROUTE_COMPLETED = "route_completed"


TERMINAL_KINDS = frozenset(
    {
        EventKind.ROUTE_DEVIATION,
        EventKind.ROUTE_TIMEOUT,
        EventKind.VEHICLE_BLOCKED,
        EventKind.ROUTE_COMPLETED,
    }
)
"""Events after which the route is over."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant of a drive.

    Attributes:
        frame: the tick.
        time_s: game time.
        location: of the ego's centre.
    """

    frame: int
    time_s: float
    location: Point


def moment(state: WorldState) -> Moment:
    """The instant of a state."""
    return Moment(state.frame, state.time_s, state.ego_centre)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a criterion saw.

    Attributes:
        message: in the leaderboard's words, with CARLA's coordinates (y to the right), since tools
            parse it.
        frame, time_s: when. location: where, in the right-handed world frame.
        percentage: for OUTSIDE_ROUTE_LANES, share of the driven route distance that was outside,
            0..100.
        began: when and where it began, where that was before the tick on which it was told (a stop
            before it counts as blocked); None where it was told at once.
        hit: where that stands which was run into.
    """

    kind: EventKind
    message: str
    frame: int
    time_s: float
    location: Point
    percentage: float | None = None
    began: Moment | None = None
    hit: Point | None = None

    @property
    def began_s(self) -> float:
        """The game time at which it began."""
        return self.time_s if self.began is None else self.began.time_s


class Criterion(Protocol):
    """A state machine over the ticks of one route."""

    @property
    def pending(self) -> Moment | None:
        """When that began which may yet become an event; None while nothing has. The film keeps an
        image of it.
        """

    def update(self, state: WorldState) -> list[Event]:
        """Look at the world after a tick; the events that this tick brought."""

    def finish(self, state: WorldState) -> list[Event]:
        """The route is over: events that could be told only now. Called once, at the last state."""


class TickCriterion:
    """Base of the criteria that have nothing to add when the route is over."""

    pending: Moment | None = None

    def finish(self, state: WorldState) -> list[Event]:  # noqa: ARG002 - the protocol's signature
        """Nothing to add."""
        return []


def event_at(
    kind: EventKind,
    message: str,
    state: WorldState,
    location: Point | None = None,
    percentage: float | None = None,
    began: Moment | None = None,
    hit: Point | None = None,
) -> Event:
    """An event of this tick; at the ego's centre unless a location is given."""
    return Event(
        kind,
        message,
        state.frame,
        state.time_s,
        state.ego_centre if location is None else location,
        percentage,
        began,
        hit,
    )


def carla_location(location: Point) -> str:
    """`(x=1.0, y=2.0, z=0.0)` as the leaderboard writes it: in CARLA's frame."""
    x_m, y_right_m = world_points_to_carla(np.asarray(location)).tolist()
    # + 0.0 makes 0.0 of -0.0
    return f"(x={round(x_m, 3) + 0.0}, y={round(y_right_m, 3) + 0.0}, z=0.0)"
