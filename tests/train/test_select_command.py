"""`auxdrive select`: what it weighs, and what it tells."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

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
