"""Which places on the lanes of a town the keypoints of a route may mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from auxdrive.errors import SimulatorError

from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph, Position
from auxdrive_eval.world import Point

OFF_LANE_M = 0.5
"""How far beyond its lane's edge a keypoint may lie."""
CHORD_RAD = math.radians(0.5)
"""A heading that differs from the direction to the next keypoint by less than this was computed
from it.
"""


def places_of(
    graph: LaneGraph, keypoints: Sequence[Point], yaws_rad: Sequence[float | None]
) -> list[dict[Position, float]]:
    """The places on lanes that each keypoint may mean.

    Args:
        graph: the lanes of the town.
        keypoints: two or more (x, y) in the world frame, metres.
        yaws_rad: heading of the lane at each keypoint; None where it is not known. One that is only
            the direction to the next keypoint is passed over where no lane has it, at up to half of
            the keypoints, or at two.

    Returns:
        For each keypoint its places, each with the distance between keypoint and lane, metres.

    Raises:
        SimulatorError: a keypoint is not finite, or lies off every lane (of its heading).
    """
    for index, point in enumerate(keypoints):
        if not np.isfinite(point).all():
            raise SimulatorError(f"keypoint {index} is not finite: {point}")
    places = [
        graph.positions_near(float(x), float(y), OFF_LANE_M, yaw_rad)[0]
        for (x, y), yaw_rad in zip(keypoints, yaws_rad, strict=True)
    ]
    contrary = [
        index
        for index in range(len(places))
        if not places[index] and _is_chord(keypoints, yaws_rad, index)
    ]
    passed_over = contrary if len(contrary) <= max(2, len(places) // 2) else []
    for index, (x, y) in enumerate(keypoints):
        if not places[index]:
            places[index], nearest_m = graph.positions_near(float(x), float(y), OFF_LANE_M)
            if index not in passed_over:
                raise SimulatorError(
                    _off_lane(
                        graph, index, (x, y), yaws_rad[index], None if places[index] else nearest_m
                    )
                )
    return places


def _is_chord(keypoints: Sequence[Point], yaws_rad: Sequence[float | None], index: int) -> bool:
    """Whether a keypoint's heading is just the direction to the next keypoint (for the last: from
    the one before).
    """
    yaw_rad, first = yaws_rad[index], min(index, len(keypoints) - 2)
    (x, y), (next_x, next_y) = keypoints[first], keypoints[first + 1]
    return (
        yaw_rad is not None
        and abs(math.remainder(yaw_rad - math.atan2(next_y - y, next_x - x), math.tau)) <= CHORD_RAD
    )


def _off_lane(
    graph: LaneGraph, index: int, point: Point, yaw_rad: float | None, nearest_m: float | None
) -> str:
    """What is wrong with a keypoint. `nearest_m` is None if it lies on a lane, but has not that
    lane's heading.
    """
    at = f"keypoint {index} at x {point[0]:.1f}, y {point[1]:.1f} (to the left)"
    if nearest_m is None:
        assert yaw_rad is not None
        _, away_m = graph.positions_near(point[0], point[1], 0.0, yaw_rad)
        beside = (
            f"{away_m:.1f} m from the middle of the nearest lane"
            if math.isfinite(away_m)
            else "away from every lane"
        )
        return (
            f"{at} lies {beside} of {graph.town.name} that runs its way "
            f"({math.degrees(yaw_rad):.0f} degrees, positive to the left); the "
            "lane that it lies on runs another way. Is its yaw that of the lane? A waypoint may do "
            "without yaw"
        )
    allowed_m = max(lane.width_m for lane in graph.town.lanes.values()) / 2 + OFF_LANE_M
    return (
        f"{at} lies {nearest_m:.1f} m from the middle of the nearest lane of {graph.town.name}; at "
        f"most {allowed_m:.2f} m is allowed. "
        "Is the file meant for this town, and its y to the right?"
    )
