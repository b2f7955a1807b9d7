"""Heads against float64 twins, and what a config does to the networks and the samples that
are trained.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from auxdrive.data.dataset import Dataset
from auxdrive.ego_layout import EgoLayout
from auxdrive.work import Shown
from auxdrive_train.data.balance import BalanceConfig, balance
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine import prepare as prepare_module
from auxdrive_train.engine import train as train_module
from auxdrive_train.engine.building import make_method, make_networks
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.progress import Progress
from auxdrive_train.engine.train import train
from auxdrive_train.models.heads import SteeringHead, WaypointHead
from auxdrive_train.models.inputs import crop_rows
from auxdrive_train.tasks import make_task
from torch import nn


def weights(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.double().numpy() for name, value in module.state_dict().items()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def linear(w: dict[str, np.ndarray], name: str, x: np.ndarray) -> np.ndarray:
    return np.asarray(x @ w[f"{name}.weight"].T + w[f"{name}.bias"])


def test_the_steering_head() -> None:
    torch.manual_seed(0)
    head = SteeringHead(6, scale=0.2, dropout=0.5).eval()
    features, w = np.random.default_rng(0).normal(size=(4, 6)), weights(head)
    wanted = 0.2 * linear(
        w, "layers.5", elu(linear(w, "layers.3", elu(linear(w, "layers.1", features))))
    )
    predicted = head(torch.from_numpy(features).float(), torch.zeros(4, 0)).detach().numpy()
    np.testing.assert_allclose(predicted, wanted, rtol=1e-4, atol=1e-6)


def test_the_waypoint_head_adds_displacements_of_a_gru_that_knows_the_target() -> None:
    """TransFuser (2021), section 3.3; gates as in Cho et al. 2014, in PyTorch's order reset,
    update, new.
    """
    torch.manual_seed(0)
    layout = EgoLayout(("speed_mps", "target_ego_m"))
    head = WaypointHead(6, layout, steps=4, scale=5.0, dropout=0.5, hidden=8).eval()
    rng, w = np.random.default_rng(0), weights(head)
    features, ego = (
        rng.normal(size=(3, 6)),
        np.array([[4.0, 20.0, -3.0], [0.0, 7.0, 0.0], [12.0, 35.0, 9.0]]),
    )
    target = ego[:, 1:] / 20.0
    joined = linear(w, "join.3", np.maximum(linear(w, "join.1", features), 0))
    state = np.maximum(
        joined + linear(w, "ego", np.concatenate([ego[:, :1] / 10.0, target], axis=1)), 0
    )
    point, wanted = np.zeros((3, 2)), []
    for _ in range(4):
        given = np.concatenate([point, target], axis=1)
        of_input = np.split(given @ w["cell.weight_ih"].T + w["cell.bias_ih"], 3, axis=1)
        of_state = np.split(state @ w["cell.weight_hh"].T + w["cell.bias_hh"], 3, axis=1)
        reset, update = sigmoid(of_input[0] + of_state[0]), sigmoid(of_input[1] + of_state[1])
        state = (1 - update) * np.tanh(of_input[2] + reset * of_state[2]) + update * state
        point = point + linear(w, "output", state)
        wanted.append(5.0 * point)
    predicted = (
        head(torch.from_numpy(features).float(), torch.from_numpy(ego).float()).detach().numpy()
    )
    np.testing.assert_allclose(predicted, np.stack(wanted, axis=1), rtol=1e-4, atol=1e-5)


def test_the_crop_takes_its_shares_from_the_top_and_the_bottom() -> None:
    config = parse_config({"data": "x", "preprocessing": {"crop_top": 0.25, "crop_bottom": 0.1}})
    assert crop_rows(100, config.preprocessing) == (25, 90)


def test_weight_files_reach_the_encoders_of_the_main_modality(
    stripe_data: Path, tmp_path: Path
) -> None:
    task = make_task("steering", Dataset.open(stripe_data).card)
    values = {
        "data": str(stripe_data),
        "backbone": "resnet18",
        "method": "samd",
        "aux": ["depth"],
        "options": {"epochs_per_round": 1},
    }
    file = tmp_path / "resnet18.pth"

    def made(**changes: object) -> nn.ModuleDict:
        config = parse_config({**values, **changes})
        return make_networks(make_method(config, task), config, samples=1)

    fresh = made(seed=1)
    torch.save(fresh["student"].encoder.state_dict(), file)
    loaded = made(seed=2, weights=str(file))
    for name, value in fresh["student"].encoder.state_dict().items():
        assert torch.equal(loaded["student"].encoder.state_dict()[name], value), name
        assert torch.equal(loaded["teacher"].encoder.state_dict()[name], value), name


def test_what_is_trained_is_what_the_balance_made(
    stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, trained = [], []

    class Spy(train_module.Trainer):
        def fit(self, shown: Shown) -> Progress:
            trained.append(self.parts.train)
            return super().fit(shown)

    def spying(samples: SampleSet, config: BalanceConfig) -> SampleSet:
        made.append(balance(samples, config))
        assert config.turn_repeat == 3
        return made[0]

    monkeypatch.setattr(train_module, "Trainer", Spy)
    monkeypatch.setattr(prepare_module, "balance", spying)
    values = {
        "data": str(stripe_data),
        "task": "waypoints",
        "epochs": 1,
        "batch_size": 16,
        "threads": 1,
        "preprocessing": {"size": [64, 80]},
    }
    train(parse_config({**values, "balance": {"turn_repeat": 3}}), tmp_path / "run")
    assert trained == made
    assert len(made) == 1
