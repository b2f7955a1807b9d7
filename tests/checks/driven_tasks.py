"""A recorded drive, and labels of tasks, for what every task must do."""

from __future__ import annotations

import numpy as np
from auxdrive.cards import CameraSpec, DatasetCard, VehicleSpec
from auxdrive.data.state import STATE_DTYPE
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray
from auxdrive_train.tasks.base import Task

RATE_HZ = 10.0
STEERING = SteeringSpec()
VEHICLE = VehicleSpec(name="test car", wheelbase_m=2.8)
CARD = DatasetCard(
    name="t",
    rate_hz=RATE_HZ,
    modalities=(Modality.RGB,),
    camera=CameraSpec(width=16, height=8),
    vehicle=VEHICLE,
)


def drive(n: int = 80, speed_mps: float = 5.0, radius_m: float = 60.0) -> AnyArray:
    """Records of a left turn that grows tighter, (N,)."""
    state = np.zeros(n, STATE_DTYPE)
    state["time_s"] = np.arange(n) / RATE_HZ
    curvature = np.linspace(0.0, 1 / radius_m, n)
    state["yaw_rad"] = np.cumsum(speed_mps * curvature / RATE_HZ)
    for name, along in (("x_m", np.cos), ("y_m", np.sin)):
        state[name] = np.cumsum(speed_mps * along(state["yaw_rad"]) / RATE_HZ)
    state["speed_mps"], state["steer_rad"] = speed_mps, np.arctan(2.8 * curvature)
    state["target_x_m"], state["target_y_m"] = 20.0, np.linspace(0.0, 5.0, n)
    return state


def some(task: Task, seed: int, count: int = 20) -> AnyArray:
    """Physical labels of no particular drive."""
    rng = np.random.default_rng(seed)
    return np.asarray(0.1 * task.scale * rng.normal(size=(count, *task.label_shape)))
