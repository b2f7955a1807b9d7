"""A recorded drive with the expert's plans, and labels of tasks, for what every task must do."""

from __future__ import annotations

import numpy as np
import torch
from auxdrive.cards import CameraSpec, DatasetCard, VehicleSpec
from auxdrive.data.plan import PATH_POINTS, PLAN_DTYPE, with_plan
from auxdrive.data.state import STATE_DTYPE
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray, RoadOption
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
    class_names=("left", "straight", "right"),
)


def drive(n: int = 80, speed_mps: float = 5.0, radius_m: float = 60.0) -> AnyArray:
    """Records of a left turn that grows tighter, with plans, (N,)."""
    state = np.zeros(n, STATE_DTYPE)
    state["time_s"] = np.arange(n) / RATE_HZ
    curvature = np.linspace(0.0, 1 / radius_m, n)
    state["yaw_rad"] = np.cumsum(speed_mps * curvature / RATE_HZ)
    for name, along in (("x_m", np.cos), ("y_m", np.sin)):
        state[name] = np.cumsum(speed_mps * along(state["yaw_rad"]) / RATE_HZ)
    state["speed_mps"], state["steer_rad"] = speed_mps, np.arctan(2.8 * curvature)
    state["target_x_m"], state["target_y_m"] = 20.0, np.linspace(0.0, 5.0, n)
    for field in ("target_2_x_m", "target_3_x_m"):
        state[field] = 50.0
    for field in ("command", "next_command", "last_command"):
        state[field] = RoadOption.LANE_FOLLOW
    state["class_id"] = np.where(np.arange(n) < n // 2, 1, 0)  # straight on, then left
    plan = np.zeros(n, PLAN_DTYPE)
    on_m = np.arange(1.0, PATH_POINTS + 1)
    turned = 0.5 * curvature[:, None] * on_m
    plan["path_ego_m"] = np.stack([on_m * np.cos(turned), on_m * np.sin(turned)], axis=2)
    plan["target_speed_mps"] = np.linspace(0.0, 8.0, n)
    return with_plan(state, plan)


def mirrored(records: AnyArray) -> AnyArray:
    """The same drive, mirrored left to right."""
    other = records.copy()
    for field in ("y_m", "yaw_rad", "steer_rad", "target_y_m", "target_2_y_m", "target_3_y_m"):
        other[field] = -records[field]
    other["path_ego_m"][..., 1] *= -1.0
    other["class_id"] = 2 - records["class_id"]
    return other


def some(task: Task, seed: int, count: int = 20) -> AnyArray:
    """What a network of random weights predicts of nothing: physical numbers of the task's form."""
    torch.manual_seed(seed)
    rows = np.linspace(0, 60, count).astype(int)
    ego = torch.from_numpy(task.labels(drive(), RATE_HZ).ego[rows]).double()
    with torch.no_grad():
        found: AnyArray = task.head(8, 0.0).double()(torch.randn(count, 8).double(), ego).numpy()
    return found
