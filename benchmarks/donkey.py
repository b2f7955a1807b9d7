"""Steering on a real RC car's recording: RGB-only students of every method, over seeds, with
intervals; then the exported bundle.

    python benchmarks/donkey.py TUB [--out DIR] [--seeds 5] [--epochs 10]

TUB is a donkeycar tub (v2) with the field `source_index`. Trained on source_index < 9800 (a tenth
of it, in whole minutes that lie apart from the rest, validates and chooses the epoch), tested on
10000..11999, and on the other way round the track from 13000 (shift). Nothing is chosen on test or
shift. Auxiliaries are edge and frequency, both computed from RGB. A run that was stopped is taken
up; finished ones are not repeated.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.runs import RunFolder, RunResult
from auxdrive.statistics import seed_interval
from auxdrive_deploy.bundle_writer import write_bundle
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.train import train
from auxdrive_train.tasks.metrics import r2_score
from record import write_result

ROOT = Path(__file__).resolve().parents[1]
AUXDRIVE = (sys.executable, "-c", "from auxdrive.cli import main; main()")
SPLITS = ("train=:9800", "test=10000:12000", "shift=13000:")
METHODS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "samd": {"aux": ["edge", "frequency"], "options": {"epochs_per_round": 5}},
    "umt": {"aux": ["edge", "frequency"], "options": {"probe_epochs": 5}},
    "dmcl": {"aux": ["edge", "frequency"]},
}
MAX_STEER_DEG = 25.0
Row = dict[str, dict[str, float | None]]
"""By part and metric its mean, interval and number of seeds."""


def main() -> None:
    """Ingest, train, measure, export, and compare with the base install."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tub", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out/donkey"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument(
        "--result", type=Path, default=ROOT / "benchmarks" / "results" / "donkey.json"
    )
    arguments = parser.parse_args()
    data = arguments.out / "data"
    if not (data / "dataset.json").exists():
        splits = [part for split in SPLITS for part in ("--split", split)]
        ingest = [
            "ingest",
            "donkey",
            str(arguments.tub),
            "--out",
            str(data),
            *splits,
            "--derive",
            "edge,frequency",
        ]
        subprocess.run([*AUXDRIVE, *ingest], check=True)
    runs: dict[str, list[RunResult]] = {}
    for method in arguments.methods.split(","):
        runs[method] = [
            run_once(method, seed, data, arguments.out / "runs", arguments.epochs)
            for seed in range(arguments.seeds)
        ]
    table = {method: summary(results) for method, results in runs.items()}
    table |= floor_of(next(iter(runs.values()))[0])
    for method, measured in table.items():
        print(
            method,
            {
                name: f"{shown(v['mean'])} [{shown(v['low'])}, {shown(v['high'])}]"
                for name, v in measured.items()
            },
            flush=True,
        )
    exported = from_the_base_install(arguments.tub, arguments.out, list(runs))
    print(json.dumps(exported, indent=2))
    trained = [
        RunFolder(arguments.out / "runs" / f"{method}-{seed}").record().commit
        for method in runs
        for seed in range(arguments.seeds)
    ]
    result = {
        "seeds": arguments.seeds,
        "epochs": arguments.epochs,
        "table": table,
        "trained_at": sorted(set(trained)),
        "train_s": {
            method: [round(result.trained_s, 1) for result in results]
            for method, results in runs.items()
        },
        "bundles": exported,
    }
    write_result(arguments.result, result)


def run_once(method: str, seed: int, data: Path, runs: Path, epochs: int) -> RunResult:
    """One method and seed; a finished run's result is read back."""
    out = runs / f"{method}-{seed}"
    config = parse_config(
        {
            "data": str(data),
            "method": method,
            "epochs": epochs,
            "seed": seed,
            "augment": {"brightness": 0.4},
            "validation_every": 10,
            "evaluate": ["test", "shift"],
            **METHODS[method],
        }
    )
    if RunFolder(out).is_finished:
        return RunFolder(out).result()
    start_s = time.perf_counter()
    result = train(config, out, resume=RunFolder(out).is_run)
    test, shift = (result.metrics[part]["student"]["r2"] for part in ("test", "shift"))
    print(
        f"{method} seed {seed}: R2 test {test:.3f}, shift {shift:.3f}, "
        f"{time.perf_counter() - start_s:.0f} s",
        flush=True,
    )
    return result


def shown(value: float | None) -> str:
    """A number in a table; there is no interval over one seed."""
    return "-" if value is None else f"{value:.3f}"


def summary(results: list[RunResult]) -> Row:
    """Mean and 95 % t-interval over seeds of the student's R2 and mAcc on both parts."""
    metrics: Row = {}
    for part in ("test", "shift"):
        for metric in ("r2", "macc"):
            values = [result.metrics[part]["student"][metric] for result in results]
            interval = seed_interval([math.nan if each is None else each for each in values])
            metrics[f"{part} {metric}"] = {
                "mean": interval.value,
                "low": interval.low,
                "high": interval.high,
                "seeds": len(values),
            }
    return metrics


def floor_of(result: RunResult) -> dict[str, Row]:
    """What needs no network on the same parts: one value, since no seed is in it."""
    kinds: dict[str, Row] = {}
    for part in ("test", "shift"):
        for kind, found in result.floor[part].items():
            for metric in ("r2", "macc"):
                value = found.get(metric, math.nan)
                kinds.setdefault(f"({kind})", {})[f"{part} {metric}"] = {
                    "mean": value,
                    "low": value,
                    "high": value,
                    "seeds": 0,
                }
    return kinds


def from_the_base_install(tub: Path, out: Path, methods: list[str]) -> dict[str, dict[str, Any]]:
    """Export seed 0 of each method; then verify, and predict the test part's JPEG images, in an
    environment that has no torch.
    """
    for method in methods:
        if not (out / f"bundle-{method}").exists():
            write_bundle(load_run(out / "runs" / f"{method}-0"), out / f"bundle-{method}")
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", str(ROOT)], check=True)
        without_torch = (
            subprocess.run(
                [python, "-c", "import torch"], capture_output=True, check=False
            ).returncode
            != 0
        )
        tool = str(Path(folder) / "bin" / "auxdrive")
        found = {
            method: _from_bundle(tool, tub, out, method, Path(folder) / "predictions.jsonl")
            for method in methods
        }
    return {
        method: {"torch_in_base_install": not without_torch, **result}
        for method, result in found.items()
    }


def _from_bundle(tool: str, tub: Path, out: Path, method: str, predictions: Path) -> dict[str, Any]:
    names, angles_rad = records_of(tub, 10000, 12000)
    bundle = str(out / f"bundle-{method}")
    verified = subprocess.run([tool, "verify", bundle, "--json"], capture_output=True, check=False)
    images = [str(tub / "images" / name) for name in names]
    subprocess.run(
        [tool, "predict", bundle, *images, "--out", str(predictions)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    predicted = [json.loads(line)["steer_rad"] for line in predictions.read_text().splitlines()]
    result = RunFolder(out / "runs" / f"{method}-0").result()
    trained = result.metrics["test"]["student"]["r2"]
    return {
        "verify_exit_code": verified.returncode,
        "images": len(predicted),
        "r2_in_training": trained,
        "r2_from_bundle": r2_score(np.array(predicted), np.array(angles_rad)),
    }


def records_of(tub: Path, start: int, stop: int) -> tuple[list[str], list[float]]:
    """Image names and road-wheel angles (radians, positive left) of the records with start <=
    source_index < stop.
    """
    names, angles = [], []
    for catalog in sorted(tub.glob("*.catalog")):
        for line in catalog.read_text().splitlines():
            record = json.loads(line)
            if start <= record["source_index"] < stop:
                names.append(record["cam/image_array"])
                angles.append(-math.radians(MAX_STEER_DEG) * record["user/angle"])
    return names, angles


if __name__ == "__main__":
    main()
