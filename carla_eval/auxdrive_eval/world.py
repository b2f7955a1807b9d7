"""What the criteria see of the world at one tick, the same for every simulator. The world frame is
right-handed, z up; metres.

Legend: every position is (x, y) in the world frame; yaw is positive to the left.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from auxdrive.types import Pose2

Point = tuple[float, float]
TAIL_M = 1.0
"""The point that decides about red lights lies this far behind the ego's rear bumper."""


class LightColour(StrEnum):
    """State of a traffic light."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"


class CollisionKind(StrEnum):
    """What was hit; it decides the penalty."""

    PEDESTRIAN = "pedestrian"
    VEHICLE = "vehicle"
    LAYOUT = "layout"


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact of the ego with something during this tick. It is reported on every tick on which
    they touch.
    """

    kind: CollisionKind
    other_id: int
    other_type: str
    location: Point


@dataclass(frozen=True, slots=True)
class RoadUser:
    """Another car, a pedestrian, a cyclist, or a thing that a scenario has put on the road.

    Attributes:
        user_id: as in `Contact.other_id`.
        kind: as in `Contact.kind`.
        place: of its middle.
        yaw_rad: its heading.
        extent: half length and half width of its box.
        speed_mps: along its heading.
    """

    user_id: int
    kind: CollisionKind
    place: Point
    yaw_rad: float
    extent: tuple[float, float]
    speed_mps: float


class HeldBy(NamedTuple):
    """What keeps an expert from driving faster.

    Attributes:
        what: a word, such as "light" or "crossing".
        in_view: whether it lies in its camera's view.
    """

    what: str
    in_view: bool


@dataclass(frozen=True, slots=True)
class TrafficLightView:
    """A traffic light that governs a lane. Its stop line is the segment across the lane before the
    junction.
    """

    light_id: int
    colour: LightColour
    location: Point
    stop_line: tuple[Point, Point]
    lane_id: int
    lane_yaw_rad: float


@dataclass(frozen=True, slots=True)
class StopSignView:
    """A stop sign with its trigger box (centre, half sizes, yaw). Who drives through the box must
    have stopped.
    """

    sign_id: int
    location: Point
    trigger_centre: Point
    trigger_half_size: tuple[float, float]
    trigger_yaw_rad: float
    lane_yaw_rad: float


@dataclass(frozen=True, slots=True)
class LaneView:
    """The driving lane nearest to the ego: signed offset (positive: the ego is left of the lane's
    centre), width, and heading of the lane.

    `parking_m` is the width of the parking lane to its right, 0 without one.
    """

    lane_id: int
    road_id: int
    centre: Point
    offset_m: float
    width_m: float
    yaw_rad: float
    in_junction: bool
    parking_m: float = 0.0


class ScenarioOutcome(StrEnum):
    """What has come of a scenario on a route."""

    AHEAD = "not reached"
    RUNNING = "running"
    PASSED = "passed"
    COLLISION = "collision"
    TIMED_OUT = "timed out"
    NOT_PLACED = "not placed"


@dataclass(frozen=True, slots=True)
class ScenarioState:
    """A traffic situation that is set up on a route, and what has come of it.

    Attributes:
        name: as in the route's file, or of the drawn scenario.
        kind: what happens, by the leaderboard's name.
        at_m: where on the route it begins; None where it was not placed.
        outcome: COLLISION if the ego touched somebody or something of the scenario; RUNNING also
            where the route ended before the scenario did.
        began_s: when the ego set it off, game time; None if it did not.
        ended_s: when it was over; None if it was not.
        note: why it was not placed.
    """

    name: str
    kind: str
    at_m: float | None
    outcome: ScenarioOutcome
    began_s: float | None = None
    ended_s: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class BlockingScenario:
    """A traffic situation in which the ego is, and which may keep it from going on. Leaderboard 2.x
    limits the time for such.

    Attributes:
        name: as in `ScenarioState`.
        began_s: when the ego set it off, game time.
    """

    name: str
    began_s: float


@dataclass(frozen=True, slots=True)
class WorldState:
    """The world after a tick.

    Attributes:
        time_s: game time since the route began.
        ego: pose of the ego's rear axle; `ego_centre` is the centre of its box.
        extent: half length and half width of the ego's box.
        contacts: what touches the ego during this tick.
        lights: traffic lights within 50 m.
        stop_signs: stop signs within 50 m.
        lane: nearest driving lane.
        tail_lane_id: the lane under the point `TAIL_M` behind the ego's rear bumper.
        speed_limit_mps: where the ego is; None where the simulator does not tell.
        background_mps: the speed of each moving vehicle of the background traffic.
        scenarios: the traffic situations on the route.
        blocking: those whose time leaderboard 2.x limits, from their triggers on until the ego has
            left them behind.

    Examples:
        >>> from auxdrive_eval import make_simulator, SimulatorSettings
        >>> simulator = make_simulator(SimulatorSettings(), sensors=False)
        >>> state = simulator.reset(simulator.random_route(1000), seed=0)
        >>> state.time_s, state.speed_mps, state.contacts
        (0.0, 0.0, ())
    """

    frame: int
    time_s: float
    ego: Pose2
    ego_centre: Point
    speed_mps: float
    steer_rad: float
    extent: tuple[float, float]
    contacts: tuple[Contact, ...] = ()
    lights: tuple[TrafficLightView, ...] = ()
    stop_signs: tuple[StopSignView, ...] = ()
    lane: LaneView | None = None
    tail_lane_id: int | None = None
    speed_limit_mps: float | None = None
    background_mps: tuple[float, ...] = ()
    scenarios: tuple[ScenarioState, ...] = ()
    blocking: tuple[BlockingScenario, ...] = ()
