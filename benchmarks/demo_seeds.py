"""The demo over seeds: other data, other weights, the same ten unseen routes; means and 95 %
t-intervals over seeds for each model.

    python benchmarks/demo_seeds.py [--out demos] [--seeds 5]

Seed k is the demo in DIR/seed-k; what has been done there is not done again, so a `make demo` can
be moved to DIR/seed-0. The result goes to benchmarks/results/demo.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.statistics import seed_interval
from auxdrive_eval.command_process import COMMAND
from auxdrive_eval.demo.findings import completed
from auxdrive_eval.demo.settings import MODELS
from record import RESULTS, write_result

SCORES = {
    "driving score": "score_composed",
    "route completion, %": "score_route",
    "infraction penalty": "score_penalty",
}
OPEN_LOOP = {"ADE, m": "ade_m", "FDE, m": "fde_m", "mAcc": "steer_macc"}


def main() -> None:
    """Run every seed, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("demos"))
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    found = [one(arguments.out / f"seed-{seed}", seed) for seed in range(arguments.seeds)]
    table: dict[str, dict[str, Any]] = {}
    for row in found[0]["metrics"]["student"]:
        table[row] = {
            model.name: interval([seed["metrics"][model.name][row] for seed in found])
            for model in MODELS
        }
        gaps = [
            seed["metrics"]["student"][row] - seed["metrics"]["baseline"][row] for seed in found
        ]
        table[row]["student - baseline"] = interval(gaps)
    for row in OPEN_LOOP:
        table[row] |= {
            f"({kind})": interval([seed["floor"][kind][row] for seed in found])
            for kind in found[0]["floor"]
        }
    for row, values in table.items():
        print(
            row,
            {
                name: f"{v['mean']:.3f} [{v['low']:.3f}, {v['high']:.3f}]"
                for name, v in values.items()
            },
            flush=True,
        )
    result = {
        "seeds": arguments.seeds,
        "table": table,
        "seconds": [seed["seconds"] for seed in found],
        "verdicts": [seed["verdict"] for seed in found],
    }
    write_result(RESULTS / "demo.json", result)


def one(folder: Path, seed: int) -> dict[str, Any]:
    """The demo of one seed: what each model drove, how well it predicts, wall time of each stage,
    and the verdict.
    """
    finished = subprocess.run(
        [*COMMAND, "demo", "--out", str(folder), "--seed", str(seed), "--json"],
        stdout=subprocess.PIPE,
        check=True,
    )
    printed = json.loads(finished.stdout)
    done = json.loads((folder / "demo.json").read_text())["done"]
    metrics = {}
    for model in MODELS:
        scores = done[f"drive {model.name}"]["output"]["_checkpoint"]["global_record"]["scores"]
        result = done[f"train {model.method}"]["output"]
        metrics[model.name] = {
            "routes completed": float(completed(done[f"drive {model.name}"]["output"]))
        }
        metrics[model.name] |= {row: scores[key] for row, key in SCORES.items()}
        metrics[model.name] |= {
            row: result["metrics"]["test"][model.role][key] for row, key in OPEN_LOOP.items()
        }
        floor = {
            kind: {row: found[key] for row, key in OPEN_LOOP.items()}
            for kind, found in result["floor"]["test"].items()
        }
    seconds = {stage: round(stored["seconds"], 1) for stage, stored in done.items()}
    return {
        "metrics": metrics,
        "floor": floor,
        "seconds": {**seconds, "total": round(printed["total_s"], 1)},
        "verdict": printed["verdict"],
    }


def interval(values: list[float]) -> dict[str, Any]:
    """Mean and 95 % t-interval over seeds."""
    found = seed_interval(values)
    return {
        "mean": found.value,
        "low": found.low,
        "high": found.high,
        "values": [float(v) for v in np.round(values, 4)],
    }


if __name__ == "__main__":
    main()
