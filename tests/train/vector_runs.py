"""Short runs on vectors and classes."""

from __future__ import annotations

from pathlib import Path

from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import parse_config


def config_of(data: Path, **values: object) -> TrainConfig:
    return parse_config(
        {
            "data": str(data),
            "task": "classification",
            "epochs": 2,
            "batch_size": 16,
            "threads": 1,
            "lr": 5e-3,
            "hidden": [8, 6],
            "augment": {"mirror": 0.0},
            "preprocessing": {"size": [64, 80]},
            "evaluate": ["test"],
            **values,
        }
    )
