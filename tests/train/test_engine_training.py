"""Training end to end on a small data set, in one process and in several, and what the commands
show of it. That every method trains: `tests/checks/test_every_method.py`.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
import torch
from auxdrive.cli import build_app
from auxdrive.errors import AuxdriveError
from auxdrive.runs import RunResult
from auxdrive_train.engine import checkpoint
from auxdrive_train.engine.loop import Trainer
from auxdrive_train.engine.train import train
from small_runs import settings_for, weights
from typer.testing import CliRunner


def test_what_lacks_a_modality_is_said(
    stripe_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "auxdrive_train")
    train(settings_for("dmcl", stripe_data, epochs=1), tmp_path / "run")
    assert "1 of 4 training episodes lack depth" in caplog.text


def test_the_baseline_learns_the_stripe(stripe_data: Path, tmp_path: Path) -> None:
    result = train(
        settings_for("baseline", stripe_data, epochs=40, batch_size=8, lr=3e-3, dropout=0.0),
        tmp_path / "run",
    )
    assert result.metrics["val"]["student"]["r2"] > 0.7


def test_an_epoch_whose_metric_is_no_number_is_not_the_best(
    stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = iter([math.nan, 0.1, math.nan])
    monkeypatch.setattr(Trainer, "_validate", lambda *_: (next(measured), {}))
    train(settings_for("baseline", stripe_data, epochs=3), tmp_path / "run")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["best"]["epoch"] == 2


def test_inspect_shows_a_run_of_the_trainer(stripe_data: Path, tmp_path: Path) -> None:
    trained = train(settings_for("dmcl", stripe_data, evaluate=["test"]), tmp_path / "run")
    result = CliRunner().invoke(build_app(), ["inspect", str(tmp_path / "run"), "--json"])
    summary = json.loads(result.stdout)
    assert (summary["kind"], summary["finished"], summary["broken"]) == ("run", True, [])
    assert summary["records"] == 2
    assert "best.safetensors" in summary["checkpoints"]
    assert "method: dmcl" in summary["config"]
    assert (summary["data"], summary["record"]["task"], summary["record"]["aux"]) == (
        "stripe",
        "steering",
        ["depth", "lidar"],
    )
    assert summary["result"] == trained.model_dump(mode="json")
    shown = CliRunner().invoke(build_app(), ["inspect", str(tmp_path / "run")]).output
    for expected in (
        "together, epoch",
        "2 in 1 phase(s)",
        "stripe",
        "dmcl on val",
        "dmcl on test",
        "oracle_loss",
        "the last 2 of 2 records",
    ):
        assert expected in shown
    assert "see config.yaml" not in shown
    (tmp_path / "run" / "result.json").unlink()
    assert (
        "has not finished"
        in CliRunner().invoke(build_app(), ["inspect", str(tmp_path / "run")]).output
    )


def test_train_prints_roles_with_different_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no R2 of a role whose samples do not vary, and the oracle is of no role."""
    roles = {
        "student": {"mae_deg": 1.5},
        "depth_network": {"mae_deg": 2.0, "r2": 0.25},
        "all": {"oracle_loss": 0.0625},
    }
    monkeypatch.setattr(
        "auxdrive_train.engine.train.train",
        lambda *_, **__: RunResult(
            method="dmcl",
            best={"phase": "together"},
            phases=(),
            steps=0,
            trained_s=0.0,
            metrics={"val": roles, "test": {"student": {}}},
        ),
    )
    result = CliRunner().invoke(
        build_app(),
        [
            "train",
            "--data",
            "x",
            "--method",
            "dmcl",
            "--aux",
            "depth",
            "--out",
            str(tmp_path / "run"),
        ],
    )
    assert result.exit_code == 0, result.output
    rows = [
        [cell.strip() for cell in re.split("[│┃]", line)[1:-1]]
        for line in result.output.splitlines()
        if line[:1] in ("│", "┃")
    ]
    assert rows == [
        ["", "student", "depth_network", "all"],
        ["mae_deg", "1.500", "2.000", "-"],
        ["r2", "-", "0.250", "-"],
        ["oracle_loss", "-", "-", "0.062"],
        ["", "student"],
    ]


@pytest.mark.slow
def test_two_processes_train_what_one_does(
    stripe_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each takes half of every batch; without random augmentation their averaged gradients are
    those of the whole batch.
    """
    still = {
        "augment": {"mirror": 0, "brightness": 0, "contrast": 0, "saturation": 0},
        "dropout": 0.0,
        "epochs": 2,
        "clip_norm": 0,
        "ema": 0.9,
    }
    train(settings_for("baseline", stripe_data, **still), tmp_path / "one")
    train(settings_for("baseline", stripe_data, **still, processes=2), tmp_path / "two")
    assert capfd.readouterr() == ("", "")  # nor do the processes print
    assert checkpoint.load(tmp_path / "two" / "checkpoints" / "last.safetensors").progress.finished
    one, two = (
        weights(tmp_path / "one", "last.safetensors"),
        weights(tmp_path / "two", "last.safetensors"),
    )
    for key, tensor in one.items():
        torch.testing.assert_close(two[key], tensor, rtol=0, atol=2e-3)
    # What is logged is both processes' mean, not the first one's share.
    logs = [
        [json.loads(line) for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()]
        for run in ("one", "two")
    ]
    assert [record["loss/total"] for record in logs[1]] == pytest.approx(
        [record["loss/total"] for record in logs[0]], rel=2e-2
    )


def test_early_stop_leaves_the_rounds_of_samd_whole(stripe_data: Path, tmp_path: Path) -> None:
    still = {"epochs": 6, "options": {"epochs_per_round": 3}, "early_stop": 1, "lr": 1e-12}
    result = train(settings_for("samd", stripe_data, **still), tmp_path / "samd")
    assert [record.epochs for record in result.phases] == [3, 3, 3, 3]
    result = train(
        settings_for("baseline", stripe_data, epochs=6, early_stop=1, lr=1e-12),
        tmp_path / "baseline",
    )
    assert [record.epochs for record in result.phases] == [2]


def test_a_loss_that_explodes_is_said_and_nothing_is_lost(
    stripe_data: Path, tmp_path: Path
) -> None:
    with pytest.raises(AuxdriveError, match="loss became"):
        train(
            settings_for("baseline", stripe_data, lr=1e18, clip_norm=0, epochs=30), tmp_path / "run"
        )
