"""The demo over seeds: other data, other weights, the same twenty unseen routes; means, 95 %
t-intervals and standard deviations over seeds for each model.

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
from auxdrive.command_process import COMMAND
from auxdrive.statistics import seed_interval
from auxdrive_eval.demo.findings import completed
from auxdrive_eval.demo.settings import DRIVERS, FIRST, STUDENT, TEST_PART
from record import RESULTS, write_result

SCORES = {
    "driving score": "score_composed",
    "route completion, %": "score_route",
    "infraction penalty": "score_penalty",
}
OPEN_LOOP = {
    "plan error, m": "plan_error_m",
    "path's error, m": "path_ade_m",
    "target speed's error, m/s": "speed_mae_mps",
    "mAcc": "steer_macc",
}


def main() -> None:
    """Run every seed, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("demos"))
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    found = [one(arguments.out / f"seed-{seed}", seed) for seed in range(arguments.seeds)]
    table = {row: row_of(row, found) for row in found[0]["metrics"][STUDENT]}
    for row, values in table.items():
        print(row, {name: in_words(each) for name, each in values.items()}, flush=True)
    result = {
        "seeds": arguments.seeds,
        "table": table,
        "seconds": [seed["seconds"] for seed in found],
        "rounds": [seed["rounds"] for seed in found],
        "verdicts": [seed["verdict"] for seed in found],
    }
    write_result(RESULTS / "demo.json", result)


def row_of(row: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    """What each driver reached over the seeds, the difference between the students, and on the test
    part what needs no network.
    """
    by_model = {
        name: [seed["metrics"][name][row] for seed in found if row in seed["metrics"][name]]
        for name in DRIVERS
    }
    values = {name: interval(each) for name, each in by_model.items() if each}
    gaps = np.subtract(by_model[STUDENT], by_model[FIRST]).tolist()
    values[f"{STUDENT} - {FIRST}"] = interval(gaps)
    if row in OPEN_LOOP:
        values |= {
            f"({kind})": interval([seed["floor"][kind][row] for seed in found])
            for kind in found[0]["floor"]
        }
    return values


def one(folder: Path, seed: int) -> dict[str, Any]:
    """The demo of one seed (`measures`)."""
    finished = subprocess.run(
        [*COMMAND, "demo", "--out", str(folder), "--seed", str(seed), "--json"],
        stdout=subprocess.PIPE,
        check=True,
    )
    return measures(json.loads(finished.stdout), folder)


def measures(printed: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What each drove, how well the students predict, the rounds, wall time of each stage, and the
    verdict.

    Args:
        printed: by the demo, as JSON.
        folder: of the demo.
    """
    done = json.loads((folder / "demo.json").read_text())["done"]
    metrics: dict[str, dict[str, float]] = {}
    for name in DRIVERS:
        document = done[f"drive {name}"]["output"]
        scores = document["_checkpoint"]["global_record"]["scores"]
        metrics[name] = {"routes completed": float(completed(document))}
        metrics[name] |= {row: scores[key] for row, key in SCORES.items()}
    (chosen,) = (each["number"] for each in printed["rounds"] if each["chosen"])
    trained = {FIRST: done["train 0"]["output"], STUDENT: done[f"train {chosen}"]["output"]}
    for name, result in trained.items():
        measured = result["metrics"][TEST_PART]["student"]
        metrics[name] |= {row: measured[key] for row, key in OPEN_LOOP.items()}
    floor = {
        kind: {row: measured[key] for row, key in OPEN_LOOP.items()}
        for kind, measured in trained[FIRST]["floor"][TEST_PART].items()
    }
    seconds = {stage: round(stored["seconds"], 1) for stage, stored in done.items()}
    return {
        "metrics": metrics,
        "floor": floor,
        "rounds": printed["rounds"],
        "seconds": {**seconds, "total": round(printed["total_s"], 1)},
        "verdict": printed["verdict"],
    }


def interval(values: list[float]) -> dict[str, Any]:
    """Mean, 95 % t-interval and standard deviation over seeds; of one seed the mean alone."""
    found = seed_interval(values)
    return {
        "mean": found.value,
        "low": found.low,
        "high": found.high,
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "values": [float(v) for v in np.round(values, 4)],
    }


def in_words(found: dict[str, Any]) -> str:
    """A mean, its bounds and the standard deviation; of one seed the mean."""
    if found["sd"] is None:
        return f"{found['mean']:.3f}"
    return f"{found['mean']:.3f} [{found['low']:.3f}, {found['high']:.3f}], sd {found['sd']:.3f}"


if __name__ == "__main__":
    main()
