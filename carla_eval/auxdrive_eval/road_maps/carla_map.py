"""The road map of CARLA: `carla.Map`, of a server or, without one, of an OpenDRIVE file. `carla`
(the extra [carla]) is imported only when a map is made.

CARLA's frame (y to the right, degrees) is converted here.
"""

from __future__ import annotations

import gzip
import io
import math
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.errors import DataError
from auxdrive.extras import needed_by_library
from auxdrive.frames import carla_yaw_to_world
from auxdrive.storage.reading import read_bytes

from auxdrive_eval.road_maps.base import LaneId, LanePoint, Segment, Side
from auxdrive_eval.road_maps.carla_signals import LIGHT, STOP, CarlaSignals
from auxdrive_eval.road_maps.geo import geo_reference
from auxdrive_eval.road_maps.opendrive_file import check_opendrive
from auxdrive_eval.road_maps.town_map import LaneLine, TownMap
from auxdrive_eval.world import LaneView, LightColour, Point, StopSignView, TrafficLightView

MAX_BYTES = 64 * 2**20
"""Larger files are refused; that of Town12 has about 30 MB."""


DRAWN_HOP_M = 2.0
MAX_POINTS = 50_000
"""No lane of a town has more; where its end is never met, the search for it ends here."""


def open_map(path: Path) -> CarlaRoadMap:
    """The road map of an OpenDRIVE file, which may be packed by gzip.

    Args:
        path: of the file (.xodr, .xodr.gz). The town has its name: `Town01.xodr.gz` is Town01.

    Raises:
        DataError: the file cannot be read, is too large, or is no map.
        MissingExtra: the extra [carla] is not installed.
    """
    content = read_bytes(path, MAX_BYTES)
    if content[:2] == b"\x1f\x8b":
        content = _unpacked(path, content)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text ({error.reason})") from None
    check_opendrive(path, text)
    with needed_by_library("the map of an OpenDRIVE file", "carla"):
        import carla
    try:
        found = carla.Map(path.name.split(".")[0], text)
    except (RuntimeError, ValueError) as error:
        raise DataError(f"{path}: carla cannot read this map: {error}") from None
    if not found.get_topology():
        raise DataError(f"{path}: holds no roads; is it an OpenDRIVE file?")
    return CarlaRoadMap(found, text)


def _unpacked(path: Path, content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            unpacked, more = file.read(MAX_BYTES), file.read(1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: is a damaged gzip file: {error}") from None
    if more:
        raise DataError(f"{path}: unpacks to more than {MAX_BYTES >> 20} MiB")
    return unpacked


class CarlaRoadMap:
    """A `carla.Map` as a `RoadMap`.

    Args:
        carla_map: a `carla.Map`.
        opendrive: its XML, if it is at hand.

    Attributes:
        client_map: the `carla.Map`.
    """

    def __init__(self, carla_map: Any, opendrive: str | None = None) -> None:
        import carla

        self._carla = carla
        self._map = self.client_map = carla_map
        self.name = str(carla_map.name).split("/")[-1]
        self.geo = geo_reference(carla_map.to_opendrive() if opendrive is None else opendrive)

    def segments(self, hop_m: float) -> tuple[Segment, ...]:
        """See `RoadMap`.

        Args:
            hop_m: from one point of a lane to the next.
        """
        found = (self._segment(entry, end, hop_m) for entry, end in self._map.get_topology())
        return tuple(segment for segment in found if segment is not None)

    def nearest(self, x_m: float, y_m: float, z_m: float = 0.0) -> LanePoint:
        """See `RoadMap`.

        Args:
            x_m: in the world frame.
            y_m: in the world frame.
            z_m: tells a bridge from what it crosses.
        """
        return _point(self._map.get_waypoint(self._carla.Location(x_m, -y_m, z_m)))

    def ahead(self, point: LanePoint, distance_m: float) -> tuple[LanePoint, ...]:
        """See `RoadMap`.

        Args:
            point: of this map.
            distance_m: above 0.
        """
        return tuple(_point(found) for found in _waypoint(point).next(distance_m))

    def beside(self, point: LanePoint, side: Side) -> LanePoint | None:
        """See `RoadMap`.

        Args:
            point: of this map.
            side: on which the neighbour lies.
        """
        waypoint, change = _waypoint(point), self._carla.LaneChange
        marking, allowed = (
            (waypoint.left_lane_marking, change.Left)
            if side is Side.LEFT
            else (waypoint.right_lane_marking, change.Right)
        )
        if not marking or not marking.lane_change & allowed:
            return None
        other = waypoint.get_left_lane() if side is Side.LEFT else waypoint.get_right_lane()
        if (
            other is None
            or other.lane_type != self._carla.LaneType.Driving
            or other.road_id != waypoint.road_id
            or (other.lane_id > 0) != (waypoint.lane_id > 0)
        ):
            return None
        return _point(other)

    def lane_view(
        self,
        x_m: float,
        y_m: float,
        yaw_rad: float,  # noqa: ARG002 - the protocol's signature
        z_m: float = 0.0,
    ) -> LaneView:
        """See `RoadMap`. Where lanes cross, the nearest counts whatever its heading, as in the
        leaderboard.

        Args:
            x_m: in the world frame.
            y_m: in the world frame.
            yaw_rad: the heading of who is there.
            z_m: tells a bridge from what it crosses.
        """
        waypoint = self._map.get_waypoint(self._carla.Location(x_m, -y_m, z_m))
        point = _point(waypoint)
        dx_m, dy_m = x_m - point.x_m, y_m - point.y_m
        return LaneView(
            point.lane.number,
            point.lane.road,
            (point.x_m, point.y_m),
            dy_m * math.cos(point.yaw_rad) - dx_m * math.sin(point.yaw_rad),
            waypoint.lane_width,
            point.yaw_rad,
            point.in_junction,
            self._parking_m(waypoint),
        )

    def lights(
        self, place: Point, colours: Mapping[int, LightColour]
    ) -> tuple[TrafficLightView, ...]:
        """See `RoadMap`. The ids are those of OpenDRIVE.

        Args:
            place: in the world frame.
            colours: the colour of every light of the town, by its id.
        """
        return self.signals.lights(place, colours)

    def stop_signs(self, place: Point) -> tuple[StopSignView, ...]:
        """See `RoadMap`."""
        return self.signals.stop_signs(place)

    def town_map(self) -> TownMap:
        """See `RoadMap`."""
        lanes = []
        for segment in self.segments(DRAWN_HOP_M):
            points = [(p.x_m, p.y_m) for p in (segment.entry, *segment.path, segment.exit)]
            lanes.append(LaneLine(np.array(points), _waypoint(segment.entry).lane_width))
        return TownMap(tuple(lanes), self.signals.stop_lines(LIGHT), self.signals.stop_lines(STOP))

    @cached_property
    def signals(self) -> CarlaSignals:
        """The lights and stop signs of the town."""
        return CarlaSignals(self._map)

    def _parking_m(self, waypoint: Any) -> float:
        """The width of the parking lane to the right, 0 without one."""
        other = None if waypoint.is_junction else waypoint.get_right_lane()
        is_parking = other is not None and other.lane_type == self._carla.LaneType.Parking
        return float(other.lane_width) if other is not None and is_parking else 0.0

    def _segment(self, entry: Any, end: Any, hop_m: float) -> Segment | None:
        """The lane between two waypoints; None where nothing follows the first. Distances are
        CARLA's own, in float32, on which the number of points depends.
        """
        goal = end.transform.location
        if entry.transform.location.distance(goal) <= hop_m:
            following = entry.next(hop_m)
            return (
                Segment(_point(entry), (_point(following[0]),), _point(end)) if following else None
            )
        path: list[LanePoint] = []
        following = entry.next(hop_m)
        while (
            following
            and following[0].transform.location.distance(goal) > hop_m
            and len(path) < MAX_POINTS
        ):
            path.append(_point(following[0]))
            following = following[0].next(hop_m)
        return Segment(_point(entry), tuple(path), _point(end))


def _waypoint(point: LanePoint) -> Any:
    return point.place


def _point(waypoint: Any) -> LanePoint:
    transform = waypoint.transform
    location = transform.location
    return LanePoint(
        location.x,
        -location.y,
        location.z,
        float(carla_yaw_to_world(transform.rotation.yaw)),
        LaneId(waypoint.road_id, waypoint.section_id, waypoint.lane_id),
        waypoint.is_junction,
        waypoint,
    )
