"""The way of a pedestrian straight across a street, from pavement to pavement, in CARLA's frame."""

from __future__ import annotations

import math
from typing import Any

from auxdrive_eval.simulators.carla.connection.session import Session

WIDEST_M, STEP_M = 25.0, 0.5
NARROWEST_M = 4.0
GAP_M = 1.0
"""What is no lane between two lanes is no wider."""
ON_PAVEMENT_M = 0.75
LOOKS_S = 0.5
CLEAR_M = 3.0
"""Nobody sets out who would come nearer to a vehicle that drives on as it does."""


class Street:
    """What pedestrians know of streets.

    Args:
        session: with the server.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._map: Any = session.map
        lanes = session.carla.LaneType
        self._pavement, self._any = lanes.Sidewalk, lanes.Any

    def across(self, here: Any) -> Any:
        """The place on the pavement of the other side.

        Args:
            here: a `carla.Location` on a pavement.

        Returns:
            A `carla.Location`; None in junctions, and where there is no pavement on the other side.
        """
        lane = self._map.get_waypoint(here, True, self._pavement)
        right = lane.transform.get_right_vector()
        for side in (1.0, -1.0):
            found = self._ray(here, side * right.x, side * right.y)
            if found is not None:
                return found
        return None

    def is_free(self, here: Any, goal: Any, time_s: float) -> bool:
        """Whether no vehicle comes by while somebody crosses.

        Args:
            here: where it sets out.
            goal: where it goes.
            time_s: how long it takes.
        """
        for vehicle in self._session.world.get_actors().filter("vehicle.*"):
            at, velocity = vehicle.get_location(), vehicle.get_velocity()
            for number in range(int(time_s / LOOKS_S) + 1):
                later_s = number * LOOKS_S
                place = (at.x + later_s * velocity.x, at.y + later_s * velocity.y)
                if _from_segment_m(place, here, goal) < CLEAR_M:
                    return False
        return True

    def _ray(self, here: Any, dx: float, dy: float) -> Any:
        location, gap_m = self._session.carla.Location, 0.0
        for number in range(1, int(WIDEST_M / STEP_M)):
            away_m = number * STEP_M
            there = location(here.x + away_m * dx, here.y + away_m * dy, here.z)
            lane = self._map.get_waypoint(there, False, self._any)
            gap_m = gap_m + STEP_M if lane is None else 0.0
            if gap_m > GAP_M or (lane is not None and lane.is_junction):
                return None
            if lane is None:
                continue
            if lane.lane_type == self._pavement and away_m >= NARROWEST_M:
                middle = lane.transform.location
                if math.hypot(middle.x - there.x, middle.y - there.y) < ON_PAVEMENT_M:
                    return middle
        return None


def _from_segment_m(place: tuple[float, float], start: Any, end: Any) -> float:
    dx, dy = end.x - start.x, end.y - start.y
    px, py = place[0] - start.x, place[1] - start.y
    share = min(max((px * dx + py * dy) / max(dx * dx + dy * dy, 1e-9), 0.0), 1.0)
    return math.hypot(px - share * dx, py - share * dy)
