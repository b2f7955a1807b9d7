"""The training half of path_speed: soft labels, where the car would be, and inputs that are not the
sample's own.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from auxdrive.ego_layout import EgoLayout
from auxdrive.tasks.path_speed import PATH_SPEED, SPEED_CLASSES_MPS, SPEED_COLUMN
from auxdrive_train.data.augment import augment
from auxdrive_train.data.augment_config import AugmentConfig
from auxdrive_train.data.balance import manoeuvres
from auxdrive_train.data.batch import Batch
from auxdrive_train.models.ego_encoding import EgoEncoding
from auxdrive_train.tasks.path_speed import PathSpeedTask, two_hot


def test_a_speed_is_the_expectation_of_its_soft_label() -> None:
    speeds = np.array([0.0, 0.25, 1.0, 7.0, 20.0, 33.0, math.nan])
    shares = two_hot(speeds)
    assert shares.sum(axis=1)[:6] == pytest.approx(1.0)
    assert (shares[:6] > 0).sum(axis=1).tolist() == [1, 2, 1, 2, 1, 1]
    assert shares[:6] @ np.array(SPEED_CLASSES_MPS) == pytest.approx([0, 0.25, 1, 7, 20, 20])
    assert np.isnan(shares[6]).any()


def test_what_rests_is_what_is_to_stand_however_long_its_path() -> None:
    rows = np.repeat(PATH_SPEED.row(PATH_SPEED.example())[None], 3, axis=0)
    rows[:, SPEED_COLUMN] = [0.0, 4.0, 4.0]
    rows[2, 1:SPEED_COLUMN:2] = np.linspace(0.5, 10.0, 20)
    path = PathSpeedTask().path(rows)
    assert path[1, :, 0].tolist() == [2.0, 4.0, 6.0, 8.0]
    resting, turning, slow = manoeuvres(path)
    assert resting.tolist() == [True, False, False]
    assert turning.tolist() == [False, False, True]
    assert slow.tolist() == [False, False, False]


def test_the_loss_is_that_of_a_twin_in_metres() -> None:
    """Written from the formula, in float64: 2 L1 of the path in metres, and KL of the shares."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(2, 5, *PATH_SPEED.row(PATH_SPEED.example()).shape))
    rows[:, :, SPEED_COLUMN + 1 :] = rng.dirichlet(np.ones(len(SPEED_CLASSES_MPS)), size=(2, 5))
    wanted = []
    for ours, theirs in zip(*rows, strict=True):
        metres = [
            abs(a - b) for a, b in zip(ours[:SPEED_COLUMN], theirs[:SPEED_COLUMN], strict=True)
        ]
        shares = zip(ours[SPEED_COLUMN + 1 :], theirs[SPEED_COLUMN + 1 :], strict=True)
        surprise = sum(q * math.log((q + 1e-6) / (p + 1e-6)) for p, q in shares)
        wanted.append(2 * sum(metres) / len(metres) + surprise)
    task = PathSpeedTask()
    got = task.loss_per_sample(*(torch.from_numpy(each / task.scale) for each in rows))
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-12)


def test_a_command_is_one_of_its_values_and_an_unknown_one_none() -> None:
    encoding = EgoEncoding(EgoLayout(("speed_mps", "next_command")))
    numbers = encoding(torch.tensor([[5.0, 2.0], [5.0, 6.0], [5.0, 0.0]]))
    assert numbers.tolist() == [
        [0.5, 0, 1, 0, 0, 0, 0],
        [0.5, 0, 0, 0, 0, 0, 1],
        [0.5, 0, 0, 0, 0, 0, 0],
    ]


def test_points_near_the_car_are_given_in_detail_too() -> None:
    encoding = EgoEncoding(EgoLayout(("speed_mps", "target_ego_m")), near_m=6.0)
    numbers = encoding(torch.tensor([[5.0, 3.0, -1.5], [5.0, 40.0, -40.0]]))
    wanted = [[0.5, 0.15, -0.075, 0.5, -0.25], [0.5, 2.0, -2.0, 2.0, -2.0]]
    np.testing.assert_allclose(numbers.numpy(), wanted, rtol=1e-6)


def test_speed_dropout_exchanges_speed_and_its_times_together_and_nothing_else() -> None:
    """A car that stands for long next to one that drives: who is given the other's speed is given
    its times too, and keeps its route.
    """
    task, count = PathSpeedTask(), 200
    columns = task.ego.columns
    ego = torch.zeros(count, task.ego.width)
    own = torch.arange(count) % 2 == 0
    ego[:, columns["speed_mps"]] = torch.where(own, 0.0, 7.0)[:, None]
    ego[:, columns["standing_s"]] = torch.where(own, 20.0, 0.0)[:, None]
    ego[:, columns["moving_s"]] = torch.where(own, 0.0, 6.0)[:, None]
    ego[:, columns["target_ego_m"]] = torch.arange(count)[:, None].float()
    batch = Batch({}, {}, ego, torch.zeros(count, *task.label_shape), torch.arange(count))
    still = {"mirror": 0, "brightness": 0, "contrast": 0, "saturation": 0}

    def with_share(share: float) -> torch.Tensor:
        config = AugmentConfig(**still, speed_dropout=share)
        return augment(batch, config, task, torch.Generator().manual_seed(3)).ego_be

    assert torch.equal(with_share(0.0), ego)
    given = with_share(0.5)
    stands = given[:, columns["speed_mps"]] == 0.0
    assert torch.equal(stands, given[:, columns["standing_s"]] == 20.0)
    assert torch.equal(stands, given[:, columns["moving_s"]] == 0.0)
    changed = (given != ego).any(dim=1).float().mean().item()
    assert 0.15 < changed < 0.35  # half are exchanged, and half of these with their like
    assert torch.equal(given[:, columns["target_ego_m"]], ego[:, columns["target_ego_m"]])
