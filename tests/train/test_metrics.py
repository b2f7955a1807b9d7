"""Metrics against independent twins, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive_train.tasks import make_task
from auxdrive_train.tasks.metrics import (
    displacement_errors,
    mean_accuracy,
    r2_score,
    steering_accuracies,
)
from auxdrive_train.tasks.steering_angle import SteeringTask, steering_metrics
from auxdrive_train.tasks.waypoints import WaypointsTask
from hypothesis import given
from hypothesis import strategies as st

ERRORS = st.lists(st.floats(-120, 120), min_size=1, max_size=40)


def test_mean_accuracy_of_the_paper() -> None:
    assert mean_accuracy([42.7, 68.0, 88.0, 94.4, 96.6, 98.6]) == pytest.approx(81.4, abs=0.05)


def test_mean_accuracy_needs_six() -> None:
    with pytest.raises(DataError, match="6 accuracies, got 2"):
        mean_accuracy([1.0, 2.0])


@given(ERRORS)
def test_accuracies_agree_with_counting(errors_deg: list[float]) -> None:
    got = steering_accuracies(np.array(errors_deg))
    counted = []
    for tau, key in (
        (1.5, "acc_1.5"),
        (3, "acc_3"),
        (7.5, "acc_7.5"),
        (15, "acc_15"),
        (30, "acc_30"),
        (75, "acc_75"),
    ):
        counted.append(sum(1 for error in errors_deg if -tau < error < tau) / len(errors_deg))
        assert got[key] == pytest.approx(counted[-1])
    assert got["macc"] == pytest.approx(sum(counted) / 6)


def test_a_threshold_itself_is_outside() -> None:
    assert steering_accuracies(np.array([1.5, -1.5, 1.499]))["acc_1.5"] == pytest.approx(1 / 3)


def test_steering_metrics_judge_the_steering_wheel_where_its_ratio_is_known() -> None:
    label = np.radians([0.0, 1.0, -2.0])
    prediction = label + np.radians(0.2)
    road = steering_metrics(prediction, label, SteeringSpec())
    wheel = steering_metrics(prediction, label, SteeringSpec(kind="steering_wheel_deg", ratio=16.0))
    assert road["mae_road_wheel_deg"] == pytest.approx(0.2)
    assert road["acc_1.5"] == 1.0
    assert wheel["mae_steering_wheel_deg"] == pytest.approx(3.2)
    assert wheel["mae_road_wheel_deg"] == pytest.approx(0.2)
    assert (wheel["acc_3"], wheel["acc_7.5"]) == (0.0, 1.0)


@pytest.mark.parametrize("task", ["steering", "waypoints"])
@pytest.mark.parametrize(
    "steering",
    [
        SteeringSpec(),
        SteeringSpec(kind="normalised"),
        SteeringSpec(kind="steering_wheel_deg", ratio=16.0),
    ],
    ids=lambda s: s.kind,
)
def test_no_metric_is_another_one_under_a_second_name(task: str, steering: SteeringSpec) -> None:
    made = make_task(
        task,
        DatasetCard(
            name="t", rate_hz=4, modalities=(Modality.RGB,), camera=CameraSpec(width=9, height=7)
        ),
    )
    truth, predictions = np.random.default_rng(0).normal(size=(2, 400, *made.label_shape))
    found = made.metrics(predictions, truth, steering)
    assert ("mae_steering_wheel_deg" in {name.removeprefix("steer_") for name in found}) == (
        steering.ratio is not None
    )
    errors = [value for name, value in found.items() if name.endswith(("_deg", "_m"))]
    assert len(set(errors)) == len(errors)


def test_r2_by_hand_and_undefined_for_constant_labels() -> None:
    label = np.array([1.0, 2.0, 3.0])
    assert r2_score(label, label) == 1.0
    assert r2_score(np.full(3, 2.0), label) == 0.0
    assert r2_score(np.array([1.0, 2.0, 4.0]), label) == pytest.approx(0.5)
    assert math.isnan(r2_score(np.zeros(3), np.ones(3)))
    for constant in (0.0, 0.1, 0.3, 1e-300, 1e300):  # whose mean is another number, as often as not
        assert math.isnan(r2_score(np.full(1001, constant + 0.01), np.full(1001, constant)))
    assert "r2" not in steering_metrics(np.zeros(3), np.ones(3), SteeringSpec())


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_displacement_errors_agree_with_loops(n: int, t: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    prediction, label = rng.normal(size=(2, n, t, 2))
    ade, fde = displacement_errors(prediction, label)
    for i in range(n):
        distances = [math.hypot(*(prediction[i, k] - label[i, k])) for k in range(t)]
        assert ade[i] == pytest.approx(math.fsum(distances) / t)
        assert fde[i] == pytest.approx(distances[-1])


@pytest.mark.parametrize("task", [SteeringTask(), WaypointsTask()])
@pytest.mark.parametrize("case", ["shape", "empty", "nan prediction", "infinite label"])
def test_metrics_refuse_what_cannot_be_scored(
    task: SteeringTask | WaypointsTask, case: str
) -> None:
    prediction, label = np.zeros((2, 3, *task.label_shape))
    if case == "shape":
        prediction = prediction[:2]
    elif case == "empty":
        prediction = label = prediction[:0]
    elif case == "nan prediction":
        prediction.flat[0] = np.nan
    else:
        label.flat[-1] = np.inf
    with pytest.raises(
        DataError, match=r"need two arrays|no samples|1 of .* predictions|1 of .* labels"
    ):
        task.metrics(prediction, label, SteeringSpec())
