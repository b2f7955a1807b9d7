"""`auxdrive select`: what it weighs, and what it tells."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.errors import UsageError
from typer.testing import CliRunner

FEW = ("--epochs", "1", "--set", "batch_size=16", "--set", "threads=1")


def select(*typed: str) -> Any:
    return CliRunner().invoke(build_app(), ["select", *FEW, *typed])


def test_all_that_the_data_hold_is_weighed_with_edge_and_frequency(
    stripe_data: Path, tmp_path: Path
) -> None:
    # a copy, since derived modalities are stored beside the recorded ones
    data = shutil.copytree(stripe_data, tmp_path / "data")
    held = set(Dataset.open(data).card.modalities)
    told = json.loads(select("--data", str(data), "--out", str(tmp_path / "run"), "--json").stdout)
    assert {"rgb", "depth"} < held
    assert set(told["importance"]) == held | {"edge", "frequency", "noise"}
    auxiliaries = [name for name in told["importance"] if name not in ("rgb", "noise")]
    assert told["best"] == auxiliaries[0]
    assert told["noise_is_last"] is (list(told["importance"])[-1] == "noise")
    assert list(told["metrics"]["val"]) == ["selector"]


def test_candidates_that_are_named_are_weighed_alone(stripe_data: Path, tmp_path: Path) -> None:
    typed = ("--data", str(stripe_data), "--out", str(tmp_path / "run"), "--candidates", "depth")
    shown = select(*typed).stdout
    assert "modalities by importance for steering" in shown
    assert "depth" in shown
    assert "lidar" not in shown


def test_candidates_are_separated_by_commas(stripe_data: Path) -> None:
    refused = select("--data", str(stripe_data), "--candidates", "depth lidar").exception
    assert isinstance(refused, UsageError)
    assert "--candidates depth,lidar" in str(refused)


@pytest.mark.parametrize("typed", [(), ("--candidates", "depth")])
def test_data_that_are_not_there_are_told_before_anything_is_made(
    tmp_path: Path, typed: tuple[str, ...]
) -> None:
    refused = select("--data", str(tmp_path / "none"), "--out", str(tmp_path / "run"), *typed)
    assert "none" in str(refused.exception)
    assert not (tmp_path / "run").exists()


def test_it_decides_between_umt_and_ume(stripe_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    typed = ("--data", str(stripe_data), "--candidates", "depth", "--decide", "umt")
    told = json.loads(select(*typed, "--out", str(out), "--json").stdout)
    assert set(told["alone"]) == {"student", "unimodal_depth"}
    better = told["linear_head"] < told["mean_of_predictions"]  # an error in degrees
    assert told["decision"] == ("umt" if better else "ume")
    from auxdrive_train.evaluation.evaluate import evaluate
    from auxdrive_train.evaluation.models import open_model

    mean = evaluate(open_model(out, "ensemble"), [stripe_data], "val")
    assert mean.data.frames > 0
    assert told["mean_of_predictions"] == pytest.approx(
        mean.metrics[told["main_metric"]].value, rel=1e-5
    )
    shown = select(*typed, "--out", str(tmp_path / "other"))
    assert f"decision: {told['decision']}" in shown.stderr + shown.stdout
    refused = select("--data", str(stripe_data), "--decide", "dmcl").exception
    assert isinstance(refused, UsageError)


def test_the_decision_needs_umes_networks(stripe_data: Path, tmp_path: Path) -> None:
    from auxdrive_train.engine.train import train
    from auxdrive_train.evaluation.deciding import decide
    from small_runs import settings_for

    train(settings_for("baseline", stripe_data, epochs=1), tmp_path / "run")
    with pytest.raises(UsageError, match="run of 'baseline'"):
        decide(tmp_path / "run")


def test_modalities_that_tell_something_together_call_for_umt() -> None:
    """The label is the sum of what two networks know: each alone knows half of it, and so does
    their mean; a linear head on the features of both knows all.
    """
    from auxdrive_train.evaluation.probe import linear

    class Few:
        ego = np.zeros((400, 0))

        def __len__(self) -> int:
            return 400

    known, samples = np.random.default_rng(0).normal(size=(400, 2)), Few()
    samples.label = label = known.sum(axis=1, keepdims=True)
    joined = linear(known, samples, known, samples)
    mean = known.mean(axis=1, keepdims=True)  # each network's best guess is what it knows
    assert np.abs(joined - label).max() < 0.02
    assert np.abs(mean - label).mean() > 0.3
