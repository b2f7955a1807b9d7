"""What the fuzzers share: cases that can be drawn again one by one, workers that may die or hang,
counts, memory, the slowest case.

A fuzzer is a script with a function `setup(arguments) -> Fuzzer` on its top level, and `main("its
name", setup, __doc__)` at its end:

    python benchmarks/fuzz/observations.py [--count N] [--seed S] [--workers 2] [--resume]
    python benchmarks/fuzz/observations.py --seed S --only INDEX

The second draws one case again, in this process, with a traceback.

Cases run in processes of their own, so that a native crash or an endless loop costs one case and is
reported. An `AuxdriveError` is an expected outcome; anything else that comes out, a dead worker or
a case beyond the deadline is a failure, and the exit code is then 1. A case beyond the deadline is
tried once more in a fresh process: one that then ends is no failure (the machine stood still, or
was busy), and is listed under `late_once`.

The result goes to benchmarks/results/fuzz_<name>.json, every minute and at the end. Ctrl-C and
SIGTERM end a run after the cases that are being tried. `--resume` goes on: the ranges of cases that
the result has are kept and summed with the new ones, if it is of the same seed and commit.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

from workers import Job, Range, Setup, Tally, source

BENCHMARKS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BENCHMARKS))
from record import commit, write_result  # noqa: E402 (scripts are no package)

WRITE_EVERY_S = 60.0
WARM = 0.05
"""The memory at the start is that after this share of a worker's cases: buffers and caches are then
filled.
"""


def main(
    name: str,
    setup: Setup,
    description: str | None,
    add_arguments: Callable[[argparse.ArgumentParser], object] | None = None,
    count: int = 100_000,
    deadline_s: float = 60.0,
    inputs_per_case: int = 1,
    most_growth_mib: float | None = None,
) -> None:
    """The command line of a fuzzer. `setup` is called in the workers, with the parsed arguments.

    Args:
        name: of the fuzzer, for the result's.
        setup: makes the fuzzer.
        description: its first line is the command's.
        add_arguments: adds the fuzzer's own.
        count: of cases, unless the command line says another.
        deadline_s: of a case, likewise.
        inputs_per_case: how many inputs a case has.
        most_growth_mib: a worker that grows by more than this is a failure; None for no limit.
    """
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=count, help="cases (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="processes (default: %(default)s)")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the result in --out and add to it"
    )
    parser.add_argument(
        "--deadline-s",
        type=float,
        default=deadline_s,
        help="a case that takes longer is a failure (default: %(default)s)",
    )
    parser.add_argument("--only", type=int, help="try this case alone, in this process")
    parser.add_argument("--out", type=Path, default=BENCHMARKS / "results" / f"fuzz_{name}.json")
    if add_arguments is not None:
        add_arguments(parser)
    arguments = parser.parse_args()
    if arguments.only is not None:
        fuzzer = setup(arguments)
        case = fuzzer.draw(source(arguments.seed, arguments.only))
        print(fuzzer.show(case))
        print(fuzzer.check(case))
        return
    run = Run(arguments, inputs_per_case, most_growth_mib)
    run.go(setup)
    print(json.dumps(run.write(), indent=2))
    sys.exit(1 if run.failed else 0)


class Run:
    """A run, and those before it that it goes on from.

    Args:
        arguments: of the command line.
        inputs_per_case: see `main`.
        most_growth_mib: see `main`.
    """

    def __init__(
        self, arguments: argparse.Namespace, inputs_per_case: int, most_growth_mib: float | None
    ) -> None:
        self._arguments, self._inputs_per_case = arguments, inputs_per_case
        self._most_growth_mib = most_growth_mib
        # of the code that is tried: the checkout may move on meanwhile
        self._commit, self._begin = commit(), time.monotonic()
        self._total, self._earlier_s = Tally(), 0.0
        self._earlier_ranges: list[Range] = []
        self._earlier_memory: list[dict[str, float]] = []
        self._parts: dict[int, Part] = {}
        if arguments.resume and arguments.out.exists():
            self._take_up(json.loads(arguments.out.read_text()))

    def _take_up(self, result: dict[str, Any]) -> None:
        """Go on from the result of an earlier run."""
        theirs = (result["seed"], result["tried_commit"])
        ours = (self._arguments.seed, self._commit)
        if theirs != ours or "+changes" in str(self._commit):
            raise SystemExit(
                f"{self._arguments.out.name} is of seed and commit {theirs}, this run of {ours}, "
                "and results of different code are not summed: leave out --resume"
            )
        slowest = result["slowest_case"]
        self._total = Tally(
            result["count"], Counter(result["outcomes"]), result["failures"], result["failed"],
            result["late_once"], slowest["ms"] / 1e3, slowest["index"], result["peak_memory_mib"],
        )  # fmt: skip
        self._earlier_ranges = [(first, last) for first, last in result["ranges"]]
        self._earlier_memory, self._earlier_s = result["memory_mib"], result["wall_s"]

    @property
    def _memory(self) -> list[dict[str, float]]:
        return self._earlier_memory + [each.memory for each in self._parts.values() if each.samples]

    @property
    def _growth_mib(self) -> float:
        """By how much the worker grew that grew most."""
        return max((round(each["end"] - each["start"], 1) for each in self._memory), default=0.0)

    @property
    def failed(self) -> bool:
        """Whether anything came out that must not."""
        most = self._most_growth_mib
        return bool(self._total.failed) or (most is not None and self._growth_mib > most)

    def go(self, setup: Setup) -> None:
        """Try what is not done, until that is done or a signal comes."""
        stop = Event()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: stop.set())
        job = Job(setup, self._arguments, stop)
        todo = shared_out(
            left((0, self._arguments.count), self._earlier_ranges), self._arguments.workers
        )
        self._parts = {first: Part(first, last) for first, last in todo}
        waiting: SimpleQueue[Range] = SimpleQueue()
        for cases in todo:
            waiting.put(cases)
        pieces: SimpleQueue[tuple[int, Tally] | BaseException | None] = SimpleQueue()
        running, written = min(self._arguments.workers, len(todo)), self._begin
        for _ in range(running):
            Thread(target=_work_off, args=(job, waiting, pieces), daemon=True).start()
        while running:
            piece = pieces.get()
            if isinstance(piece, BaseException):
                raise piece
            if piece is None:
                running -= 1
                continue
            first, tally = piece
            self._total.add(tally)
            self._parts[first].add(tally)
            if (now := time.monotonic()) - written > WRITE_EVERY_S:
                written = now
                self.write()
                self._say()
        self._say()

    def _say(self) -> None:
        total, count = self._total, self._arguments.count
        print(
            f"{total.done} of {count} cases, {total.failed} failures, grown by "
            f"{self._growth_mib} MiB, {time.monotonic() - self._begin:.0f} s",
            file=sys.stderr,
            flush=True,
        )

    def write(self) -> dict[str, Any]:
        """Write the result so far; returns it."""
        total = self._total
        result = {
            "count": total.done,
            "inputs": total.done * self._inputs_per_case,
            "seed": self._arguments.seed,
            "tried_commit": self._commit,
            "ranges": merged([*self._earlier_ranges, *(p.done for p in self._parts.values())]),
            "outcomes": dict(total.outcomes.most_common()),
            "failed": total.failed,
            "failures": total.failures,
            "late_once": total.late_once,
            "peak_memory_mib": round(total.peak_mib, 1),
            "memory_mib": self._memory,
            "growth_mib": self._growth_mib,
            "slowest_case": {"ms": round(1e3 * total.slowest_s, 2), "index": total.slowest_index},
            "wall_s": round(self._earlier_s + time.monotonic() - self._begin, 1),
        }
        return write_result(self._arguments.out, result)


class Part:
    """A range of cases that one worker tries, in order: how far it is, and its memory.

    Args:
        first: case.
        last: the case behind the last one.
    """

    def __init__(self, first: int, last: int) -> None:
        self._first, self._warm = first, WARM * (last - first)
        self._count = 0
        self.samples: list[float] = []

    def add(self, piece: Tally) -> None:
        """Take in what the worker reports."""
        self._count += piece.done
        if self._count >= self._warm:
            self.samples.append(piece.rss_mib)

    @property
    def done(self) -> Range:
        """The cases that were tried."""
        return self._first, self._first + self._count

    @property
    def memory(self) -> dict[str, float]:
        """What the worker held at its start, in the middle and at the end, in MiB."""
        samples = self.samples
        return {
            "start": round(samples[0], 1),
            "middle": round(samples[len(samples) // 2], 1),
            "end": round(samples[-1], 1),
        }


def _work_off(
    job: Job,
    waiting: SimpleQueue[Range],
    pieces: SimpleQueue[tuple[int, Tally] | BaseException | None],
) -> None:
    """Try the ranges that wait, one after the other; ends with an error or None."""
    try:
        while True:
            cases = waiting.get_nowait()
            for piece in job.pieces(cases):
                pieces.put((cases[0], piece))
    except Empty:
        pieces.put(None)
    except BaseException as error:  # noqa: BLE001 (the main thread raises it)
        pieces.put(error)


def left(cases: Range, done: list[Range]) -> list[Range]:
    """What of some cases is not done yet."""
    found, at = [], cases[0]
    for first, last in [*merged(done), (cases[1], cases[1])]:
        if at < min(first, cases[1]):
            found.append((at, min(first, cases[1])))
        at = max(at, last)
    return found


def merged(ranges: list[Range]) -> list[Range]:
    """The same cases in order, in as few ranges as can be."""
    found: list[Range] = []
    for first, last in sorted(each for each in ranges if each[0] < each[1]):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def shared_out(ranges: list[Range], workers: int) -> list[Range]:
    """The same cases in at least as many ranges as there are workers: the largest are halved."""
    ranges = list(ranges)
    while ranges and len(ranges) < workers:
        first, last = max(ranges, key=lambda each: each[1] - each[0])
        middle = (first + last) // 2
        if middle == first:
            break
        ranges.remove((first, last))
        ranges += [(first, middle), (middle, last)]
    return ranges
