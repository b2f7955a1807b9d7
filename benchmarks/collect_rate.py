"""Frames per second of `auxdrive collect`, against another checkout in the same run: by processor
time and by the clock, with one worker and two.

    python benchmarks/collect_rate.py [--base CHECKOUT] [--episodes 6] [--rounds 3]
        [--sensors rgb,all] [--experts all_knowing,sighted] [--workers 1,2] [--rates 4,20]

`rgb` is RGB alone at 128 x 72, `all` is RGB, depth, segmentation and LiDAR at 256 x 144. Each
recording is a whole command in a process of its own, with its start; the recordings of one case
take turns, round after round. What counts is the median over rounds. Processor time (user and
system, of all the command's processes) is little touched by what else the machine does; the clock
needs a machine that does nothing else. Another checkout that has no such expert is left out there.
The result goes to benchmarks/results/collect_rate.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from record import RESULTS, write_result

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("sdk", "train", "deploy", "carla_eval")
SENSORS = {
    "rgb": ("--modalities", "rgb", "--size", "128x72"),
    "all": ("--modalities", "rgb,depth,segmentation,lidar", "--size", "256x144"),
}
BASE_RATE_HZ = "4"
# Not by the entry points of the environment: they are those of one checkout.
COLLECT = (
    "import typer; from auxdrive_eval.commands.collect import collect; "
    "app = typer.Typer(); app.command()(collect); app()"
)


def main() -> None:
    """Measure every case and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path)
    parser.add_argument("--episodes", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    for name, default in (
        ("--sensors", "rgb,all"),
        ("--experts", "all_knowing,sighted"),
        ("--workers", "1,2"),
        ("--rates", "4,20"),
    ):
        parser.add_argument(name, type=lambda text: text.split(","), default=default.split(","))
    parser.add_argument("--out", type=Path, default=RESULTS / "collect_rate.json")
    arguments = parser.parse_args()
    cases = {}
    for sensors, expert in product(arguments.sensors, arguments.experts):
        cases[f"{sensors}, {expert}"] = compared(arguments, sensors, expert)
        print(json.dumps({f"{sensors}, {expert}": cases[f"{sensors}, {expert}"]}), flush=True)
    print(json.dumps(write_result(arguments.out, {"cases": cases}), indent=2))


def compared(arguments: argparse.Namespace, sensors: str, expert: str) -> dict[str, Any]:
    """All recordings of some sensors by an expert, and their ratios."""
    kinds = {
        f"{rate} Hz, {workers} worker{'s' * (workers != '1')}": (ROOT, rate, workers)
        for rate, workers in product(arguments.rates, arguments.workers)
    }
    first = next(iter(kinds))
    if arguments.base:
        kinds["base"] = (arguments.base.resolve(), BASE_RATE_HZ, "1")
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
    for _ in range(arguments.rounds):
        for name, (root, rate, workers) in kinds.items():
            made = recorded(root, sensors, expert, rate, workers, arguments.episodes)
            if made is not None:
                rounds[name].append(made)
    rates = {
        name: {key: statistics.median(each[key] for each in runs) for key in runs[0]}
        for name, runs in rounds.items()
        if runs
    }
    result: dict[str, Any] = {
        name: {key: round(value, 2) for key, value in each.items()} for name, each in rates.items()
    }
    beside = "base" if "base" in rates else first
    result[f"times {beside}"] = {
        name: {key: round(each[key] / rates[beside][key], 3) for key in each if key != "frames"}
        for name, each in rates.items()
        if name != beside
    }
    return result


def recorded(
    root: Path, sensors: str, expert: str, rate: str, workers: str, episodes: int
) -> dict[str, float] | None:
    """One recording: its frames, and how many of them in a second of the processor and of the
    clock. None where the checkout does not know the expert.
    """
    arguments = [*SENSORS[sensors], "--episodes", str(episodes), "--workers", workers]
    if root == ROOT:
        arguments += ["--rate-hz", rate]
    if expert != "all_knowing":
        arguments += ["--sim-option", f"expert={expert}"]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(str(root / name) for name in PACKAGES),
    }
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "data"
        command = [sys.executable, "-c", COLLECT, "--out", str(out), *arguments]
        began_s = perf_counter()
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = perf_counter() - began_s
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            if root != ROOT and expert != "all_knowing":
                return None
            raise SystemExit(f"{' '.join(command[3:])} ended with {process.returncode} in {root}")
        frames = sum(len(np.load(path, mmap_mode="r")) for path in out.glob("episodes/*/state.npy"))
    cpu_s = used.ru_utime + used.ru_stime
    return {"frames": frames, "per_cpu_s": frames / cpu_s, "per_s": frames / wall_s}


if __name__ == "__main__":
    main()
