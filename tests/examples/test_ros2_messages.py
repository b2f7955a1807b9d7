"""What the ROS 2 examples make of messages, with the message classes of ROS 2 Jazzy."""

from __future__ import annotations

import array
import io
import math

import numpy as np
import pytest
from auxdrive import Control, InputError, Pose2
from PIL import Image

pytest.importorskip("rosbags")

import bag_messages as bag
from ros_messages import (
    CHANNELS,
    Command,
    acceleration_of,
    fill_ackermann,
    fill_twist,
    image_of,
    pose_of,
    time_of,
)

RGB = np.random.default_rng(3).integers(0, 256, (6, 8, 3), np.uint8)


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("encoding", [name for name in CHANNELS if name != "mono8"])
def test_every_encoding_gives_red_green_blue(encoding: str, padding: int) -> None:
    order = CHANNELS[encoding]
    stored = np.zeros((6, 8, len(order)), np.uint8)
    for colour in range(3):
        stored[..., order[colour]] = RGB[..., colour]
    image = image_of(bag.image(stored, 1.0, encoding, padding))
    np.testing.assert_array_equal(image, RGB)
    assert image.flags.c_contiguous


def test_grey_is_three_times_the_same() -> None:
    image = image_of(bag.image(RGB[..., :1], 1.0, "mono8", 3))
    np.testing.assert_array_equal(image, np.repeat(RGB[..., :1], 3, axis=2))


def test_data_may_be_what_rclpy_holds_it_in() -> None:
    message = bag.image(RGB, 1.0)
    message.data = array.array("B", RGB.tobytes())
    np.testing.assert_array_equal(image_of(message), RGB)


def test_a_compressed_image_is_decoded_and_scaled() -> None:
    wide = np.zeros((24, 32, 3), np.uint8)
    wide[:, :16, 0] = 255  # red on the left
    file = io.BytesIO()
    Image.fromarray(wide).save(file, "JPEG", quality=95, subsampling=0)
    image = image_of(bag.compressed(file.getvalue(), 1.0), (16, 12))
    assert image.shape == (12, 16, 3)
    assert image[:, :6, 0].min() > 230
    assert image[:, :6, 2].max() < 25


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ({"encoding": "bayer_rggb8"}, "encoding is 'bayer_rggb8'; known are rgb8"),
        ({"data": np.zeros(7, np.uint8)}, "holds 7 bytes"),
        ({"step": 1}, "6 rows of 1 bytes"),
        ({"height": 0, "data": np.zeros(0, np.uint8)}, "0 rows"),
        ({"width": 9}, "for 9 pixels"),
    ],
)
def test_a_damaged_image_is_refused(damage: dict[str, object], told: str) -> None:
    message = bag.image(RGB, 1.0)
    for name, value in damage.items():
        setattr(message, name, value)
    with pytest.raises(InputError, match=told):
        image_of(message)


@pytest.mark.parametrize("data", [b"", b"no image", b"\xff\xd8\xff\xe0cut off"])
def test_damaged_compressed_data_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="cannot be decoded"):
        image_of(bag.compressed(data, 1.0))


def test_times_and_poses() -> None:
    assert time_of(bag.odometry(1700000000.25, 4.0)) == pytest.approx(1700000000.25, abs=1e-6)
    pose = pose_of(bag.odometry(1.0, 4.0, 3.0, -2.0, 2.5))
    assert (pose.x_m, pose.y_m, pose.yaw_rad) == pytest.approx((3.0, -2.0, 2.5))
    assert isinstance(pose, Pose2)


def test_pedals_become_an_acceleration() -> None:
    assert acceleration_of(Control(0.1, 0.5, 0.0), 2.0, 6.0) == 1.0
    assert acceleration_of(Control(0.1, 0.0, 0.5), 2.0, 6.0) == -3.0


def test_messages_are_filled() -> None:
    zero = [bag.made("geometry_msgs/msg/Vector3", 0.0, 0.0, 0.0) for _ in range(2)]
    twist = fill_twist(bag.made("geometry_msgs/msg/Twist", *zero), Command(0.2, 5.0, 1.0), 2.5)
    assert twist.linear.x == 5.0
    assert twist.angular.z == pytest.approx(5.0 * math.tan(0.2) / 2.5)  # to the left is positive
    drive = bag.made("ackermann_msgs/msg/AckermannDrive", 0.0, 0.0, 0.0, 0.0, 0.0)
    stamped = bag.made("ackermann_msgs/msg/AckermannDriveStamped", bag.header(1.0), drive)
    filled = fill_ackermann(stamped, Command(-0.2, 5.0, -3.0)).drive
    assert (filled.steering_angle, filled.speed, filled.acceleration) == (-0.2, 5.0, 3.0)
    name = "ackermann_msgs/msg/AckermannDriveStamped"
    again = bag.STORE.deserialize_cdr(bag.STORE.serialize_cdr(stamped, name), name)
    assert again.drive.speed == 5.0
