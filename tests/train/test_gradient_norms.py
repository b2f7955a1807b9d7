"""What is logged of the gradients is what a plain backward pass gives, and logging it changes
nothing.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.gradients import GradientNorms
from auxdrive_train.engine.train import train
from torch import nn


def config_of(data: Path, **changes: Any) -> TrainConfig:
    values: dict[str, Any] = {
        "data": str(data), "method": "dmcl", "aux": ["lidar"], "epochs": 2, "batch_size": 16,
        "threads": 1, "backbone": "pilotnet_bn", "preprocessing": {"size": [64, 80]},
        "clip_norm": 0.5, "dropout": 0.3,
    }  # fmt: skip
    return parse_config({**values, **changes})


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_norms_are_those_of_plain_backward_passes() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    unused = nn.Linear(2, 2)
    parameters = [*network.parameters(), *unused.parameters()]
    norms = GradientNorms(parameters, clip_norm=0.1)
    output = network(torch.randn(8, 3))
    losses = {
        "square": output.square().mean(),
        "sum": 3 * output.sum(),
        "constant": torch.tensor(2.0),
    }
    norms.measure_terms(losses)
    assert all(parameter.grad is None for parameter in parameters)
    for name in ("square", "sum"):
        for parameter in parameters:
            parameter.grad = None
        losses[name].backward(retain_graph=True)
        wanted = math.sqrt(
            sum(float(p.grad.square().sum()) for p in parameters if p.grad is not None)
        )
        before = norms.clip()
        assert before == pytest.approx(wanted, rel=1e-5)
        assert math.sqrt(
            sum(float(p.grad.square().sum()) for p in network.parameters())
        ) == pytest.approx(0.1, rel=1e-3)
        assert norms.summary()[f"gradient_of/{name}"] == pytest.approx(wanted, rel=1e-5)
    assert norms.summary()["gradient_of/constant"] == 0.0
    assert norms.clipped == 2
    assert norms.summary()["gradient/clipped"] == 1.0


def test_an_epoch_logs_norms_and_each_terms_share(
    stripe_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "auxdrive_train")
    train(config_of(stripe_data), tmp_path / "run")
    for record in log_of(tmp_path / "run"):
        assert record["gradient/max"] >= record["gradient/median"] > 0
        assert record["gradient/max"] >= record["gradient/mean"] > 0
        assert record["gradient_of/student"] > 0
        assert record["gradient_of/lidar_network"] > 0
        assert record["gradient/clipped"] == 1.0
    said = [line for line in caplog.messages if "clip_norm (0.5)" in line]
    assert len(said) == 1
    assert "12 of 12 steps" in said[0]


def test_measuring_terms_changes_no_weight_and_clipping_that_never_happens_is_not_said(
    stripe_data: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dropout and batch norm are where an extra pass would show."""
    train(config_of(stripe_data, clip_norm=1e9), tmp_path / "measured")
    assert "clip_norm" not in caplog.text
    monkeypatch.setattr(GradientNorms, "measure_terms", lambda *_: None)
    train(config_of(stripe_data, clip_norm=0), tmp_path / "plain")
    for name in ("last", "best"):
        ours, plain = (
            (tmp_path / run / "checkpoints" / f"{name}.safetensors")
            for run in ("measured", "plain")
        )
        from auxdrive_train.engine import checkpoint

        mine, other = checkpoint.load(ours).networks, checkpoint.load(plain).networks
        assert all(torch.equal(mine[key], other[key]) for key in mine)


def test_the_user_is_told_once_also_over_a_resume(
    stripe_data: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two rounds of SAMD are four phases, each clipped; the run is interrupted in between."""
    from auxdrive_train.engine import epoch

    original, steps = epoch._step, 0
    caplog.set_level("INFO", "auxdrive_train")

    def failing(*arguments: Any) -> dict[str, float]:
        nonlocal steps
        steps += 1
        if steps == 15:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(epoch, "_step", failing)
    made = config_of(stripe_data, method="samd", options={"epochs_per_round": 1}, clip_norm=1e-3)
    with pytest.raises(KeyboardInterrupt):
        train(made, tmp_path / "run")
    train(made, tmp_path / "run", resume=True)
    assert caplog.text.count("clip_norm (0.001)") == 1
