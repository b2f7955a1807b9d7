"""The agent's sensors: how a leaderboard is asked for them, and what it sends.

CARLA's frame (y to the right, yaw clockwise, pitch positive up) becomes auxdrive's here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from auxdrive.cards import CameraSpec
from auxdrive.checks.numbers import reading, shown
from auxdrive.errors import InputError, UsageError
from auxdrive.frames import wrap_angle_rad
from auxdrive.types import UInt8

CAMERA, GNSS, IMU, SPEED = "rgb", "gnss", "imu", "speed"
MOST_M = 3.0
"""No leaderboard allows a sensor farther from the origin of the ego."""
TICKS_HZ = 20

_COMPASS_OF_X_RAD = math.pi / 2
"""CARLA's compass counts clockwise from its -y axis, which it calls north."""


def sensor_suite(camera: CameraSpec, rear_axle_m: float) -> list[dict[str, Any]]:
    """What `AutonomousAgent.sensors` returns: the camera of a bundle, speedometer, GNSS and IMU.
    GNSS and IMU sit at the rear axle.

    Args:
        camera: that the bundle was trained with.
        rear_axle_m: how far the rear axle lies behind the ego's origin.

    Raises:
        UsageError: the leaderboards do not allow that camera, or its field of view is not known.

    Examples:
        >>> from auxdrive import CameraSpec
        >>> from auxdrive_eval.team_agent.sensors import sensor_suite
        >>> camera = CameraSpec(width=256, height=144, fov_deg=100.0, x_m=1.73, z_m=1.6)
        >>> rgb, *others = sensor_suite(camera, rear_axle_m=1.43)
        >>> round(rgb["x"], 2), [each["id"] for each in others]
        (0.3, ['gnss', 'imu', 'speed'])
    """
    if camera.fov_deg is None:
        raise UsageError(
            "the bundle's card does not say the camera's field of view (camera.fov_deg), without "
            "which a leaderboard mounts none"
        )
    x_m, y_m, z_m = camera.x_m - rear_axle_m, -camera.y_m, camera.z_m
    if math.sqrt(x_m**2 + y_m**2 + z_m**2) > MOST_M:
        raise UsageError(
            f"the bundle's camera is mounted {math.hypot(x_m, y_m, z_m):.2f} m from the origin of "
            f"the leaderboards' ego (its card says {camera.x_m:g} m ahead of the rear axle, "
            f"{camera.y_m:g} m to the left and {camera.z_m:g} m up, and the axle lies "
            f"{rear_axle_m:g} m behind that origin); they allow {MOST_M:g} m"
        )
    own = {
        "width": camera.width,
        "height": camera.height,
        "fov": camera.fov_deg,
    }
    return [
        _row("sensor.camera.rgb", CAMERA, (x_m, y_m, z_m), -math.degrees(camera.pitch_rad), **own),
        _row("sensor.other.gnss", GNSS, (-rear_axle_m, 0.0, 0.0)),
        _row("sensor.other.imu", IMU, (-rear_axle_m, 0.0, 0.0)),
        {"type": "sensor.speedometer", "reading_frequency": TICKS_HZ, "id": SPEED},
    ]


def _row(
    kind: str, name: str, place: tuple[float, float, float], pitch_deg: float = 0.0, **own: object
) -> dict[str, Any]:
    x_m, y_m, z_m = place
    return {
        "type": kind, "id": name, "x": x_m, "y": y_m, "z": z_m,
        "roll": 0.0, "pitch": pitch_deg, "yaw": 0.0, **own,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sensed:
    """What the sensors say at one tick, in auxdrive's frame. What is None was not sent, or is not
    finite.

    Attributes:
        image: uint8 RGB (H, W, 3).
        fix_deg: latitude and longitude.
        yaw_rad: the heading by the compass, positive to the left from the world's x axis.
        yaw_rate_radps: positive to the left.
        speed_mps: forward speed.
    """

    image: UInt8 | None = None
    fix_deg: tuple[float, float] | None = None
    yaw_rad: float | None = None
    yaw_rate_radps: float | None = None
    speed_mps: float | None = None

    @property
    def missing(self) -> list[str]:
        """What is not known at this tick, and what is done without it."""
        return [
            words
            for words, value in (
                (
                    f"no image of the camera '{CAMERA}': the last prediction is driven by until it "
                    "is too old, and then the car is braked",
                    self.image,
                ),
                ("no finite GNSS fix: the way is reckoned by speed and heading", self.fix_deg),
                ("no finite compass: the heading is reckoned by the yaw rate", self.yaw_rad),
                ("no finite speed: the car is braked", self.speed_mps),
            )
            if value is None
        ]


def read_sensors(input_data: Mapping[str, Any]) -> Sensed:
    """What a leaderboard sends at a tick (`run_step`'s `input_data`).

    Args:
        input_data: by the sensors' ids, the number of a frame and the data. Sensors may be missing.

    Raises:
        InputError: it is not what a leaderboard sends: another type or shape.
    """
    if not isinstance(input_data, Mapping):
        raise InputError(f"input_data is {shown(input_data)}; a leaderboard gives a dictionary")
    gnss = _finite(GNSS, input_data, 3)
    imu = _finite(IMU, input_data, 7)
    latitude, longitude, _ = gnss
    *_, yaw_rate, compass = imu
    speed = _speed(input_data)
    return Sensed(
        image=_image(input_data),
        fix_deg=None if math.isnan(latitude + longitude) else (latitude, longitude),
        yaw_rad=None if math.isnan(compass) else float(wrap_angle_rad(_COMPASS_OF_X_RAD - compass)),
        yaw_rate_radps=None if math.isnan(yaw_rate) else -yaw_rate,
        speed_mps=None if math.isnan(speed) else speed,
    )


def _data(name: str, input_data: Mapping[str, Any]) -> Any:
    """What a sensor has sent; None where it has sent nothing."""
    given = input_data.get(name)
    if given is None:
        return None
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise InputError(
            f"input_data['{name}'] is {shown(given)}; a leaderboard gives the number of a frame "
            "and the data"
        )
    return given[1]


def _finite(name: str, input_data: Mapping[str, Any], count: int) -> tuple[float, ...]:
    """The numbers of a sensor; NaN for those that are not finite, and where it has sent nothing."""
    data = _data(name, input_data)
    if data is None:
        return (math.nan,) * count
    values = np.asarray(data)
    if values.shape != (count,) or values.dtype.kind not in "fiu":
        raise InputError(
            f"the sensor '{name}' sent {shown(data)}; a leaderboard gives {count} numbers"
        )
    found: list[float] = values.astype(np.float64).tolist()
    return tuple(value if math.isfinite(value) else math.nan for value in found)


def _speed(input_data: Mapping[str, Any]) -> float:
    data = _data(SPEED, input_data)
    if data is None:
        return math.nan
    if not isinstance(data, Mapping) or "speed" not in data:
        raise InputError(
            f"the sensor '{SPEED}' sent {shown(data)}; a leaderboard gives {{'speed': m/s}}"
        )
    value = reading("the speedometer's speed", data["speed"], "m/s")
    return value if math.isfinite(value) else math.nan


def _image(input_data: Mapping[str, Any]) -> UInt8 | None:
    data = _data(CAMERA, input_data)
    if data is None:
        return None
    if not isinstance(data, np.ndarray) or data.ndim != 3 or data.shape[2] != 4:
        raise InputError(
            f"the camera '{CAMERA}' sent {shown(data)}; a leaderboard gives uint8 (height, width, "
            "BGRA)"
        )
    return np.ascontiguousarray(data[..., 2::-1])
