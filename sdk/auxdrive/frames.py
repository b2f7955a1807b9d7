"""Conversions between the coordinate frames of auxdrive (ISO 8855 / REP-103), CARLA and ROS, and
between the world and the ego frame.

auxdrive   right-handed: x forward, y left, z up; metres, radians; yaw positive to the left
           (counter-clockwise from above).
CARLA      left-handed: x forward, y right, z up; degrees; yaw positive to the right (clockwise
           from above); steer -1..1, + = right.
ROS        REP-103 body frames are auxdrive's ego frame. Optical frames: x right, y down, z
           forward. Quaternions are (x, y, z, w).

Points are float arrays (..., 2) or (..., 3); results are float64. Only code at the border to CARLA
or ROS converts; everything behind it uses auxdrive's frames.
"""

from __future__ import annotations

import math

import numpy as np

from auxdrive.errors import InputError
from auxdrive.types import AnyArray, Float64, Pose2

Quaternion = tuple[float, float, float, float]


def wrap_angle_rad(angle_rad: Float64 | float) -> Float64:
    """The same angle in (-pi, pi]; any shape."""
    wrapped = math.pi - np.mod(math.pi - np.asarray(angle_rad, dtype=np.float64), 2 * math.pi)
    # for a tiny negative number mod rounds up to 2 pi itself
    return np.asarray(np.where(wrapped <= -math.pi, math.pi, wrapped))


def _points(points: AnyArray, extents: tuple[int, ...] = (2, 3)) -> Float64:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] not in extents:
        raise InputError(
            f"points have the shape (..., {' or '.join(str(extent) for extent in extents)}), got "
            f"{array.shape}"
        )
    return array


# CARLA


def carla_points_to_world(points_carla_m: AnyArray) -> Float64:
    """Points in CARLA's world (or vehicle) frame, (..., 2) or (..., 3), in auxdrive's: y changes
    its sign.
    """
    world = _points(points_carla_m).copy()
    world[..., 1] *= -1.0
    return world


def world_points_to_carla(points_m: AnyArray) -> Float64:
    """Points in auxdrive's world (or ego) frame, (..., 2) or (..., 3), in CARLA's: y changes its
    sign.
    """
    return carla_points_to_world(points_m)


def carla_yaw_to_world(yaw_deg: Float64 | float) -> Float64:
    """CARLA's yaw (degrees, positive right) as auxdrive's (radians in (-pi, pi], positive left)."""
    return wrap_angle_rad(-np.radians(np.asarray(yaw_deg, dtype=np.float64)))


def world_yaw_to_carla(yaw_rad: Float64 | float) -> Float64:
    """auxdrive's yaw as CARLA's, in [-180, 180) degrees."""
    return np.asarray(-np.degrees(wrap_angle_rad(yaw_rad)))


def carla_pose_to_world(x_m: float, y_m: float, yaw_deg: float) -> Pose2:
    """Location and yaw of a CARLA transform as a pose in auxdrive's world frame.

    Args:
        x_m: the location's x, forward.
        y_m: the location's y, to the right.
        yaw_deg: positive to the right (clockwise from above).
    """
    return Pose2(float(x_m), -float(y_m), float(carla_yaw_to_world(yaw_deg)))


def world_pose_to_carla(pose: Pose2) -> tuple[float, float, float]:
    """A pose as x and y in metres and yaw in degrees for a CARLA transform."""
    return pose.x_m, -pose.y_m, float(world_yaw_to_carla(pose.yaw_rad))


def carla_steer_to_rad(steer: float, max_road_wheel_rad: float) -> float:
    """CARLA's steer (-1..1, positive right) as a road-wheel angle, positive left.

    Args:
        steer: as CARLA takes it.
        max_road_wheel_rad: the maximum steering angle, at a steer of -1 or 1; above 0 and up to
            pi/2.

    Raises:
        InputError: there is no such maximum steering angle.
    """
    return -float(steer) * _checked_max(max_road_wheel_rad)


def steer_rad_to_carla(steer_rad: float, max_road_wheel_rad: float) -> float:
    """A road-wheel angle as CARLA's steer (-1..1, positive right). Beyond the maximum steering
    angle it is cut to that, as in the vehicle.

    Args:
        steer_rad: road-wheel angle, positive left.
        max_road_wheel_rad: the maximum steering angle, at a steer of -1 or 1; above 0 and up to
            pi/2.

    Raises:
        InputError: the angle is not finite, or there is no such maximum steering angle.
    """
    if not math.isfinite(steer_rad):
        raise InputError(f"steer_rad must be finite, got {steer_rad}")
    return min(1.0, max(-1.0, -float(steer_rad) / _checked_max(max_road_wheel_rad)))


def _checked_max(max_road_wheel_rad: float) -> float:
    if not 0 < max_road_wheel_rad <= math.pi / 2:
        raise InputError(f"max_road_wheel_rad must lie in (0, pi/2], got {max_road_wheel_rad}")
    return max_road_wheel_rad


# ROS


def optical_points_to_ego(points_optical_m: AnyArray) -> Float64:
    """Points (..., 3) of a ROS optical frame (x right, y down, z forward) in a frame of the same
    origin with auxdrive's axes.
    """
    x, y, z = np.moveaxis(_points(points_optical_m, (3,)), -1, 0)
    return np.stack((z, -x, -y), axis=-1)


def ego_points_to_optical(points_m: AnyArray) -> Float64:
    """The inverse of `optical_points_to_ego`, for points (..., 3)."""
    x, y, z = np.moveaxis(_points(points_m, (3,)), -1, 0)
    return np.stack((-y, -z, x), axis=-1)


def quaternion_from_yaw(yaw_rad: float) -> Quaternion:
    """The unit quaternion (x, y, z, w) of a rotation about z."""
    return 0.0, 0.0, math.sin(yaw_rad / 2), math.cos(yaw_rad / 2)


def yaw_from_quaternion(quaternion: Quaternion) -> float:
    """The heading, in (-pi, pi], of the x axis as a quaternion (x, y, z, w) rotates it, seen from
    above. The quaternion need not have unit length.

    Raises:
        InputError: a zero or non-finite quaternion, or one whose x axis points straight up or down.
    """
    x, y, z, w = (float(part) for part in quaternion)
    # The first column of the rotation matrix, times |q|^2: the rotated x axis.
    forward, left = w * w + x * x - y * y - z * z, 2 * (w * z + x * y)
    squared = x * x + y * y + z * z + w * w
    if not math.isfinite(squared) or squared == 0 or math.hypot(forward, left) <= 1e-9 * squared:
        raise InputError(f"quaternion {quaternion} has no heading")
    return math.atan2(left, forward)


# World and ego


def ego_to_world(points_ego_m: AnyArray, ego: Pose2) -> Float64:
    """Points of the ego frame, (..., 2) or (..., 3), in the world frame; z does not change.

    Args:
        points_ego_m: x forward, y left and perhaps z up, from the ego's origin.
        ego: the ego's pose in the world.
    """
    points = _points(points_ego_m)
    cos, sin = math.cos(ego.yaw_rad), math.sin(ego.yaw_rad)
    world = points.copy()
    world[..., 0] = ego.x_m + cos * points[..., 0] - sin * points[..., 1]
    world[..., 1] = ego.y_m + sin * points[..., 0] + cos * points[..., 1]
    return world


def world_to_ego(points_m: AnyArray, ego: Pose2) -> Float64:
    """Points of the world frame, (..., 2) or (..., 3), in the ego frame; z does not change.

    Args:
        points_m: x, y and perhaps z in the world.
        ego: the ego's pose in the world.
    """
    offsets = _points(points_m).copy()
    offsets[..., 0] -= ego.x_m
    offsets[..., 1] -= ego.y_m
    return _along_axes(offsets, math.cos(ego.yaw_rad), math.sin(ego.yaw_rad))


def offsets_to_ego(offsets_m: AnyArray, yaw_rad: Float64) -> Float64:
    """Offsets from many vehicles, given along the axes of the world, along the axes of each
    vehicle.

    Args:
        offsets_m: (..., 2) or (..., 3); z does not change.
        yaw_rad: the vehicles' headings; the shape must broadcast to that of the offsets without
            their last axis.
    """
    return _along_axes(_points(offsets_m), np.cos(yaw_rad), np.sin(yaw_rad))


def _along_axes(offsets: Float64, cos: Float64 | float, sin: Float64 | float) -> Float64:
    local = offsets.copy()
    local[..., 0] = cos * offsets[..., 0] + sin * offsets[..., 1]
    local[..., 1] = -sin * offsets[..., 0] + cos * offsets[..., 1]
    return local


def compose(outer: Pose2, inner: Pose2) -> Pose2:
    """A pose that is given relative to another one, in the frame of that other one.

    Args:
        outer: a pose in some frame.
        inner: a pose relative to `outer`.

    Returns:
        `inner` in the frame in which `outer` is given.
    """
    x_m, y_m = ego_to_world(np.array([inner.x_m, inner.y_m]), outer)
    return Pose2(float(x_m), float(y_m), float(wrap_angle_rad(outer.yaw_rad + inner.yaw_rad)))


def inverse(pose: Pose2) -> Pose2:
    """The pose of the frame's origin relative to `pose`: `compose(pose, inverse(pose))` is the
    identity.
    """
    x_m, y_m = world_to_ego(np.zeros(2), pose)
    return Pose2(float(x_m), float(y_m), float(wrap_angle_rad(-pose.yaw_rad)))
