"""What CARLA's sensors send, in auxdrive's stored formats (`auxdrive.MODALITIES`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from auxdrive.types import AnyArray, Float32, Float64, UInt8

from auxdrive_eval.simulators.carla.border import points_in_ego

FAR_M = 1000.0
"""The depth that a pixel of all ones means."""
_DEEPEST = 65535


def pixels(image: Any) -> UInt8:
    """The pixels of a `carla.Image`, uint8 (H, W, 4), BGRA; a view of its memory."""
    height, width = int(image.height), int(image.width)
    return np.frombuffer(image.raw_data, np.uint8).reshape(height, width, 4)


def rgb(image: Any) -> UInt8:
    """The image of an RGB camera, uint8 (H, W, 3)."""
    return np.ascontiguousarray(pixels(image)[..., 2::-1])


def depth(image: Any) -> AnyArray:
    """Depth along the camera's axis, uint16 (H, W), centimetres; 65535 for what is farther than
    655 m, as the sky is.
    """
    blue, green, red = (pixels(image)[..., channel].astype(np.uint32) for channel in range(3))
    encoded = red + (green << 8) + (blue << 16)
    centimetres: Float64 = np.rint(encoded * (100.0 * FAR_M / (2**24 - 1)))
    return np.minimum(centimetres, _DEEPEST).astype(np.uint16)


def segmentation(image: Any, class_of_tag: UInt8) -> UInt8:
    """Class ids, uint8 (H, W).

    Args:
        image: of a camera for semantic segmentation, whose red channel holds CARLA's tags.
        class_of_tag: `Version.class_of_tag`.
    """
    return np.asarray(class_of_tag[pixels(image)[..., 2]])


def lidar_points(measurement: Any, mount_m: tuple[float, float, float]) -> Float32:
    """The points of a `carla.LidarMeasurement` in the ego frame, float32 (N, 4): x, y, z in metres,
    and intensity.

    Args:
        measurement: of a LiDAR that looks ahead.
        mount_m: where it is in the ego frame.
    """
    sent: Float32 = np.frombuffer(measurement.raw_data, np.float32).reshape(-1, 4)
    return points_in_ego(sent, mount_m).astype(np.float32)
