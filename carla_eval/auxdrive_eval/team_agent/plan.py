"""The plan that a leaderboard gives to its agents: the same sparse route in degrees and in metres.

Legend: N points of the plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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


def read_plan(gps: Sequence[Any] | None, world: Sequence[Any] | None) -> Plan:
    """The plan that `AutonomousAgent.set_global_plan` keeps.

    Args:
        gps: `_global_plan`, N pairs of {"lat", "lon", "z"} and a road option.
        world: `_global_plan_world_coord`, N pairs of a `carla.Transform` and a road option.

    Raises:
        UsageError: there is no plan yet.
        InputError: the two are not the same route, or have a command that is none.
    """
    if not gps or not world:
        raise UsageError(
            "the leaderboard has given no plan: it calls set_global_plan before the first run_step"
        )
    degrees = np.array([(point["lat"], point["lon"]) for point, _ in gps], np.float64)
    poses = [
        carla_pose_to_world(place.location.x, place.location.y, place.rotation.yaw)
        for place, _ in world
    ]
    points_m = np.array([(pose.x_m, pose.y_m) for pose in poses], np.float64)
    commands = tuple(_command(option) for _, option in world)
    return Plan(points_m, commands, poses[0], GeoReference.through(degrees, points_m))


def _command(option: Any) -> RoadOption:
    """Our road option of CARLA's, which has the same numbers."""
    try:
        return RoadOption(int(getattr(option, "value", option)))
    except (TypeError, ValueError) as error:
        raise InputError(f"the plan has the command {option!r:.60}, no RoadOption") from error
