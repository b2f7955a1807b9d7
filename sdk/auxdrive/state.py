"""The structured array `state.npy`: one record per recorded frame. World frame right-handed, z up; ego frame ISO 8855."""

from __future__ import annotations

import numpy as np

STATE_DTYPE = np.dtype(
    [
        ("time_s", "<f8"),  # since the episode began
        ("x_m", "<f8"),  # rear axle in the world frame; NaN where a source has no pose
        ("y_m", "<f8"),
        ("yaw_rad", "<f8"),
        ("speed_mps", "<f4"),  # NaN where a source has no speed
        ("steer_rad", "<f4"),  # road-wheel angle that the driver commanded, positive left
        ("throttle", "<f4"),
        ("brake", "<f4"),
        ("command", "<i1"),  # CARLA's RoadOption, -1 where unknown
        ("target_x_m", "<f4"),  # next goal in the ego frame; NaN where unknown
        ("target_y_m", "<f4"),
        ("disturbed", "<i1"),  # 1 while the executed steering was disturbed on purpose, so the path is not the driver's
    ]
)
