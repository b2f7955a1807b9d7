"""Which of the things on the ground a camera may show: the others are not put into its graph."""

from __future__ import annotations

import math

from auxdrive.cards import CameraSpec
from auxdrive.types import Pose2

MIDDLE_M = 1.0
"""The height of the middle of what stands on the ground."""
_SPARE = 1.05
"""The cone is so much wider than the image."""


class Cone:
    """What lies before a camera, and a little more.

    Args:
        camera: in the ego's frame; looks along x.
        half_width: of its image, at a distance of 1 along its axis.
        half_height: likewise.
    """

    def __init__(self, camera: CameraSpec, half_width: float, half_height: float) -> None:
        self._camera = camera
        self._across, self._upright = _SPARE * half_width, _SPARE * half_height
        # How much farther away than its edges a ball may be that reaches into the cone.
        self._beside = math.hypot(1.0, self._across)
        self._over = math.hypot(1.0, self._upright)
        self._tilt = math.cos(camera.pitch_rad), math.sin(camera.pitch_rad)
        self.aim(Pose2(0.0, 0.0, 0.0))

    def aim(self, ego: Pose2) -> None:
        """Look from a pose of the ego."""
        camera, cos, sin = self._camera, math.cos(ego.yaw_rad), math.sin(ego.yaw_rad)
        self._cos, self._sin = cos, sin
        self._x_m = ego.x_m + camera.x_m * cos - camera.y_m * sin
        self._y_m = ego.y_m + camera.x_m * sin + camera.y_m * cos

    def may_show(self, x_m: float, y_m: float, reach_m: float) -> bool:
        """Whether something may be in the image, hidden or not.

        Args:
            x_m: of its middle, in the world frame.
            y_m: of its middle.
            reach_m: no part of it is farther from its middle, which is `MIDDLE_M` high.
        """
        dx, dy, dz = x_m - self._x_m, y_m - self._y_m, MIDDLE_M - self._camera.z_m
        ahead, left = dx * self._cos + dy * self._sin, dy * self._cos - dx * self._sin
        cos, sin = self._tilt
        depth, up = ahead * cos - dz * sin, ahead * sin + dz * cos
        return (
            depth > -reach_m
            and abs(left) < depth * self._across + reach_m * self._beside
            and abs(up) < depth * self._upright + reach_m * self._over
        )
