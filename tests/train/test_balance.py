"""Balance of training samples: rests are thinned, turns repeated, everything else left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from auxdrive.dataset import Dataset
from auxdrive.errors import UsageError
from auxdrive.modalities import Modality
from auxdrive_train.data.augment import AugmentConfig, augment
from auxdrive_train.data.balance import BalanceConfig, balance, manoeuvres
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.tasks import make_task


def samples(data: Path, task: str = "waypoints") -> SampleSet:
    dataset = Dataset.open(data)
    return SampleSet.open(dataset, dataset.split("train"), make_task(task, dataset.card), [Modality.RGB])


def test_manoeuvres_are_told_apart() -> None:
    ends = np.array([[0.1, 0.0], [10.0, 0.1], [8.0, 4.0], [8.0, -4.0], [0.4, 0.4]], dtype=np.float32)
    paths = np.stack([ends * share for share in (0.25, 0.5, 0.75, 1.0)], axis=1)
    resting, turning = manoeuvres(paths)
    assert resting.tolist() == [True, False, False, False, False]
    assert turning.tolist() == [False, False, True, True, False]


def test_shares_change_and_samples_do_not(stripe_data: Path) -> None:
    whole = samples(stripe_data)
    target = whole.target.copy()
    target[::3] = 0.01
    target[1::3] = np.array([[1, 0.5], [2, 1], [3, 1.5], [4, 2]], dtype=np.float32)
    target[2::3] = np.array([[1, 0], [2, 0], [3, 0], [4, 0]], dtype=np.float32)
    import dataclasses

    given = dataclasses.replace(whole, target=target)
    made = balance(given, BalanceConfig(rest_every=4, turn_repeat=3))
    resting, turning = manoeuvres(made.target)
    before = manoeuvres(target)
    assert resting.sum() == before[0].sum() // 4
    assert turning.sum() == 3 * before[1].sum()
    assert (~resting & ~turning).sum() == (~before[0] & ~before[1]).sum()
    batch = made.gather(np.arange(len(made)))
    assert torch.equal(batch.target, torch.from_numpy(made.target))
    assert balance(given, BalanceConfig()) is given


def test_a_task_without_waypoints_is_refused(stripe_data: Path) -> None:
    with pytest.raises(UsageError, match="task waypoints"):
        balance(samples(stripe_data, "steering"), BalanceConfig(turn_repeat=2))


def test_speed_noise_touches_the_speed_alone_and_never_makes_it_negative(stripe_data: Path) -> None:
    given = samples(stripe_data)
    batch = given.gather(np.arange(40))
    config = AugmentConfig(mirror=0, brightness=0, contrast=0, saturation=0, speed_noise=0.9)
    changed = augment(batch, config, given.task, torch.Generator().manual_seed(1))
    assert not torch.equal(changed.ego_be[:, 0], batch.ego_be[:, 0])
    assert (changed.ego_be[:, 0] >= 0).all()
    config = AugmentConfig(mirror=0, brightness=0, contrast=0, saturation=0, speed_noise=0.1)
    ratio = (augment(batch, config, given.task, torch.Generator().manual_seed(1)).ego_be[:, 0] / batch.ego_be[:, 0]).numpy()
    assert ratio.std() == pytest.approx(0.1, rel=0.4)
    assert ratio.mean() == pytest.approx(1.0, abs=0.06)
    assert torch.equal(changed.ego_be[:, 1:], batch.ego_be[:, 1:])
    assert torch.equal(changed.frames[Modality.RGB], batch.frames[Modality.RGB])
