"""ROS 2 messages as auxdrive takes them, and commands as ROS 2 has them.

Messages are told by their fields, so those of rclpy and of rosbags do alike. REP 103 has auxdrive's
conventions: x forward, y left, radians, and turning to the left is positive.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from auxdrive import Control, InputError, Pose2
from numpy.typing import NDArray
from PIL import Image

CHANNELS = {
    "rgb8": (0, 1, 2),
    "bgr8": (2, 1, 0),
    "rgba8": (0, 1, 2, 3),
    "bgra8": (2, 1, 0, 3),
    "mono8": (0,),
}
"""Encodings of sensor_msgs/Image, and where red, green and blue stand in each."""


def image_of(message: Any, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The image of a sensor_msgs/Image or a sensor_msgs/CompressedImage.

    Args:
        message: the message.
        size: width and height to which it is scaled, squashed if need be; None leaves it.

    Returns:
        uint8 (H, W, 3), red, green, blue.

    Raises:
        InputError: it is damaged, or its encoding is not known here.
    """
    image = _decoded(message) if hasattr(message, "format") else _unpacked(message)
    if size is not None and image.shape[1::-1] != size:
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    return image


def _decoded(message: Any) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(bytes(message.data)), formats=("JPEG", "PNG")) as opened:
            return np.asarray(opened.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"the compressed image cannot be decoded: {error}") from error


def _unpacked(message: Any) -> NDArray[np.uint8]:
    """Rows may be longer than their pixels: `step` is the length of one."""
    if message.encoding not in CHANNELS:
        known = ", ".join(CHANNELS)
        raise InputError(f"the image's encoding is {message.encoding!r}; known are {known}")
    order = CHANNELS[message.encoding]
    height, width, step = message.height, message.width, message.step
    data = np.frombuffer(message.data, np.uint8)
    if step < width * len(order) or len(data) != height * step or not height * width:
        raise InputError(
            f"the image says {height} rows of {step} bytes for {width} pixels, and holds "
            f"{len(data)} bytes"
        )
    rows = data.reshape(height, step)[:, : width * len(order)]
    colours = rows.reshape(height, width, len(order))[..., order[:3]]
    return np.ascontiguousarray(np.broadcast_to(colours, (height, width, 3)))


def time_of(message: Any) -> float:
    """When a message's header says that it was taken, in seconds."""
    return float(message.header.stamp.sec + message.header.stamp.nanosec * 1e-9)


def pose_of(odometry: Any) -> Pose2:
    """Place and heading of a nav_msgs/Odometry, in its frame."""
    place, turn = odometry.pose.pose.position, odometry.pose.pose.orientation
    sin, cos = 2 * (turn.w * turn.z + turn.x * turn.y), 1 - 2 * (turn.y**2 + turn.z**2)
    return Pose2(float(place.x), float(place.y), math.atan2(sin, cos))


@dataclass(frozen=True, slots=True)
class Command:
    """What the vehicle's base is told.

    Attributes:
        steer_rad: road-wheel angle, positive to the left.
        speed_mps: that is wanted.
        acceleration_mps2: with which; positive where it gets faster.
        reason: why the bundle does not drive just now, in sentences; empty where it does.
    """

    steer_rad: float
    speed_mps: float
    acceleration_mps2: float
    reason: str = ""


def acceleration_of(control: Control, throttle_mps2: float, brake_mps2: float) -> float:
    """What the pedals of a command ask for, in m/s2; negative where it gets slower.

    Args:
        control: the command.
        throttle_mps2: what full throttle accelerates by.
        brake_mps2: what the full brake slows by.
    """
    return control.throttle * throttle_mps2 - control.brake * brake_mps2


def fill_twist(message: Any, command: Command, wheelbase_m: float) -> Any:
    """Fill a geometry_msgs/Twist: a speed, and the yaw rate that the angle gives at it."""
    message.linear.x = command.speed_mps
    message.angular.z = command.speed_mps * math.tan(command.steer_rad) / wheelbase_m
    return message


def fill_ackermann(message: Any, command: Command) -> Any:
    """Fill the `drive` of an ackermann_msgs/AckermannDriveStamped, whose acceleration is an
    absolute value.
    """
    message.drive.steering_angle = command.steer_rad
    message.drive.speed = command.speed_mps
    message.drive.acceleration = abs(command.acceleration_mps2)
    return message
