"""Tasks beside what all of them must do (`tests/checks/test_every_task.py`): formulas of metrics,
formulas of losses, and the angle of a path.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from auxdrive.cards import CameraSpec, DatasetCard, VehicleSpec
from auxdrive.controllers.pure_pursuit import PurePursuit, PurePursuitOptions
from auxdrive.errors import UsageError
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import Prediction
from auxdrive_train.tasks import make_task
from auxdrive_train.tasks.base import Task
from auxdrive_train.tasks.steering_angle import SteeringTask
from auxdrive_train.tasks.waypoints import WaypointsTask
from hypothesis import given
from hypothesis import strategies as st


def card(**more: object) -> DatasetCard:
    return DatasetCard.model_validate(
        {
            "name": "t",
            "rate_hz": 10,
            "modalities": [Modality.RGB],
            "camera": CameraSpec(width=16, height=8),
            **more,
        }
    )


def test_metrics_in_physical_units() -> None:
    truth, predictions = (
        np.radians([[0.0], [10.0], [-10.0], [2.0]]),
        np.radians([[1.0], [8.0], [-10.0], [8.0]]),
    )
    found = SteeringTask().metrics(predictions, truth, SteeringSpec())
    assert found["mae_road_wheel_deg"] == pytest.approx((1 + 2 + 0 + 6) / 4)
    assert found["rmse_road_wheel_deg"] == pytest.approx(math.sqrt((1 + 4 + 0 + 36) / 4))
    assert found["r2"] == pytest.approx(
        1 - 41 / sum((angle - 0.5) ** 2 for angle in (0, 10, -10, 2))
    )
    assert (found["acc_1.5"], found["acc_3"], found["acc_7.5"]) == (0.5, 0.75, 1.0)
    path = np.stack([np.array([2.0, 4.0, 6.0, 8.0]), np.zeros(4)], axis=1)[None]
    away = path + np.array([[0.0, 0.1], [0.0, 0.2], [0.3, 0.4], [0.0, 1.0]])
    found = WaypointsTask().metrics(away, path, SteeringSpec())
    assert found["ade_m"] == pytest.approx((0.1 + 0.2 + 0.5 + 1.0) / 4)
    assert found["fde_m"] == pytest.approx(1.0)


def test_an_unknown_task_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown task 'waypoint'\. Did you mean 'waypoints'"):
        make_task("waypoint", card())


def test_the_card_gives_the_wheelbase() -> None:
    task = make_task("waypoints", card(vehicle=VehicleSpec(wheelbase_m=2.5)))
    assert isinstance(task, WaypointsTask)
    assert task.wheelbase_m == 2.5


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_losses_agree_with_their_formulas(batch: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for task, formula in (
        (SteeringTask(), lambda e: e**2),
        (WaypointsTask(), abs),
        (
            SteeringTask(huber_delta=0.5),
            lambda e: np.where(abs(e) < 0.5, 0.5 * e**2, 0.5 * (abs(e) - 0.25)),
        ),
    ):
        prediction, label = rng.normal(size=(2, batch, *task.label_shape))
        got = task.loss_per_sample(torch.from_numpy(prediction), torch.from_numpy(label))
        assert got.shape == (batch,)
        np.testing.assert_allclose(
            got.numpy(), formula(prediction - label).reshape(batch, -1).mean(axis=1)
        )


@pytest.mark.parametrize("task", [SteeringTask(), SteeringTask(huber_delta=0.7), WaypointsTask()])
def test_gradients_of_the_losses(task: Task) -> None:
    generator = torch.Generator().manual_seed(0)
    prediction, label = (
        torch.randn(3, *task.label_shape, dtype=torch.float64, generator=generator)
        for _ in range(2)
    )
    assert torch.autograd.gradcheck(
        lambda p: task.loss_per_sample(p, label), prediction.requires_grad_()
    )


def test_the_angle_of_a_mirrored_path_is_the_other_way() -> None:
    task = WaypointsTask()
    label = torch.randn(4, *task.label_shape, generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(
        task.steer_of(task.mirror_label(label).numpy()),
        -task.steer_of(label.numpy()),
        rtol=1e-12,
    )


def test_the_mirror_of_waypoints_keeps_what_lies_ahead() -> None:
    task = WaypointsTask()
    ego = torch.tensor([[5.0, 20.0, 3.0]])
    path = torch.arange(8.0).reshape(1, 4, 2)
    assert task.ego.mirror(ego).tolist() == [[5.0, 20.0, -3.0]]
    assert torch.equal(task.mirror_label(path)[..., 0], path[..., 0])
    assert torch.equal(task.mirror_label(path)[..., 1], -path[..., 1])


@given(st.floats(5.0, 200.0), st.sampled_from([-1.0, 1.0]), st.floats(2.0, 10.0))
def test_a_circle_gives_back_its_steering_angle(radius: float, side: float, speed: float) -> None:
    angle = speed * np.array([0.5, 1.0, 1.5, 2.0]) / radius
    path = np.stack([radius * np.sin(angle), side * radius * (1 - np.cos(angle))], axis=1)[None]
    got = WaypointsTask(wheelbase_m=2.9).steer_of(path)[0]
    # The look-ahead point lies on a chord, a little inside the circle.
    assert got == pytest.approx(
        side * math.atan(2.9 / radius), rel=0.1 + speed**2 / (8 * radius**2)
    )


@given(st.integers(0, 2**32 - 1))
def test_the_angles_are_those_of_the_controller(seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = np.cumsum(
        rng.normal([2.0, 0.0], [1.5, 1.0], size=(4, 2)) * rng.choice([0.0, 0.1, 1.0, 3.0]), axis=0
    )
    task = WaypointsTask(wheelbase_m=2.9)
    speed = float(
        np.linalg.norm(np.diff(np.concatenate([np.zeros((1, 2)), path]), axis=0), axis=1).sum()
        / 2.0
    )
    spec = SteeringSpec(max_road_wheel_deg=90.0)
    controller = PurePursuit(spec, VehicleSpec(wheelbase_m=2.9), PurePursuitOptions())
    prediction = Prediction(
        time_s=0.0, latency_ms=0.0, waypoints_ego_m=path, waypoint_times_s=task.times_s
    )  # type: ignore[arg-type]
    assert task.steer_of(path[None])[0] == pytest.approx(
        controller.step(prediction, speed, 0.1).steer_rad, abs=1e-9
    )


def test_a_path_that_goes_nowhere_has_no_angle() -> None:
    np.testing.assert_array_equal(WaypointsTask().steer_of(np.zeros((3, 4, 2))), np.zeros(3))
