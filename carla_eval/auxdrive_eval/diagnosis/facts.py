"""What there is to know of a moment of a drive: the car on its route, what lies ahead of it, what
its model predicted and what the expert would do. Distances are from bumper to bumper or line,
metres, along the route.
"""

from __future__ import annotations

from dataclasses import dataclass

from auxdrive_eval.criteria import EventKind
from auxdrive_eval.world import HeldBy, LightColour, Point


@dataclass(frozen=True, slots=True)
class LightAhead:
    """The traffic light of the route's lane.

    Attributes:
        light_id: its id.
        colour: that it shows.
        to_line_m: from the car's front to the stop line; negative beyond it.
        visible: whether its lamps are in the camera's image; None where that was not looked at.
        line_visible: whether its stop line is.
    """

    light_id: int
    colour: LightColour
    to_line_m: float
    visible: bool | None = None
    line_visible: bool | None = None


@dataclass(frozen=True, slots=True)
class SignAhead:
    """The stop sign of the route's lane; attributes as of `LightAhead`."""

    sign_id: int
    to_line_m: float
    visible: bool | None = None


@dataclass(frozen=True, slots=True)
class OtherAhead:
    """Another road user.

    Attributes:
        user_id: its id.
        gap_m: from the car's front to it; negative where they overlap along the route.
        left_m: its middle, to the left of the route.
        speed_mps: along its own heading.
        heading_rad: its heading less that of the route, -pi to pi.
        visible: whether it is in the camera's image; None where that was not looked at.
    """

    user_id: int
    gap_m: float
    left_m: float
    speed_mps: float
    heading_rad: float
    visible: bool | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """What the car touches.

    Attributes:
        bearing_rad: where it is as seen from the car's middle, 0 ahead, positive to the left.
        heading_rad: its heading less that of the car; None for what does not move.
        speed_mps: its speed a moment before: a collision stops it.
        place: in the world frame.
    """

    bearing_rad: float
    heading_rad: float | None = None
    speed_mps: float = 0.0
    place: Point = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment of a drive.

    Attributes:
        time_s: game time.
        speed_mps: of the car.
        along_m: how far along the route its centre is.
        left_m: how far to the left of the route.
        off_rad: its heading less that of the route.
        turn_rad: by how much the route turns around there (`Course.turn_rad`).
        in_junction: whether it is within one.
        touched: what touches it.
        expert_goes: whether the expert would drive on now: it would be 3 m farther after 3 s. (Of a
            simulator that cannot foresee: it would press the throttle.)
        expert_brakes: how hard it would brake now, 0 to 1.
        held_by: what holds the expert most, while it would not go or would brake; None where
            nothing does or the simulator does not tell.
        light: of the route's lane; None without one in reach.
        sign: likewise.
        lead: the next one on the route.
        crossing: those whose paths cross the route ahead, the nearest first.
    """

    time_s: float
    speed_mps: float
    along_m: float
    left_m: float
    off_rad: float
    turn_rad: float
    in_junction: bool = False
    touched: tuple[Hit, ...] = ()
    expert_goes: bool = False
    expert_brakes: float = 0.0
    held_by: HeldBy | None = None
    light: LightAhead | None = None
    sign: SignAhead | None = None
    lead: OtherAhead | None = None
    crossing: tuple[OtherAhead, ...] = ()


@dataclass(frozen=True, slots=True)
class Around:
    """All that is known around an infraction or a stop: what the rules sort by.

    Attributes:
        event: what the criterion reported; None for a stop that cost nothing.
        began_s: when it began, game time.
        at_s: when it was decided, or ended.
        instants: the moments before it, and during a stop, in the order of time; none where the
            drive could not be repeated.
        hit: of a collision.
        expert_too: whether the same would have happened with the expert at the wheel from a few
            seconds before on; None where that is not known.
        earlier: the kinds of the events of the seconds before, with their times.
        crept: whether a creeping that was switched on (`--creep-after-s`) had just ended a stop.
    """

    event: EventKind | None
    began_s: float
    at_s: float
    instants: tuple[Instant, ...] = ()
    hit: Hit | None = None
    expert_too: bool | None = None
    earlier: tuple[tuple[EventKind, float], ...] = ()
    crept: bool = False
