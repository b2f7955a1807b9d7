"""Messages of ROS 2 for the tests, of the message classes that `rosbags` has of ROS 2 Jazzy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

STORE = get_typestore(Stores.ROS2_JAZZY)
# ackermann_msgs is no part of ROS's base; these are its definitions.
STORE.register(
    {
        **get_types_from_msg(
            "float32 steering_angle\nfloat32 steering_angle_velocity\nfloat32 speed\n"
            "float32 acceleration\nfloat32 jerk\n",
            "ackermann_msgs/msg/AckermannDrive",
        ),
        **get_types_from_msg(
            "std_msgs/Header header\nackermann_msgs/AckermannDrive drive\n",
            "ackermann_msgs/msg/AckermannDriveStamped",
        ),
    }
)


def made(name: str, *values: Any) -> Any:
    """A message of that type."""
    return STORE.types[name](*values)


def header(time_s: float, frame: str = "odom") -> Any:
    seconds, rest = divmod(round(time_s * 1e9), 10**9)
    return made("std_msgs/msg/Header", made("builtin_interfaces/msg/Time", seconds, rest), frame)


def image(
    pixels: NDArray[np.uint8], time_s: float, encoding: str = "rgb8", padding: int = 0
) -> Any:
    """A sensor_msgs/Image of pixels (H, W, C) that are in its encoding's order."""
    height, width = pixels.shape[:2]
    rows = np.pad(pixels.reshape(height, -1), ((0, 0), (0, padding)), constant_values=77)
    return made(
        "sensor_msgs/msg/Image", header(time_s, "camera"), height, width, encoding, 0,
        rows.shape[1], rows.ravel(),
    )  # fmt: skip


def compressed(data: bytes, time_s: float) -> Any:
    return made(
        "sensor_msgs/msg/CompressedImage", header(time_s), "jpeg", np.frombuffer(data, np.uint8)
    )


def pose(x_m: float, y_m: float, yaw_rad: float = 0.0) -> Any:
    place = made("geometry_msgs/msg/Point", x_m, y_m, 0.0)
    half = yaw_rad / 2
    turn = made("geometry_msgs/msg/Quaternion", 0.0, 0.0, float(np.sin(half)), float(np.cos(half)))
    return made("geometry_msgs/msg/Pose", place, turn)


def odometry(
    time_s: float, speed_mps: float, x_m: float = 0.0, y_m: float = 0.0, yaw_rad: float = 0.0
) -> Any:
    twist = made(
        "geometry_msgs/msg/Twist",
        made("geometry_msgs/msg/Vector3", speed_mps, 0.0, 0.0),
        made("geometry_msgs/msg/Vector3", 0.0, 0.0, 0.0),
    )
    unknown = np.zeros(36)
    return made(
        "nav_msgs/msg/Odometry", header(time_s), "base_link",
        made("geometry_msgs/msg/PoseWithCovariance", pose(x_m, y_m, yaw_rad), unknown),
        made("geometry_msgs/msg/TwistWithCovariance", twist, unknown),
    )  # fmt: skip


def route(*places: tuple[float, float], frame: str = "odom") -> Any:
    poses = [
        made("geometry_msgs/msg/PoseStamped", header(0.0, frame), pose(*place)) for place in places
    ]
    return made("nav_msgs/msg/Path", header(0.0, frame), poses)
