"""What the training half of every task must do: from recorded states to labels, through head and
loss to metrics. One that is added is covered by its rows in both tables.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from auxdrive.data.state import STATE_DTYPE, UNKNOWN
from auxdrive.errors import DataError
from auxdrive_train.tasks import TASKS
from auxdrive_train.tasks.base import Task
from driven_tasks import RATE_HZ, STEERING, drive, mirrored, some
from torch import Tensor

every_task = pytest.mark.parametrize("name", TASKS.names())


@every_task
def test_labels_of_a_drive(name: str, task: Task) -> None:
    state = drive()
    labels = task.labels(state, RATE_HZ)
    assert labels.valid.shape == (80,)
    assert labels.valid.dtype == bool
    assert labels.valid.sum() > 20
    assert labels.ego.shape == (80, task.ego.width)
    assert labels.label.shape == (80, *task.label_shape)
    assert labels.ego.dtype == labels.label.dtype == np.float32
    assert np.isfinite(labels.ego).all()
    assert np.isfinite(labels.label).all()
    assert not labels.label[~labels.valid].any()
    assert not labels.ego[~labels.valid].any()
    assert np.ptp(labels.label[labels.valid], axis=0).max() > 0  # what is learned varies
    again = task.labels(state.copy(), RATE_HZ)
    assert np.array_equal(again.label, labels.label)
    path = task.path(labels.label)
    assert path is None or (path.shape[0], path.shape[2]) == (80, 2)


@every_task
@pytest.mark.parametrize("n", [0, 1, 2])
def test_an_episode_of_no_length_has_labels_of_no_length(name: str, n: int, task: Task) -> None:
    labels = task.labels(drive()[:n], RATE_HZ)
    assert labels.label.shape == (n, *task.label_shape)
    assert labels.valid.shape == (n,)


@every_task
def test_what_a_record_does_not_know_is_not_trained_on(name: str, task: Task) -> None:
    state = drive()
    numbers = [field for field in STATE_DTYPE.names or () if STATE_DTYPE[field].kind == "f"]
    for field in {*numbers, *UNKNOWN} - {"time_s"}:
        state[field][10] = UNKNOWN.get(field, np.nan)
    labels = task.labels(state, RATE_HZ)
    assert not labels.valid[10]
    assert np.isfinite(labels.label).all()
    assert np.isfinite(labels.ego).all()


@every_task
def test_a_state_that_is_none_is_refused(name: str, task: Task) -> None:
    state = drive(30)
    for wrong in (np.zeros((5, 3)), state.reshape(5, 6)):
        with pytest.raises(DataError, match="structured array"):
            task.labels(wrong, RATE_HZ)
    again = state.copy()
    again["time_s"][7] = again["time_s"][6]
    with pytest.raises(DataError, match="does not increase after record 6"):
        task.labels(again, RATE_HZ)
    lost = state.copy()
    lost["time_s"][3] = np.nan
    with pytest.raises(DataError, match="time_s of record 3 is not finite"):
        task.labels(lost, RATE_HZ)


@every_task
def test_a_head_learns_the_labels_and_the_metrics_say_so(
    name: str, task: Task, device: str, dtype: torch.dtype
) -> None:
    """Head, loss and metrics are of one scale: what the loss calls better, the metric does too."""
    labels = task.labels(drive(), RATE_HZ)
    rows = np.flatnonzero(labels.valid)[::3]
    torch.manual_seed(0)
    features, ego, label = (
        torch.as_tensor(each).to(device, dtype)
        for each in (torch.randn(len(rows), 32), labels.ego[rows], labels.label[rows])
    )
    head = task.head(32, dropout=0.0).to(device, dtype)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)

    def step() -> tuple[float, float]:
        prediction: Tensor = head(features, ego)
        assert prediction.shape == label.shape
        assert prediction.dtype == dtype
        loss = task.loss_per_sample(prediction / task.scale, label / task.scale)
        assert loss.shape == (len(rows),)
        assert (loss >= 0).all()
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        found = (each.detach().double().cpu().numpy() for each in (prediction, label))
        return float(loss.detach().mean()), task.metrics(*found, STEERING)[task.primary_metric]

    before = step()
    for _ in range(60):
        after = step()
    assert after[0] < 0.5 * before[0]
    assert (after[1] > before[1]) == task.higher_is_better
    assert after[1] != before[1]


@every_task
def test_its_loss(name: str, task: Task, device: str, dtype: torch.dtype) -> None:
    ours, theirs = (
        torch.from_numpy(some(task, seed, 5) / task.scale).to(device, dtype) for seed in (1, 2)
    )
    assert task.loss_per_sample(ours, ours).abs().max() == 0
    value = task.loss_per_sample(ours, theirs)
    assert value.shape == (5,)
    assert (value > 0).all()
    # of each sample alone
    assert torch.allclose(task.loss_per_sample(ours[2:3], theirs[2:3]), value[2:3])


@every_task
def test_the_gradient_of_its_loss(name: str, task: Task) -> None:
    ours, theirs = (torch.from_numpy(some(task, seed, 3) / task.scale) for seed in (1, 2))
    assert torch.autograd.gradcheck(
        lambda each: task.loss_per_sample(each, theirs), ours.requires_grad_()
    )


@every_task
def test_its_metrics_are_best_for_the_truth(name: str, task: Task) -> None:
    truth = some(task, 0)
    best = task.metrics(truth, truth, STEERING)
    worse = task.metrics(truth + 0.05 * task.scale, truth, STEERING)
    assert best.keys() == worse.keys()
    assert all(type(value) is float for value in best.values())
    assert all(math.isfinite(value) for value in worse.values())
    key = task.primary_metric
    assert best[key] != worse[key]
    assert (best[key] > worse[key]) == task.higher_is_better


@every_task
def test_metrics_of_nothing_or_of_no_numbers_are_refused(name: str, task: Task) -> None:
    truth = some(task, 0)
    broken = truth.copy()
    broken[3] = np.nan
    for prediction, label in (
        (truth[:0], truth[:0]),
        (broken, truth),
        (truth, broken),
        (truth[1:], truth),
        (truth[..., None], truth[..., None]),
    ):
        with pytest.raises(DataError):
            task.metrics(prediction, label, STEERING)


@every_task
def test_the_mirror_is_its_own_inverse_and_keeps_the_loss(name: str, task: Task) -> None:
    label, other = (torch.from_numpy(some(task, seed, 4)).float() for seed in (1, 2))
    ego = torch.randn(4, task.ego.width, generator=torch.Generator().manual_seed(1))
    assert torch.equal(task.mirror_label(task.mirror_label(label)), label)
    assert torch.equal(task.ego.mirror(task.ego.mirror(ego.clone())), ego)
    there = task.loss_per_sample(task.mirror_label(label), task.mirror_label(other))
    torch.testing.assert_close(there, task.loss_per_sample(label, other))


@every_task
def test_a_mirrored_drive_has_mirrored_labels(name: str, task: Task) -> None:
    """Augmentation mirrors images and labels; the labels must be those of the mirrored scene."""
    state = drive()
    labels, other = (task.labels(each, RATE_HZ) for each in (state, mirrored(state)))
    assert np.array_equal(labels.valid, other.valid)
    ours, ego = (torch.from_numpy(each) for each in (labels.label, labels.ego))
    np.testing.assert_allclose(task.mirror_label(ours).numpy(), other.label, atol=1e-4)
    np.testing.assert_allclose(task.ego.mirror(ego).numpy(), other.ego, atol=1e-6)
