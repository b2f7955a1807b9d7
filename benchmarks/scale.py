"""How steps of the embedded simulator scale: one and two workers, in processes of this machine and
on two nodes of a Ray cluster (that of `--ray`, or one that is started here).

    python benchmarks/scale.py [--ray ADDRESS] [--workers 1,2] [--jobs 4] [--steps 150] [--rounds 3]

All cases do the same jobs, and take turns over the rounds. Each worker's first job, in which it
loads what it needs, does not count. Beside the steps per second as the clock had them, which other
load on the machine spoils, stands what free cores would give: workers, times the processor's time
of a step with one worker over that with all (they share caches and memory; of each job, the least
over the rounds counts), times the share of their time in which workers do jobs and do not wait for
the next. What the sensors showed must be the same in all cases, bit for bit. The result goes to
benchmarks/results/scale.json.
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
from dataclasses import dataclass
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
    parser.add_argument("--jobs", type=int, default=4, help="that count, of each case")
    parser.add_argument("--steps", type=int, default=150, help="of each job")
    parser.add_argument("--rounds", type=int, default=3)
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
    rounds: dict[str, list[Case]] = defaultdict(list)
    loads = [os.getloadavg()[0]]
    for _ in range(arguments.rounds):
        for count in counts:
            rounds[f"processes, {count}"].append(case(Processes(count), arguments))
            with closing(RayWorkers(address, count)) as workers:
                rounds[f"ray, {count}"].append(case(workers, arguments))
            loads.append(os.getloadavg()[0])
    shown = {tuple(sorted(each.shown.items())) for cases in rounds.values() for each in cases}
    if len(shown) > 1:
        raise SystemExit("the sensors did not show the same in all cases")
    cases = {name: summary(each) for name, each in rounds.items()}
    for name, each in cases.items():
        alone = cases[f"{name.partition(',')[0]}, {counts[0]}"]
        each["times_one_on_free_cores"] = (
            each["workers"] * each["busy"] * alone["cpu_ms"] / each["cpu_ms"] / alone["busy"]
        )
        each["times_one_by_the_clock"] = each["steps_per_s"] / alone["steps_per_s"]
    return {
        "steps_of_a_job": arguments.steps,
        "jobs": arguments.jobs,
        "rounds": arguments.rounds,
        "load_during": {"least": round(min(loads), 1), "most": round(max(loads), 1)},
        "same_frames_in_all_cases": True,
        "cases": {
            name: {key: round(value, 3) for key, value in each.items()}
            for name, each in cases.items()
        },
    }


@dataclass(frozen=True, slots=True)
class Case:
    """What the jobs of one case took.

    Attributes:
        workers: how many did them.
        steps_per_s: of all together, by the clock.
        cpu_ms: time of the processor for a step of each job.
        busy: share of the time in which workers did jobs.
        shown: SHA-256 of what the sensors showed in each job.
    """

    workers: int
    steps_per_s: float
    cpu_ms: dict[int, float]
    busy: float
    shown: dict[int, str]


def summary(rounds: list[Case]) -> dict[str, float]:
    """A case over all rounds."""
    least = [min(each.cpu_ms[seed] for each in rounds) for seed in rounds[0].cpu_ms]
    return {
        "workers": float(min(each.workers for each in rounds)),
        "steps_per_s": statistics.median(each.steps_per_s for each in rounds),
        "cpu_ms": statistics.mean(least),
        "busy": statistics.median(each.busy for each in rounds),
    }


def case(workers: Workers, arguments: argparse.Namespace) -> Case:
    """One case: what the jobs took, without those in which workers load what they need."""
    seeds = range(arguments.jobs)
    jobs = [(0, False)] * workers.count + [(seed, True) for seed in seeds]
    of_worker: dict[str, list[Driven]] = defaultdict(list)
    counted: dict[int, Driven] = {}
    for (seed, counts), driven in run_each(MakeDriver(arguments.steps), jobs, workers):
        if isinstance(driven, Exception):
            raise driven
        of_worker[driven.worker].append(driven)
        if counts:
            counted[seed] = driven
    idle_s = sum(
        after.began_s - before.ended_s
        for driven in of_worker.values()
        for before, after in pairwise(driven)
    )
    done = counted.values()
    busy_s = sum(each.ended_s - each.began_s for each in done)
    wall_s = max(each.ended_s for each in done) - min(each.began_s for each in done)
    return Case(
        len(of_worker),
        arguments.steps * len(done) / wall_s,
        {seed: 1e3 * each.cpu_s / arguments.steps for seed, each in sorted(counted.items())},
        busy_s / (busy_s + idle_s),
        {seed: each.sha256 for seed, each in sorted(counted.items())},
    )


if __name__ == "__main__":
    main()
