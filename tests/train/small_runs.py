"""Short runs on a small data set, for the tests of the engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from auxdrive_train.engine import checkpoint
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import train
from auxdrive_train.methods import METHODS

SMALL = {
    "preprocessing": {"size": [64, 80]},
    "batch_size": 16,
    "threads": 1,
    "dropout": 0.1,
    "lr": 2e-3,
}


def settings_for(name: str, data: Path, **changes: Any) -> TrainConfig:
    values = {**SMALL, "data": str(data), "method": name, "epochs": 2, **changes}
    if METHODS[name].needs_auxiliaries:
        values.setdefault("aux", ["depth", "lidar"][: METHODS[name].most_auxiliaries])
    if name == "samd":
        values.setdefault("options", {"epochs_per_round": 1})
    if name == "umt":
        values.setdefault("options", {"probe_epochs": 1})
    return parse_config(values)


def weights(run: Path, name: str) -> dict[str, torch.Tensor]:
    return checkpoint.load(run / "checkpoints" / name).networks


def assert_same_run(ours: Path, theirs: Path) -> None:
    for name in ("last.safetensors", "best.safetensors"):
        mine, other = weights(ours, name), weights(theirs, name)
        assert mine.keys() == other.keys()
        for key, tensor in mine.items():
            assert torch.equal(tensor, other[key]), key
    timed = ("samples_per_s", "wait_share")
    lines = [
        [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        for run in (ours, theirs)
    ]
    logs = [
        [{key: value for key, value in record.items() if key not in timed} for record in run]
        for run in lines
    ]
    assert logs[0] == logs[1]


def train_with_interruptions(made: TrainConfig, out: Path) -> int:
    """Train, and go on after each Ctrl-C. The number of interruptions."""
    for attempt in range(100):
        try:
            train(made, out, resume=attempt > 0)
            break
        except KeyboardInterrupt:
            continue
    return attempt
