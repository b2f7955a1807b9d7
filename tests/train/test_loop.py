"""The training loop against a plain twin of it, and what it promises to every phase: whose weights
move, and which are kept.
"""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from auxdrive.data.dataset import Dataset
from auxdrive.errors import UsageError
from auxdrive.modalities import Modality
from auxdrive_train.data.loader import epoch_order
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine import checkpoint, run_folder
from auxdrive_train.engine import epoch as epoch_module
from auxdrive_train.engine.building import build_finished, make_method, make_networks
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.evaluate import predict_roles
from auxdrive_train.engine.loop import Trainer
from auxdrive_train.engine.run_folder import source_commit
from auxdrive_train.engine.seeds import seed_of
from auxdrive_train.engine.train import train
from auxdrive_train.methods.phases import PhaseRecord
from auxdrive_train.methods.umt import UMT
from auxdrive_train.tasks import make_task
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

PLAIN = {"mirror": 0.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0}


def config_of(data: Path, method: str, **changes: Any) -> TrainConfig:
    values: dict[str, Any] = {
        "data": str(data), "method": method, "epochs": 4, "batch_size": 16, "threads": 1,
        "dropout": 0.0, "lr": 3e-3, "warmup": 0.2, "lr_final": 0.1, "weight_decay": 0.3,
        "clip_norm": 0.4, "augment": PLAIN, "preprocessing": {"size": [64, 80]}, "seed": 5,
    }  # fmt: skip
    return parse_config({**values, **changes})


def rate(config: TrainConfig, place: float) -> float:
    """The learning rate at a place 0..1 of the schedule: linear up to lr, then half a cosine down
    to lr * lr_final.
    """
    if place < config.warmup:
        return config.lr * (place + 1e-3) / (config.warmup + 1e-3)
    falling = (place - config.warmup) / (1 - config.warmup)
    return config.lr * (
        config.lr_final + (1 - config.lr_final) * (1 + math.cos(math.pi * falling)) / 2
    )


def twin(config: TrainConfig) -> tuple[dict[str, Tensor], list[float]]:
    """SAMD's phases by a plain loop: weights at the end, and the gradient norms before they were
    clipped.
    """
    torch.set_num_threads(1)
    dataset = Dataset.open(config.data)
    task = make_task(config.task, dataset.card)
    method = make_method(config, task)
    samples = SampleSet.open(dataset, dataset.split("train"), task, method.modalities)
    networks = make_networks(method, config, len(samples))
    # as the engine lays its weights out: the last bits of gradients depend on it
    convert_conv2d_weight_memory_format(networks, torch.channels_last)
    history: list[PhaseRecord] = []
    optimizers: dict[str, torch.optim.AdamW] = {}
    norms = []
    while (phase := method.next_phase(history)) is not None:
        if phase.begin is not None:
            phase.begin(networks, lambda _: samples.gather(np.arange(4)))
        network = nn.ModuleList(networks[name] for name in phase.trains)
        networks.requires_grad_(False)
        network.requires_grad_(True)
        key = phase.optimizer or phase.name
        optimizer = optimizers.setdefault(
            key, torch.optim.AdamW(network.parameters(), weight_decay=config.weight_decay)
        )
        steps = len(samples) // config.batch_size
        for epoch in range(phase.epochs):
            order = epoch_order(len(samples), seed_of(config.seed, len(history)), epoch)
            for step in range(steps):
                networks.eval()
                network.train()
                batch = samples.gather(
                    order[step * config.batch_size : (step + 1) * config.batch_size]
                )
                start, stop = phase.lr_span
                optimizer.param_groups[0]["lr"] = rate(
                    config, start + (stop - start) * (epoch * steps + step) / (phase.epochs * steps)
                )
                optimizer.zero_grad()
                sum(phase.loss(networks, batch).losses.values()).backward()  # type: ignore[union-attr]
                norms.append(
                    float(nn.utils.clip_grad_norm_(network.parameters(), config.clip_norm))
                )
                optimizer.step()
        history.append(PhaseRecord(phase.name, phase.epochs, phase.watch, 0.0, 0.0))
    return checkpoint.snapshot(networks), norms


def test_the_loop_does_what_a_plain_one_does(stripe_data: Path, tmp_path: Path) -> None:
    """Order, schedule over rounds, clipping, weight decay, sum of the losses, one optimiser for all
    of the student's rounds.
    """
    config = config_of(
        stripe_data, "samd", aux=["depth"], options={"epochs_per_round": 2, "loss": "hint"}
    )
    train(config, tmp_path / "run")
    found = checkpoint.load(tmp_path / "run" / "checkpoints" / "last.safetensors").networks
    wanted, norms = twin(config)
    assert max(norms) > 2 * config.clip_norm  # clipping matters here
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6, msg=name)


def test_a_phase_ends_with_its_best_epoch_and_the_run_is_measured_with_it(
    stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, seen = [3.0, 1.0, 2.0, 1.5], []

    def validate(trainer: Trainer, _role: str) -> tuple[float, dict[str, float]]:
        seen.append(checkpoint.snapshot(trainer.parts.networks))
        return values[len(seen) - 1], {}

    monkeypatch.setattr(Trainer, "_validate", validate)
    train(config_of(stripe_data, "baseline"), tmp_path / "run")
    assert len(seen) == 4
    for name in ("best", "last"):
        kept = checkpoint.load(tmp_path / "run" / "checkpoints" / f"{name}.safetensors").networks
        assert all(torch.equal(kept[key], seen[1][key]) for key in kept), name
        assert not all(torch.equal(kept[key], seen[3][key]) for key in kept)
    assert json.loads((tmp_path / "run" / "result.json").read_text())["best"]["epoch"] == 2


def test_frozen_networks_neither_learn_nor_draw_dropout(
    stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[tuple[str, bool, bool]] = set()
    original = UMT.fusion_loss

    def spying(self: UMT, networks: nn.ModuleDict, batch: Any) -> Any:
        for name, network in networks.items():
            seen.update(
                (name, module.training, parameter.requires_grad)
                for module in network.modules()
                for parameter in module.parameters()
            )
        return original(self, networks, batch)

    monkeypatch.setattr(UMT, "fusion_loss", spying)
    train(
        config_of(stripe_data, "umt", aux=["depth"], epochs=1, options={"probe_epochs": 1}),
        tmp_path / "run",
    )
    frozen = {(name, False, False) for name in ("unimodal_rgb", "unimodal_depth", "student")}
    assert seen == {("fused", True, True)} | frozen


def test_every_step_of_every_epoch_draws_anew(
    stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = []
    original = epoch_module.augment

    def spying(batch: Any, config: Any, task: Any, generator: torch.Generator, camera: Any) -> Any:
        seeds.append((generator.initial_seed(), torch.initial_seed()))
        return original(batch, config, task, generator, camera)

    monkeypatch.setattr(epoch_module, "augment", spying)
    for seed in (0, 1):
        config = config_of(
            stripe_data, "samd", aux=["depth"], epochs=2, options={"epochs_per_round": 2}, seed=seed
        )
        train(config, tmp_path / f"run-{seed}")
    assert len(seeds) == 2 * 4 * 6
    assert len(set(seeds)) == len(seeds)


def test_predictions_are_made_without_dropout_and_modes_are_put_back(stripe_data: Path) -> None:
    config = config_of(stripe_data, "baseline", dropout=0.5)
    dataset = Dataset.open(stripe_data)
    task = make_task("steering", dataset.card)
    method, networks = build_finished(config, task)
    samples = SampleSet.open(dataset, dataset.split("val"), task, (Modality.RGB,))
    roles = method.roles(networks.train())
    networks["student"].encoder.eval()
    first, second = (
        predict_roles(roles, samples, torch.device("cpu"))["student"] for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    assert networks["student"].head.training
    assert not networks["student"].encoder.training


def test_the_commit_is_auxdrives_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment inside another project's repository: that project's commit is not the one that
    trained.
    """
    file = tmp_path / "run.py"

    def git(*arguments: str) -> str:
        identity = (
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.org",
            "-c",
            "commit.gpgsign=false",
        )
        return subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()

    monkeypatch.setattr(run_folder, "__file__", str(file))
    assert source_commit() == ""
    git("init", "-q")
    (tmp_path / "other.txt").write_text("a project")
    git("add", "other.txt")
    git("commit", "-qm", "another project")
    file.write_text("installed, not tracked")
    assert source_commit() == ""
    git("add", "run.py")
    git("commit", "-qm", "auxdrive")
    assert source_commit() == git("rev-parse", "HEAD")
    file.write_text("changed")
    assert source_commit() == git("rev-parse", "HEAD") + "+changes"


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 6},
        {"lr": 1e-3},
        {"epochs": 5},
        {"weight_decay": 0.0},
        {"dropout": 0.3},
        {"augment": {"mirror": 1.0}},
    ],
)
def test_a_run_is_not_taken_up_under_another_config(
    stripe_data: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    config = config_of(stripe_data, "baseline", epochs=1)
    train(config, tmp_path / "run")
    with pytest.raises(UsageError, match=next(iter(change))):
        train(
            config_of(stripe_data, "baseline", **{"epochs": 1, **change}),
            tmp_path / "run",
            resume=True,
        )
