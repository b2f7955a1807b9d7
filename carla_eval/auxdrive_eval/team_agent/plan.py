"""The plan that a leaderboard gives to its agents: the same sparse route in degrees and in metres.

Legend: N points of the plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from auxdrive.errors import InputError, UsageError
from auxdrive.frames import carla_pose_to_world
from auxdrive.types import Float64, Pose2, RoadOption

from auxdrive_eval.road_maps.geo import GeoReference


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan.

    Attributes:
        points_m: float64 (N, 2), x and y in the world frame.
        commands: N.
        start: the pose in which the ego's origin begins.
        geo: the map's origin on the globe, by the projection of the plan.
    """

    points_m: Float64
    commands: tuple[RoadOption, ...]
    start: Pose2
    geo: GeoReference


def read_plan(degrees: Sequence[Sequence[float]], places: Sequence[Sequence[float]]) -> Plan:
    """The plan that a leaderboard's `set_global_plan` keeps.

    Args:
        degrees: (N, 2), latitude and longitude of each point.
        places: (N, 4), the same points in CARLA's frame: x, y, yaw in degrees, and the number of
            the road option.

    Raises:
        UsageError: there is no plan yet.
        InputError: the two are not the same route, or have a command that is none.
    """
    if not degrees or not places:
        raise UsageError(
            "the leaderboard has given no plan: it calls set_global_plan before the first run_step"
        )
    poses = [carla_pose_to_world(*place[:3]) for place in places]
    points_m = np.array([(pose.x_m, pose.y_m) for pose in poses], np.float64)
    commands = tuple(_command(int(place[3])) for place in places)
    geo = GeoReference.through(np.array(degrees, np.float64), points_m)
    return Plan(points_m, commands, poses[0], geo)


def _command(number: int) -> RoadOption:
    """Our road option of CARLA's, which has the same numbers. VOID, which no model is given, is to
    follow the lane, as TransFuser's agents take it.
    """
    try:
        command = RoadOption(number)
    except ValueError as error:
        raise InputError(f"the plan has the command {number}, no RoadOption") from error
    return RoadOption.LANE_FOLLOW if command is RoadOption.VOID else command
