"""Short runs on a small data set, for the tests of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from auxdrive_train.engine import checkpoint
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import parse_config
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
        values.setdefault("aux", ["depth", "lidar"])
    if name == "samd":
        values.setdefault("options", {"epochs_per_round": 1})
    if name == "umt":
        values.setdefault("options", {"probe_epochs": 1})
    return parse_config(values)


def weights(run: Path, name: str) -> dict[str, torch.Tensor]:
    return checkpoint.load(run / "checkpoints" / name).networks
