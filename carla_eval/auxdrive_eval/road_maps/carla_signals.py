"""Lights and stop signs of a `carla.Map`, from the landmarks of its OpenDRIVE file. A landmark
stands at a lane within a junction; its line is where that lane's approach ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from auxdrive.errors import DataError
from auxdrive.frames import carla_yaw_to_world

from auxdrive_eval.road_maps.base import SIGNALS_M, TRIGGER_HALF_LENGTH_M, LaneId
from auxdrive_eval.world import LightColour, Point, StopSignView, TrafficLightView

LIGHT, STOP, YIELD = "1000001", "206", "205"
"""OpenDRIVE types of the landmarks."""
BACK_M = 0.5
"""The approach is followed back in steps of this length, as the leaderboard does."""
MAX_BACK = 100


class SignalLine(NamedTuple):
    """The line of a landmark across one lane.

    Attributes:
        landmark: its id.
        foot: where it stands.
        centre: the middle of the lane there.
        yaw_rad: heading of the lane.
    """

    landmark: int
    foot: Point
    centre: Point
    yaw_rad: float
    width_m: float
    lane: LaneId

    def ends(self) -> tuple[Point, Point]:
        """Its left and right end."""
        (x, y), half_m = self.centre, self.width_m / 2
        left = -math.sin(self.yaw_rad) * half_m, math.cos(self.yaw_rad) * half_m
        return (x + left[0], y + left[1]), (x - left[0], y - left[1])


class CarlaSignals:
    """The lights and stop signs of a map. They are found once.

    Args:
        carla_map: a `carla.Map`.
    """

    def __init__(self, carla_map: Any) -> None:
        self._lines = {
            kind: tuple(sorted(set(_lines(carla_map, kind)))) for kind in (LIGHT, STOP, YIELD)
        }

    @property
    def light_ids(self) -> tuple[int, ...]:
        """The ids of the lights, each once: those of OpenDRIVE, which
        `carla.TrafficLight.get_opendrive_id()` gives too.
        """
        return tuple(sorted({line.landmark for line in self._lines[LIGHT]}))

    def stop_lines(self, kind: str) -> tuple[tuple[Point, Point], ...]:
        """The lines of all lights or of all stop signs.

        Args:
            kind: `LIGHT` or `STOP`.
        """
        return tuple(line.ends() for line in self.lines(kind))

    def lines(self, kind: str) -> tuple[SignalLine, ...]:
        """The line of every light or sign of a kind, in the order of their ids. A landmark has
        one on each lane of its approach, once for each way that leads on from there.

        Args:
            kind: `LIGHT`, `STOP` or `YIELD`.
        """
        return self._lines[kind]

    def lights(
        self, place: Point, colours: Mapping[int, LightColour]
    ) -> tuple[TrafficLightView, ...]:
        """See `RoadMap.lights`.

        Args:
            place: in the world frame.
            colours: the colour of every light, by its id.
        """
        return tuple(
            TrafficLightView(
                line.landmark,
                colours[line.landmark],
                line.foot,
                line.ends(),
                line.lane.number,
                line.yaw_rad,
            )
            for line in self._lines[LIGHT]
            if math.dist(line.centre, place) < SIGNALS_M
        )

    def stop_signs(self, place: Point) -> tuple[StopSignView, ...]:
        """See `RoadMap.stop_signs`."""
        views = (_sign_view(line) for line in self._lines[STOP])
        return tuple(view for view in views if math.dist(view.trigger_centre, place) < SIGNALS_M)


def _sign_view(line: SignalLine) -> StopSignView:
    x, y = line.centre
    back_m = TRIGGER_HALF_LENGTH_M
    centre = x - back_m * math.cos(line.yaw_rad), y - back_m * math.sin(line.yaw_rad)
    half = (TRIGGER_HALF_LENGTH_M, line.width_m / 2)
    return StopSignView(line.landmark, line.foot, centre, half, line.yaw_rad, line.yaw_rad)


def _lines(carla_map: Any, kind: str) -> Iterator[SignalLine]:
    for landmark in carla_map.get_all_landmarks_of_type(kind):
        foot = landmark.transform.location
        for waypoint in _governed(carla_map, landmark):
            before = _before_junction(waypoint)
            location = before.transform.location
            yield SignalLine(
                _number(landmark.id),
                (foot.x, -foot.y),
                (location.x, -location.y),
                float(carla_yaw_to_world(before.transform.rotation.yaw)),
                before.lane_width,
                LaneId(before.road_id, before.section_id, before.lane_id),
            )


def _number(landmark: str) -> int:
    try:
        return int(landmark)
    except ValueError:
        raise DataError(f"the signal '{landmark[:60]}' has no number as its id") from None


def _governed(carla_map: Any, landmark: Any) -> Iterator[Any]:
    """The waypoints of the driving lanes that a landmark governs, where it stands."""
    for first, last in landmark.get_lane_validities():
        for lane in range(min(first, last), max(first, last) + 1):
            if lane == 0:  # the line in the middle of the road
                continue
            waypoint = carla_map.get_waypoint_xodr(landmark.road_id, lane, landmark.s)
            if waypoint is not None and str(waypoint.lane_type) == "Driving":
                yield waypoint


def _before_junction(waypoint: Any) -> Any:
    """The last waypoint before the junction in which one lies; the same one outside of junctions.
    Ways that part at one place have one approach.
    """
    for _ in range(MAX_BACK):
        if not waypoint.is_junction:
            return waypoint
        before = waypoint.previous(BACK_M)
        if not before:
            return waypoint
        waypoint = before[0]
    return waypoint
