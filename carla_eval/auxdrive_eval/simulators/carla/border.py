"""The border between auxdrive's frame and CARLA's: y and yaw change their signs here, and nowhere
else in this package.

Where `auxdrive.CameraSpec` and the ego's pose refer to the middle of the rear axle, CARLA refers to
a vehicle's own origin, which lies `rear_axle_m` ahead of it, on the ground.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from auxdrive.frames import carla_points_to_world, carla_pose_to_world, world_yaw_to_carla
from auxdrive.types import AnyArray, Float64, Pose2

from auxdrive_eval.world import Point


def transform(
    carla: Any, place: tuple[float, float, float], yaw_rad: float = 0.0, pitch_rad: float = 0.0
) -> Any:
    """A `carla.Transform`.

    Args:
        carla: the module.
        place: x, y and z in the world frame, or in a vehicle's; metres.
        yaw_rad: positive to the left.
        pitch_rad: positive looks down.
    """
    x_m, y_m, z_m = place
    rotation = carla.Rotation(
        pitch=-math.degrees(pitch_rad), yaw=float(world_yaw_to_carla(yaw_rad)), roll=0.0
    )
    return carla.Transform(carla.Location(x=x_m, y=-y_m, z=z_m), rotation)


def along(carla: Any, yaw_rad: float, length: float) -> Any:
    """A `carla.Vector3D` on the ground.

    Args:
        carla: the module.
        yaw_rad: its direction in the world frame.
        length: such as a speed.
    """
    return carla.Vector3D(length * math.cos(yaw_rad), -length * math.sin(yaw_rad), 0.0)


def on_ground(vector: Any) -> tuple[float, float]:
    """The x and y in the world frame of a `carla.Vector3D` that is a velocity."""
    return float(vector.x), -float(vector.y)


def axes_of(placed: Any) -> tuple[Float64, Float64]:
    """Where a `carla.Transform` is, (3,), and its axes forward, left and up, the rows of (3, 3), in
    the world frame.
    """
    matrix = np.array(placed.get_matrix())[:3]
    mirrored = matrix * np.array([[1.0], [-1.0], [1.0]])
    forward, right, up, origin = mirrored.T
    return origin, np.array([forward, -right, up])


def corners_of(carla: Any, box: Any) -> Float64:
    """The corners (8, 3) of a `carla.BoundingBox` that is given in the world.

    Args:
        carla: the module.
        box: which.
    """
    vertices = box.get_world_vertices(carla.Transform())
    return carla_points_to_world(np.array([(each.x, each.y, each.z) for each in vertices]))


def pose(transform: Any) -> Pose2:
    """Place and heading of a `carla.Transform` in the world frame."""
    return carla_pose_to_world(transform.location.x, transform.location.y, transform.rotation.yaw)


def ahead(start: Pose2, distance_m: float) -> Point:
    """The point at a distance along a heading, behind where it is negative.

    Args:
        start: in the world frame.
        distance_m: along its heading.
    """
    return (
        start.x_m + distance_m * math.cos(start.yaw_rad),
        start.y_m + distance_m * math.sin(start.yaw_rad),
    )


def rear_axle(vehicle: Pose2, rear_axle_m: float) -> Pose2:
    """The pose of the rear axle of a vehicle.

    Args:
        vehicle: the pose of its origin.
        rear_axle_m: how far the axle lies behind the origin.
    """
    return Pose2(*ahead(vehicle, -rear_axle_m), vehicle.yaw_rad)


def forward_mps(velocity: Any, heading: Pose2) -> float:
    """The speed along a heading.

    Args:
        velocity: a `carla.Vector3D` in CARLA's world frame.
        heading: in our world frame.
    """
    return float(velocity.x * math.cos(heading.yaw_rad) - velocity.y * math.sin(heading.yaw_rad))


def points_in_ego(points: AnyArray, mount_m: tuple[float, float, float]) -> Float64:
    """A LiDAR's points in the ego frame, whose origin lies on the ground under the rear axle.

    Args:
        points: (N, 4), as CARLA gives them in the sensor's frame (y to the right).
        mount_m: where the sensor is in the ego frame; it looks ahead.
    """
    ours = np.asarray(points, np.float64).copy()
    ours[:, :3] = carla_points_to_world(ours[:, :3]) + np.asarray(mount_m)
    return ours
