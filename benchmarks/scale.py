"""How steps of the embedded simulator scale: one and two workers, in processes of this machine and
on two nodes of a Ray cluster (that of `--ray`, or one that is started here).

    python benchmarks/scale.py [--ray ADDRESS] [--workers 1,2] [--jobs 6] [--steps 200] [--rounds 2]

All cases take turns over the rounds. Each worker's first job, in which it loads what it needs, does
not count. Beside the steps per second as the clock had them, which other load on the machine
spoils, stands what free cores would give: workers, times the processor's time of a step with one
worker over that with all (they share caches and memory), times the share of their time in which
workers do jobs and do not wait for the next. What the sensors showed must be the same in all cases,
bit for bit. The result goes to benchmarks/results/scale.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from auxdrive.machine.jobs import Workers
from auxdrive.machine.ray_workers import RayWorkers
from auxdrive.machine.worker_processes import Processes
from auxdrive.machine.workers import run_each
from record import write_result
from scale_work import Driven, MakeDriver

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "scale.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ray", metavar="ADDRESS")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--jobs", type=int, default=6, help="of each worker, that count")
    parser.add_argument("--steps", type=int, default=200, help="of each job")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    counts = [int(text) for text in arguments.workers.split(",")]
    with cluster(arguments.ray, max(counts)) as address:
        found = measured(address, counts, arguments)
    print(json.dumps(write_result(arguments.out, found), indent=2))


@contextmanager
def cluster(address: str | None, nodes: int) -> Iterator[str]:
    """The address of a cluster; where none is given, one is started, of nodes with one CPU each."""
    if address is not None:
        yield address
        return
    sys.path.insert(0, str(ROOT / "tests"))
    from ray_nodes import RayNodes

    with closing(RayNodes(cpus=1)) as made:
        for _ in range(nodes - 1):
            made.add(cpus=1)
        yield made.address


def measured(address: str, counts: list[int], arguments: argparse.Namespace) -> dict[str, Any]:
    """All cases, in turn."""
    rounds: dict[str, list[dict[str, float]]] = defaultdict(list)
    shown: dict[int, set[str]] = defaultdict(set)
    loads = [os.getloadavg()[0]]
    for _ in range(arguments.rounds):
        for count in counts:
            rounds[f"processes, {count}"].append(case(Processes(count), arguments, shown))
            with closing(RayWorkers(address, count)) as workers:
                rounds[f"ray, {count}"].append(case(workers, arguments, shown))
            loads.append(os.getloadavg()[0])
    if different := [seed for seed, hashes in shown.items() if len(hashes) > 1]:
        raise SystemExit(f"the sensors showed something else on the routes {different}")
    cases = {
        name: {key: statistics.median(each[key] for each in runs) for key in runs[0]}
        for name, runs in rounds.items()
    }
    for name, each in cases.items():
        alone = cases[f"{name.partition(',')[0]}, {counts[0]}"]
        each["times_one_on_free_cores"] = (
            each["workers"] * each["busy"] * alone["cpu_ms"] / each["cpu_ms"] / alone["busy"]
        )
        each["times_one_by_the_clock"] = each["steps_per_s"] / alone["steps_per_s"]
    return {
        "steps_of_a_job": arguments.steps,
        "jobs_of_a_worker": arguments.jobs,
        "rounds": arguments.rounds,
        "load_average": {"least": round(min(loads), 1), "most": round(max(loads), 1)},
        "same_frames_in_all_cases": True,
        "cases": {
            name: {key: round(value, 3) for key, value in each.items()}
            for name, each in cases.items()
        },
    }


def case(
    workers: Workers, arguments: argparse.Namespace, shown: dict[int, set[str]]
) -> dict[str, float]:
    """One case: what the jobs took, without each worker's first."""
    jobs = range(workers.count * (arguments.jobs + 1))
    of_worker: dict[str, list[Driven]] = defaultdict(list)
    for seed, driven in run_each(MakeDriver(arguments.steps), jobs, workers):
        if isinstance(driven, Exception):
            raise driven
        shown[seed].add(driven.sha256)
        of_worker[driven.worker].append(driven)
    counted = [each for driven in of_worker.values() for each in driven[1:]]
    steps = arguments.steps * len(counted)
    idle_s = sum(
        after.began_s - before.ended_s
        for driven in of_worker.values()
        for before, after in pairwise(driven)
    )
    busy_s = sum(each.ended_s - each.began_s for each in counted)
    wall_s = max(e.ended_s for e in counted) - min(e.began_s for e in counted)
    return {
        "workers": float(len(of_worker)),
        "steps_per_s": steps / wall_s,
        "cpu_ms": 1e3 * sum(each.cpu_s for each in counted) / steps,
        "busy": busy_s / (busy_s + idle_s),
    }


if __name__ == "__main__":
    main()
