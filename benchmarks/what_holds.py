"""How well students of path_speed know what holds the expert: the errors of their target speed and
of standing, by what kept the expert from driving faster (`allowed_mps` of its recorded plan).

    python benchmarks/what_holds.py NAME=RUN ... --data DATA [--split val]

DATA is a recording of `auxdrive collect` on routes that no run was trained on, such as

    auxdrive collect --out DATA --split val --frames 6000 --seed 77 --route-seeds 1100-1199 \
        --rate-hz 2 --modalities rgb --size 128x72 --sim-option expert=sighted --perturb-speed \
        --delay-starts 0.5 --delay-brakes 0.5

Prints a table and writes benchmarks/results/what_holds.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

from auxdrive.command_process import COMMAND
from record import RESULTS, write_result

PREFIX = "held by "
METRICS = ("speed_mae_mps", "stop_brier_score", "path_ade_m")


def main() -> None:
    """Measure every run, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="NAME=RUN")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="val")
    given = parser.parse_args()
    runs = dict(each.split("=", 1) for each in given.runs)
    found = {name: measured(Path(run), given.data, given.split) for name, run in runs.items()}
    for run, table in found.items():
        print(run)
        for kind, values in table.items():
            numbers = ", ".join(f"{name} {values[name]:.3f}" for name in METRICS)
            print(f"  {kind:10} {values['frames']:6.0f} frames: {numbers}")
    write_result(RESULTS / "what_holds.json", {"runs": found})


def measured(run: Path, data: Path, split: str) -> dict[str, dict[str, float]]:
    """By what holds the expert, and of all frames: how many there are, and the metrics."""
    finished = subprocess.run(
        [*COMMAND, "evaluate", str(run), "--data", str(data), "--split", split, "--json"],
        stdout=subprocess.PIPE,
        check=True,
    )
    result = json.loads(finished.stdout)
    whole = {name: result["metrics"][name]["value"] for name in METRICS}
    found = {"all": {"frames": float(result["data"]["frames"]), **whole}}
    for name, each in result["conditions"].items():
        if name.startswith(PREFIX):
            found[name.removeprefix(PREFIX)] = row_of(each)
    return found


def row_of(condition: dict[str, Any]) -> dict[str, float]:
    """The metrics of a condition's frames."""
    return {
        "frames": float(condition["frames"]),
        **{name: condition["metrics"][name] for name in METRICS},
    }


if __name__ == "__main__":
    main()
