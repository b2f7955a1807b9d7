"""The driving lanes of a map, section by section, as `carla.Map` gives them.

Legend: N points along a lane; the world frame is right-handed (y to the left), metres.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from auxdrive.errors import DataError
from auxdrive.types import Float64

from auxdrive_eval.road_maps.base import LaneId

STEP_M = 0.5
END_M = 1e-3
"""To what a lane's end is found."""
MOST_POINTS = 2_000_000
"""A map with more than 1,000 km of lanes is refused."""
LEAST_WIDTH_M = 1.0
"""No car drives on a lane that is narrower in its middle."""


@dataclass(frozen=True, slots=True)
class LaneSection:
    """A driving lane of one section of a road.

    Attributes:
        key: its road, section and lane.
        points: float64 (N, 3), in driving direction.
        s_m: float64 (N,), where these lie along the road, as OpenDRIVE counts.
        width_m: in its middle.
        parking_m: width of the parking lane to its right in its middle, 0 without.
        junction: the junction that it leads through, else None.
        after: the lanes that follow.
    """

    key: LaneId
    points: Float64
    s_m: Float64
    width_m: float
    parking_m: float
    junction: int | None
    after: tuple[LaneId, ...]


def lane_sections(carla_map: Any) -> dict[LaneId, LaneSection]:
    """Every driving lane of a map, in the order of their keys.

    Args:
        carla_map: a `carla.Map`.

    Raises:
        DataError: the map is too large, or a lane has no length or is too narrow.
    """
    entries: dict[LaneId, Any] = {}
    after: dict[LaneId, set[LaneId]] = {}
    for entry, following in carla_map.get_topology():
        key, other = key_of(entry), key_of(following)
        entries.setdefault(key, entry)
        after.setdefault(key, set()).update({other} - {key})
    left, found = MOST_POINTS, {}
    for key in sorted(entries):
        entry = entries[key]
        places = list(_along(carla_map, entry, left))
        left -= len(places)
        if left <= 0:
            raise DataError(f"its lanes are longer than {MOST_POINTS * STEP_M / 1000:.0f} km")
        points = np.array([world(place) for place in places])
        width_m = float(np.median([place.lane_width for place in places]))
        if len(points) < 2 or not width_m >= LEAST_WIDTH_M:
            raise DataError(
                f"lane {key.lane} of road {key.road} has no length, or is {width_m:.1f} m wide; "
                f"at least {LEAST_WIDTH_M} m is needed"
            )
        found[key] = LaneSection(
            key,
            points,
            np.array([place.s for place in places]),
            width_m,
            _parking_m(places[len(places) // 2]),
            int(entry.junction_id) if entry.is_junction else None,
            tuple(sorted(other for other in after[key] if other in entries)),
        )
    return found


def key_of(waypoint: Any) -> LaneId:
    """The lane on which a waypoint lies."""
    return LaneId(waypoint.road_id, waypoint.section_id, waypoint.lane_id)


def world(waypoint: Any) -> tuple[float, float, float]:
    """The place of a waypoint in the world frame."""
    location = waypoint.transform.location
    return location.x, -location.y, location.z


def _parking_m(waypoint: Any) -> float:
    beside = waypoint.get_right_lane()
    is_parking = beside is not None and str(beside.lane_type) == "Parking"
    return float(beside.lane_width) if is_parking else 0.0


def _along(carla_map: Any, entry: Any, most: int) -> Iterator[Any]:
    """Waypoints from the start of a lane to its end, where its section ends. At most `most`."""
    key, forward, s = key_of(entry), -1.0 if entry.lane_id > 0 else 1.0, entry.s
    yield entry
    last, step = entry, STEP_M
    for _ in range(most):
        place = carla_map.get_waypoint_xodr(key.road, key.lane, last.s + forward * step)
        if place is not None and key_of(place) == key and (place.s - s) * forward > 0:
            yield place
            last, s = place, place.s
        elif step < END_M:
            return
        else:
            step /= 2
