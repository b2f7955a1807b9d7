"""What a criterion is, and the events that criteria yield."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from auxdrive.frames import world_points_to_carla

from auxdrive_eval.world import Point, WorldState


class EventKind(StrEnum):
    """What happened. The value is the leaderboard's key for it in the infractions of a record.

    Examples:
        >>> from auxdrive_eval import EventKind
        >>> EventKind.RED_LIGHT.value
        'red_light'
    """

    COLLISION_PEDESTRIAN = "collisions_pedestrian"
    COLLISION_VEHICLE = "collisions_vehicle"
    COLLISION_LAYOUT = "collisions_layout"
    RED_LIGHT = "red_light"
    STOP_SIGN = "stop_infraction"
    OUTSIDE_ROUTE_LANES = "outside_route_lanes"
    ROUTE_DEVIATION = "route_dev"
    ROUTE_TIMEOUT = "route_timeout"
    VEHICLE_BLOCKED = "vehicle_blocked"
    MIN_SPEED = "min_speed_infractions"
    YIELD_TO_EMERGENCY = "yield_emergency_vehicle_infractions"
    SCENARIO_TIMEOUT = "scenario_timeouts"
    ROUTE_COMPLETED = "route_completed"


TERMINAL_KINDS = frozenset(
    {
        EventKind.ROUTE_DEVIATION,
        EventKind.ROUTE_TIMEOUT,
        EventKind.VEHICLE_BLOCKED,
        EventKind.ROUTE_COMPLETED,
    }
)
"""Events that end the route."""
KIND_TEXT = {
    EventKind.COLLISION_PEDESTRIAN: "collision with a pedestrian",
    EventKind.COLLISION_VEHICLE: "collision with a vehicle",
    EventKind.COLLISION_LAYOUT: "collision with something that stands",
    EventKind.RED_LIGHT: "red light",
    EventKind.STOP_SIGN: "stop sign",
    EventKind.OUTSIDE_ROUTE_LANES: "outside the lanes",
    EventKind.ROUTE_DEVIATION: "left the route",
    EventKind.ROUTE_TIMEOUT: "out of time",
    EventKind.VEHICLE_BLOCKED: "blocked",
    EventKind.MIN_SPEED: "speed beside the traffic",
    EventKind.YIELD_TO_EMERGENCY: "did not yield to an emergency vehicle",
    EventKind.SCENARIO_TIMEOUT: "scenario out of time",
}
"""What went wrong, in words; a completed route is nothing that went wrong."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of a drive.

    Attributes:
        frame: number of the tick.
        time_s: game time.
        location: position of the ego's centre.
    """

    frame: int
    time_s: float
    location: Point


def moment(state: WorldState) -> Moment:
    """The moment of a world state."""
    return Moment(state.frame, state.time_s, state.ego_centre)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a criterion observed.

    Attributes:
        message: in the leaderboard's words and CARLA's coordinates (y to the right), since tools
            parse it.
        frame: number of the tick at which it was reported.
        time_s: game time at which it was reported.
        location: where, in the right-handed world frame.
        percentage: for OUTSIDE_ROUTE_LANES, the share of the driven route distance that was
            outside, 0..100; for MIN_SPEED, the ego's mean speed as a share of the traffic's, 0 or
            more.
        began: when and where it began, if that was before it was reported (a car stands for a while
            before it counts as blocked); None if it was reported at once.
        hit: the position of what was hit.

    Examples:
        >>> from auxdrive_eval import RULE_SETS, Event, EventKind
        >>> ran = Event(EventKind.RED_LIGHT, "Agent ran a red light", 210, 10.5, (12.0, -3.0))
        >>> RULE_SETS["1.0"].penalty([ran])
        0.7
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
    """A state machine over the ticks of one route.

    Examples:
        >>> from auxdrive_eval import RULE_SETS, SimulatorSettings, make_simulator
        >>> simulator = make_simulator(SimulatorSettings(), sensors=False)
        >>> route = simulator.random_route(1000)
        >>> criteria = RULE_SETS["1.0"].criteria(route)
        >>> state = simulator.reset(route, seed=0)
        >>> [event for criterion in criteria for event in criterion.update(state)]
        []
    """

    @property
    def pending(self) -> Moment | None:
        """When something began that may still become an event; None if there is nothing. The film
        keeps an image of that moment.
        """

    def update(self, state: WorldState) -> list[Event]:
        """Look at the world after a tick. Returns the events of this tick."""

    def finish(self, state: WorldState) -> list[Event]:
        """Called once, with the last state, when the route is over. Returns the events that could
        not be reported earlier.
        """


class TickCriterion:
    """Base of the criteria that report nothing at the end of the route."""

    pending: Moment | None = None

    def finish(self, state: WorldState) -> list[Event]:  # noqa: ARG002 - the protocol's signature
        """No events."""
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
    """An event that is reported at this tick.

    Args:
        kind: what happened.
        message: in the leaderboard's words and CARLA's coordinates.
        state: the world after the tick.
        location: where, in the right-handed world frame, metres; None is the ego's centre.
        percentage: for OUTSIDE_ROUTE_LANES, the share of the driven route distance that was
            outside, 0..100; None for all others.
        began: when and where it began, if that was before this tick; None if it was not.
        hit: the position of what was hit, in the world frame, metres; None if nothing was.
    """
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
    """The location in CARLA's frame, written as the leaderboard does: `(x=1.0, y=2.0, z=0.0)`."""
    x_m, y_right_m = world_points_to_carla(np.asarray(location)).tolist()
    # + 0.0 turns -0.0 into 0.0
    return f"(x={round(x_m, 3) + 0.0}, y={round(y_right_m, 3) + 0.0}, z=0.0)"
