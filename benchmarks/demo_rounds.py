"""More drives of the demos that `benchmarks/demo_seeds.py` made, over their seeds: the student of
every round (DAgger's curve), and the last one in int8; all on the demo's unseen routes.

    python benchmarks/demo_rounds.py [--demos demos] [--seeds 5] [--workers 2]

The first and the last round's students were driven by the demo. The others are exported to
DIR/seed-k/more and driven as the demo drives. What has been done is not done again. Means, 95 %
t-intervals and standard deviations over seeds go to benchmarks/results/demo_rounds.json, and the
paired differences of each round from the one before it, and of int8 from fp32.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.command_process import command
from auxdrive_eval.dagger.folder import DaggerFolder
from auxdrive_eval.demo.settings import FIRST, STUDENT, DemoSettings
from auxdrive_eval.demo.stages import drive_words
from demo_seeds import SCORES, in_words, interval
from record import RESULTS, write_result

INT8 = "last, int8"


def main() -> None:
    """Drive what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--demos", type=Path, default=Path("demos"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    found = [of_seed(given.demos / f"seed-{seed}", given.workers) for seed in range(given.seeds)]
    table = {metric: row_of([seed[metric] for seed in found]) for metric in SCORES}
    for metric, values in table.items():
        print(metric, {name: in_words(each) for name, each in values.items()}, flush=True)
    write_result(RESULTS / "demo_rounds.json", {"seeds": given.seeds, "table": table})


def of_seed(demo: Path, workers: int) -> dict[str, dict[str, float]]:
    """By metric, what each student of a demo reached."""
    folder = DaggerFolder(demo / "rounds")
    last = len(list(folder.run_of(0).parent.glob("round-*"))) - 1
    drives = {"round 0": demo / "drives" / FIRST}
    for number in range(1, last):
        drives[f"round {number}"] = driven(demo, f"round-{number}", folder.run_of(number), workers)
    drives[f"round {last}"] = demo / "drives" / STUDENT
    drives[INT8] = driven(demo, "int8", folder.run_of(last), workers, "int8")
    results = {name: scores_of(drive) for name, drive in drives.items()}
    return {
        metric: {name: scores[key] for name, scores in results.items()}
        for metric, key in SCORES.items()
    }


def scores_of(drive: Path) -> dict[str, float]:
    """The means over a drive's routes."""
    document = json.loads((drive / "results.json").read_text())
    return dict(document["_checkpoint"]["global_record"]["scores"])


def driven(demo: Path, name: str, run: Path, workers: int, precision: str = "fp32") -> Path:
    """A run, exported and driven as the demo drives: the folder of the drive."""
    bundle, out = demo / "more" / name, demo / "more" / f"drive-{name}"
    if not bundle.exists():
        further = ["--precision", precision] if precision != "fp32" else []
        command("export", str(run), "--out", str(bundle), *further, prefix=f"{name}: ")
    command(
        "drive", str(bundle), "--precision", precision, "--out", str(out),
        *drive_words(DemoSettings(workers=workers)), *["--resume"] * out.exists(),
        prefix=f"{name}: ",
    )  # fmt: skip
    return out


def row_of(seeds: list[dict[str, float]]) -> dict[str, Any]:
    """Each student's mean over seeds, and what it has more than the one before it."""
    names = list(seeds[0])
    values = {name: [seed[name] for seed in seeds] for name in names}
    found = {name: interval(values[name]) for name in names}
    for before, after in pairwise(names):
        gaps = np.subtract(values[after], values[before]).tolist()
        found[f"{after} - {before}"] = interval(gaps)
    return found


if __name__ == "__main__":
    main()
