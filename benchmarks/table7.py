"""SAMD's Table 7 in the embedded world: RGB, RGB + LiDAR, and SAMD, which sees RGB alone at test
time, on routes that neither training nor settings saw, over seeds and in repeated traffic.

    python benchmarks/table7.py [--out table7] [--seeds 3] [--routes 20] [--repeats 3]

Seed k is in DIR/seed-k: its recording, its models (benchmarks/table7_models.py) and their drives.
What has been done there is not done again. The eight columns are the paper's: driving
score, route completion, infraction penalty, and infractions per km (Shen et al., "Auxiliary
Modality Learning with Generalized Curriculum Distillation", Table 7). The result goes to
benchmarks/results/table7.json.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.command_process import command
from auxdrive.statistics import paired_difference, seed_difference, seed_interval
from auxdrive.types import Float64
from record import RESULTS, write_result
from table7_models import DRIVING, MODELS, Model, made

FIRST_ROUTE = 4000
# as of the global record: the part, and the key in it
COLUMNS = {
    "DS": ("scores", "score_composed"),
    "RC": ("scores", "score_route"),
    "IP": ("scores", "score_penalty"),
    "CP": ("infractions", "collisions_pedestrian"),
    "CV": ("infractions", "collisions_vehicle"),
    "CL": ("infractions", "collisions_layout"),
    "RLI": ("infractions", "red_light"),
    "SSI": ("infractions", "stop_infraction"),
}
ROWS = {"RGB": "baseline", "RGB + LiDAR": "teacher", "SAMD, RGB at test": "student"}
PAPER = {
    "RGB": {"DS": 21.0, "RC": 60.5},
    "RGB + LiDAR": {"DS": 11.2, "RC": 52.9},
    "SAMD, RGB at test": {"DS": 22.1, "RC": 79.5},
}


def main() -> None:
    """Make what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("table7"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--routes", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    models = {model.name: model for model in MODELS}
    found: dict[str, list[dict[str, Any]]] = {row: [] for row in ROWS}
    for seed in range(arguments.seeds):
        folder = arguments.out / f"seed-{seed}"
        made(folder, seed, arguments.workers)
        for row, name in ROWS.items():
            found[row].append(drive(folder, models[name], arguments))
            print(seed, row, columns(found[row][-1]), flush=True)
    table = {
        row: {
            column: interval([columns(document)[column] for document in documents])
            for column in COLUMNS
        }
        for row, documents in found.items()
    }
    for row, values in table.items():
        print(row, {name: show(value) for name, value in values.items()})
    write_result(
        RESULTS / "table7.json",
        {
            "routes": f"{FIRST_ROUTE} to {FIRST_ROUTE + arguments.routes - 1}",
            "repeats": arguments.repeats,
            "seeds": arguments.seeds,
            "table": table,
            "paper": PAPER,
            "against RGB": {
                row: differences(found[row], found["RGB"], arguments.repeats)
                for row in list(ROWS)[1:]
            },
        },
    )


def drive(folder: Path, model: Model, arguments: argparse.Namespace) -> dict[str, Any]:
    """The result of one seed's model on all routes, from its folder where it is finished."""
    out = folder / "table7" / model.name
    last = FIRST_ROUTE + arguments.routes - 1
    source = [str(folder / (model.bundle or model.run)), "--role", model.role, *DRIVING]
    routes = ["--route-seeds", f"{FIRST_ROUTE}-{last}", "--repeats", str(arguments.repeats)]
    begun = ["--resume"] if out.exists() else []
    return command(
        "drive", *source, *routes, "--workers", str(arguments.workers), "--out", str(out), *begun,
        prefix=f"{folder.name} {model.name}: ",
    )  # fmt: skip


def columns(
    document: dict[str, Any], wanted: dict[str, tuple[str, str]] = COLUMNS
) -> dict[str, float]:
    """The columns of a result, by default the eight."""
    whole = document["_checkpoint"]["global_record"]
    return {name: float(whole[part][key]) for name, (part, key) in wanted.items()}


def interval(values: list[float]) -> dict[str, Any]:
    """Mean, bounds and the values themselves, one per seed."""
    found = seed_interval(values)
    return {"mean": found.value, "low": found.low, "high": found.high, "values": values}


def show(found: dict[str, Any]) -> str:
    """A mean and its bounds in words."""
    if found["low"] is None:
        return f"{found['mean']:.3f}"
    return f"{found['mean']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def scores_by_route(documents: list[dict[str, Any]], repeats: int) -> Float64:
    """(R,), the driving score of each route, as the mean of its repeats over all seeds."""
    scores = [
        [record["scores"]["score_composed"] for record in document["_checkpoint"]["records"]]
        for document in documents
    ]  # the repeats of a route follow each other
    means: Float64 = np.array(scores).reshape(len(scores), -1, repeats).mean(axis=(0, 2))
    return means


def differences(
    ours: list[dict[str, Any]], baseline: list[dict[str, Any]], repeats: int
) -> dict[str, dict[str, Any]]:
    """The paired differences of the driving score: over seeds, and over routes."""
    one, other = (
        np.array([columns(document)["DS"] for document in documents])
        for documents in (ours, baseline)
    )
    found = {
        "over seeds": seed_difference(one, other),
        "over routes": paired_difference(
            scores_by_route(ours, repeats), scores_by_route(baseline, repeats), seed=0
        ),
    }
    return {name: asdict(difference) for name, difference in found.items()}


if __name__ == "__main__":
    main()
