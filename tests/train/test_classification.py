"""The task classification in numbers, against twins in NumPy, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from auxdrive.cards import DatasetCard
from auxdrive.data.state import STATE_DTYPE
from auxdrive.errors import DataError
from auxdrive.steering import SteeringSpec
from auxdrive.types import Float64
from auxdrive_train.losses.kd import TEMPERATURE
from auxdrive_train.tasks import make_task
from auxdrive_train.tasks.classification import ClassificationTask, divergence
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from vector_data import CLUES

TASK = ClassificationTask(class_names=("turn_left", "straight", "turn_right", "bright", "leftover"))
K = len(TASK.class_names)


def softmax(logits: Float64) -> Float64:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


LOGITS = arrays(np.float64, (4, K), elements=st.floats(-8, 8))


@given(LOGITS, LOGITS, st.sampled_from([1.0, 2.0, 5.0]))
def test_the_losses_are_those_of_logits(ours: Float64, theirs: Float64, temperature: float) -> None:
    """Probabilities lose nothing: softening them is softening the logits."""
    student, teacher = (torch.from_numpy(softmax(each)) for each in (ours, theirs))
    soft, wanted = softmax(ours / temperature), softmax(theirs / temperature)
    np.testing.assert_allclose(TASK.softened(student, temperature).numpy(), soft, rtol=1e-9)
    twin = temperature**2 * (wanted * (np.log(wanted) - np.log(soft))).sum(axis=1)
    found = TASK.imitation(student, teacher, temperature).numpy()
    np.testing.assert_allclose(found, twin, rtol=1e-7, atol=1e-9)
    label = np.eye(K)[[0, 1, 2, 4]]
    entropy = -np.log(softmax(ours)[np.arange(4), [0, 1, 2, 4]])
    found = TASK.loss_per_sample(student, torch.from_numpy(label)).numpy()
    np.testing.assert_allclose(found, entropy, rtol=1e-7, atol=1e-9)


def test_a_sure_mistake_costs_much_and_is_finite() -> None:
    sure = torch.eye(K, dtype=torch.float32)[:1].requires_grad_()
    wrong = torch.eye(K, dtype=torch.float32)[1:2]
    lost = divergence(sure, wrong)
    assert 80 < float(lost.detach()) < 100
    lost.sum().backward()
    assert sure.grad is not None
    assert torch.isfinite(sure.grad).all()
    assert float(divergence(wrong, wrong)) == 0.0


def test_kd_uses_its_temperature() -> None:
    assert TEMPERATURE == 4.0
    one = torch.softmax(torch.tensor([[4.0, 0.0, 0.0, 0.0, 0.0]]), dim=1)
    other = torch.full((1, K), 1 / K)
    assert float(TASK.imitation(one, other, 4.0)) != float(TASK.imitation(one, other, 1.0))


def test_metrics_by_hand() -> None:
    label = np.eye(K)[[0, 0, 1, 2]]
    prediction = np.full((4, K), 0.1)
    prediction[[0, 1, 2, 3], [0, 1, 1, 2]] = 0.6
    found = TASK.metrics(prediction, label, SteeringSpec())
    assert found["acc_top1"] == 0.75
    assert found["acc_class_turn_left"] == 0.5
    assert found["acc_mean_class"] == pytest.approx((0.5 + 1 + 1) / 3)
    assert "acc_class_bright" not in found  # none occurs
    assert found["cross_entropy"] == pytest.approx(-(3 * np.log(0.6) + np.log(0.1)) / 4)
    twin = np.square(prediction - label).sum(axis=1).mean()
    assert found["brier_score"] == pytest.approx(twin)


def test_a_mirror_swaps_left_and_right_alone() -> None:
    rows = torch.eye(K)
    mirrored = TASK.mirror_label(rows)
    assert mirrored.argmax(dim=1).tolist() == [2, 1, 0, 3, 4]


def test_what_is_no_class_is_refused_and_what_is_not_known_is_not_trained_on() -> None:
    state = np.zeros(3, STATE_DTYPE)
    state["time_s"], state["class_id"] = np.arange(3), [0, -1, 4]
    labels = TASK.labels(state, 1.0)
    assert labels.valid.tolist() == [True, False, True]
    assert labels.label.argmax(axis=1)[[0, 2]].tolist() == [0, 4]
    assert not labels.label[1].any()
    state["class_id"][0] = K
    with pytest.raises(DataError, match=f"class_id is {K}, and dataset.json names {K} classes"):
        TASK.labels(state, 1.0)
    card = DatasetCard(name="bare", rate_hz=1.0, modalities=(CLUES,), vectors={CLUES: 3})
    with pytest.raises(DataError, match=r"bare: names 0 classes.*class_names.*class_id"):
        make_task("classification", card)
