"""What planner, criteria and reports ask of a map. Simulators and files have maps of their own
kinds; their users import this protocol.

Legend: positions are in the right-handed world frame (y to the left), metres; headings in radians,
positive to the left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol

from auxdrive_eval.road_maps.geo import GeoReference
from auxdrive_eval.road_maps.town_map import TownMap
from auxdrive_eval.world import LaneView, LightColour, Point, StopSignView, TrafficLightView

SIGNALS_M = 50.0
"""Lights and stop signs are told of within this distance."""
TRIGGER_HALF_LENGTH_M = 3.0
"""Maps do not say how long the trigger box of a stop sign is: here it covers the last 6 m before
the line. When a car's bumper is at the line, its centre is in the box.
"""


class Side(Enum):
    """A side of a lane, seen in its driving direction."""

    LEFT = "left"
    RIGHT = "right"


class LaneId(NamedTuple):
    """A lane, as OpenDRIVE numbers it: a lane of a section of a road. A map without sections has
    section 0.
    """

    road: int
    section: int
    lane: int

    @property
    def number(self) -> int:
        """One number for the lane on its road, whatever the section: what the leaderboard compares.
        It is what `WorldState` calls a lane's id.
        """
        return self.road * 1000 + self.lane + 500


@dataclass(frozen=True, slots=True)
class LanePoint:
    """A point on the middle of a driving lane.

    Attributes:
        yaw_rad: heading of the lane.
        place: the map's own handle; only that map reads it.
    """

    x_m: float
    y_m: float
    z_m: float
    yaw_rad: float
    lane: LaneId
    in_junction: bool
    place: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Segment:
    """A lane from where it begins to where the next one begins.

    Attributes:
        entry: its first point.
        path: points between, one hop apart.
        exit: where it ends; the first point of the next lane where there is one.
    """

    entry: LanePoint
    path: tuple[LanePoint, ...]
    exit: LanePoint


class RoadMap(Protocol):
    """The roads of a town.

    Attributes:
        name: of the town.
        geo: where its origin lies on the globe.

    Examples:
        >>> from auxdrive_eval.simulators import SIMULATORS
        >>> embedded = SIMULATORS["embedded"]
        >>> town = embedded.make(embedded.options_type(), False).road_map("EmbeddedTown1000")
        >>> point = town.nearest(0.0, 0.0)
        >>> town.ahead(point, 5.0)[0].lane.section
        0
    """

    name: str
    geo: GeoReference

    def segments(self, hop_m: float) -> tuple[Segment, ...]:
        """All driving lanes, as the graph of a planner has them.

        Args:
            hop_m: from one point of a lane to the next.
        """

    def nearest(self, x_m: float, y_m: float, z_m: float = 0.0) -> LanePoint:
        """The point of a driving lane nearest to a place.

        Args:
            x_m: in the world frame.
            y_m: in the world frame.
            z_m: tells a bridge from what it crosses.
        """

    def ahead(self, point: LanePoint, distance_m: float) -> tuple[LanePoint, ...]:
        """The points at a distance along the road, one for each way on; none where it ends.

        Args:
            point: of this map.
            distance_m: above 0.
        """

    def beside(self, point: LanePoint, side: Side) -> LanePoint | None:
        """The point of the neighbouring driving lane of the same direction into which one may
        change there; None if there is none.

        Args:
            point: of this map.
            side: on which the neighbour lies.
        """

    def lane_view(self, x_m: float, y_m: float, yaw_rad: float, z_m: float = 0.0) -> LaneView:
        """The nearest driving lane as who is there sees it.

        Args:
            x_m: in the world frame.
            y_m: in the world frame.
            yaw_rad: the heading of who is there.
            z_m: tells a bridge from what it crosses.
        """

    def lights(
        self, place: Point, colours: Mapping[int, LightColour]
    ) -> tuple[TrafficLightView, ...]:
        """The lights whose stop lines lie within `SIGNALS_M`.

        Args:
            place: in the world frame.
            colours: the colour of every light of the town, by its id.
        """

    def stop_signs(self, place: Point) -> tuple[StopSignView, ...]:
        """The stop signs whose trigger boxes lie within `SIGNALS_M`."""

    def town_map(self) -> TownMap:
        """What a drawing of the town shows."""
