"""Training samples/s, and the share of time spent waiting for data: PilotNet and ResNet-18,
baseline and SAMD.

    python benchmarks/training.py DATA [--out FILE]

DATA is a data set of `auxdrive collect` with depth, segmentation and LiDAR. Runs are short; the
first epoch of each phase is left out, since it reads files into the page cache.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.runs import RunFolder
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import train
from record import RESULTS, write_result

CASES = {"pilotnet": ((66, 200), 64, 6), "resnet18": ((66, 200), 32, 1)}


def main() -> None:
    """Measure every case and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS / "training.json")
    arguments = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for backbone, (size, batch, episodes) in CASES.items():
            data = part_of(arguments.data, Path(folder) / f"data-{backbone}", episodes)
            for method in ("baseline", "samd"):
                results[f"{backbone} {method}"] = measure(
                    backbone, method, data, Path(folder) / f"{backbone}-{method}", size, batch
                )
                print(
                    f"{backbone} {method}: {json.dumps(results[f'{backbone} {method}'])}",
                    flush=True,
                )
    write_result(arguments.out, {"results": results})


def part_of(source: Path, target: Path, episodes: int) -> Path:
    """A data set of the first training episodes and one to validate on; frames are linked, not
    copied.
    """
    dataset = Dataset.open(source)
    chosen = {"train": dataset.split("train")[:episodes], "val": dataset.split("val")[:1]}
    for name in (*chosen["train"], *chosen["val"]):
        shutil.copytree(
            source / "episodes" / name,
            target / "episodes" / name,
            copy_function=lambda a, b: Path(b).hardlink_to(a),
        )
    write_card(target, dataset.card.model_copy(update={"splits": chosen}))
    return target


def measure(
    backbone: str, method: str, data: Path, out: Path, size: tuple[int, int], batch: int
) -> dict[str, float]:
    """Median samples/s and the share of waiting, by kind of phase."""
    more = (
        {"aux": ["lidar", "depth", "segmentation"], "options": {"epochs_per_round": 2}}
        if method == "samd"
        else {}
    )
    config = parse_config(
        {
            "data": str(data),
            "task": "waypoints",
            "method": method,
            "backbone": backbone,
            "epochs": 2,
            "batch_size": batch,
            "preprocessing": {"size": list(size), "crop_top": 0.25},
            **more,
        }
    )
    train(config, out)
    records = RunFolder(out).epochs()
    measured: dict[str, float] = {}
    for role in dict.fromkeys(record["role"] for record in records):
        warm = [record for record in records if record["role"] == role and record["epoch"] > 1]
        measured[f"{role} phase, samples/s"] = round(
            float(np.median([record["samples_per_s"] for record in warm])), 1
        )
        measured[f"{role} phase, share of time waiting for data"] = round(
            max(record["wait_share"] for record in warm), 5
        )
    return measured


if __name__ == "__main__":
    main()
