"""What the fuzzers share: cases that can be drawn again one by one, a worker that may die or hang,
counts, peak memory, the slowest case.

A fuzzer is a script with a function `setup(arguments) -> Fuzzer` on its top level, and `main("its
name", setup, __doc__)` at its end:

    python benchmarks/fuzz/observations.py [--count N] [--seed S] [--deadline-s T]
    python benchmarks/fuzz/observations.py --seed S --only INDEX

The second draws one case again, in this process, with a traceback.

Cases run in a process of their own, so that a native crash or an endless loop costs one case and is
reported. An `AuxdriveError` is an expected outcome; anything else that comes out, a dead worker or
a case beyond the deadline is a failure, and the exit code is then 1. A case beyond the deadline is
tried once more in a fresh process: one that then ends is no failure (the machine stood still, or
was busy), and is listed under `late_once`. The result goes to benchmarks/results/fuzz_<name>.json.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from auxdrive.errors import AuxdriveError

BENCHMARKS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BENCHMARKS))
from record import write_result  # noqa: E402 (scripts are no package)

REPORT_EVERY_S = 0.2
HANG = "hang"
KEPT_FAILURES = 20
T = TypeVar("T")


@dataclass(frozen=True)
class Fuzzer(Generic[T]):
    """How cases are made and tried.

    Attributes:
        draw: a case from a source of its own; the same source gives the same case.
        check: tries it and gives the outcome in a word or two. AuxdriveErrors pass through and are
            counted by class.
        show: the case for people, in the list of failures.
    """

    draw: Callable[[random.Random], T]
    check: Callable[[T], str]
    show: Callable[[T], str] = repr


Setup = Callable[[argparse.Namespace], Fuzzer[Any]]


@dataclass
class Tally:
    """What came out so far; workers send theirs in pieces."""

    done: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    failed: int = 0
    late_once: list[int] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest_index: int = -1
    peak_mib: float = 0.0

    def fail(self, index: int, outcome: str, detail: str) -> None:
        """Count a failure; the first ones are kept with their details."""
        self.outcomes[outcome] += 1
        self.failed += 1
        if len(self.failures) < KEPT_FAILURES:
            self.failures.append({"index": index, "outcome": outcome, "detail": detail})

    def add(self, other: Tally) -> None:
        """Take in a worker's piece."""
        self.done += other.done
        self.outcomes += other.outcomes
        self.failed += other.failed
        self.late_once += other.late_once
        self.failures = (self.failures + other.failures)[:KEPT_FAILURES]
        if other.slowest_s > self.slowest_s:
            self.slowest_s, self.slowest_index = other.slowest_s, other.slowest_index
        self.peak_mib = max(self.peak_mib, other.peak_mib)


def main(
    name: str,
    setup: Setup,
    description: str | None,
    add_arguments: Callable[[argparse.ArgumentParser], object] | None = None,
    count: int = 100_000,
    deadline_s: float = 60.0,
) -> None:
    """The command line of a fuzzer. `setup` is called in the worker, with the parsed arguments."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=count, help="cases (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
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
        _one(setup(arguments), arguments.seed, arguments.only)
        return
    begin = time.monotonic()
    total = Tally()
    for piece in _pieces(setup, arguments):
        total.add(piece)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{total.done} of {arguments.count}, {total.failed} failures")
    result = {
        "count": total.done,
        "seed": arguments.seed,
        "outcomes": dict(total.outcomes.most_common()),
        "failed": total.failed,
        "failures": total.failures,
        "late_once": total.late_once,
        "peak_memory_mib": round(total.peak_mib, 1),
        "slowest_case": {"ms": round(1e3 * total.slowest_s, 2), "index": total.slowest_index},
        "wall_s": round(time.monotonic() - begin, 1),
    }
    print(json.dumps(write_result(arguments.out, result), indent=2))
    sys.exit(1 if total.failed else 0)


def _one(fuzzer: Fuzzer[Any], seed: int, index: int) -> None:
    case = fuzzer.draw(source(seed, index))
    print(fuzzer.show(case))
    print(fuzzer.check(case))


def source(seed: int, index: int) -> random.Random:
    """The source of one case."""
    return random.Random((seed << 40) + index)


class _Worker:
    """A process that tries the cases first .. last - 1 and reports in pieces."""

    def __init__(self, setup: Setup, arguments: argparse.Namespace, first: int, last: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._deadline_s = arguments.deadline_s
        self._receiver, sender = context.Pipe(duplex=False)
        self._current = context.Array(
            "d", [-1.0, 0.0], lock=False
        )  # the case that is being tried, and since when
        self._process = context.Process(
            target=_work, args=(setup, arguments, first, last, sender, self._current), daemon=True
        )
        self._process.start()
        sender.close()

    def pieces(self) -> Iterator[Tally]:
        """Until the process has ended, has died, or a case takes too long."""
        while True:
            try:
                if self._receiver.poll(REPORT_EVERY_S):
                    yield self._receiver.recv()
                    continue
            except EOFError:
                self._process.join()
                return
            if self._current[1] and time.monotonic() - self._current[1] > self._deadline_s:
                return

    def end(self) -> tuple[int, str, str]:
        """End it; the case that it was at, and what became of it."""
        hung = self._process.is_alive()
        self._process.kill()
        self._process.join()
        index = int(self._current[0])
        if hung:
            return index, HANG, f"over {self._deadline_s:g} s"
        # an exception outside of `check`, where those of cases are counted
        if self._process.exitcode == 1:
            raise SystemExit(f"the fuzzer itself failed; `--only {max(index, 0)}` shows why")
        return index, "worker died", f"exit code {self._process.exitcode}"


def _pieces(setup: Setup, arguments: argparse.Namespace) -> Iterator[Tally]:
    """What workers report; behind a case that killed one or did not end, another goes on."""
    first = 0
    while first < arguments.count:
        worker = _Worker(setup, arguments, first, arguments.count)
        for piece in worker.pieces():
            first += piece.done
            yield piece
        if first >= arguments.count:
            return
        index, outcome, detail = worker.end()
        if index > first:  # what it had done since its last report, once more
            again = _Worker(setup, arguments, first, index)
            yield from again.pieces()
            again.end()
        late = _second_try(setup, arguments, index) if outcome == HANG else None
        yield late or _lost(index, outcome, detail)
        first = index + 1


def _second_try(setup: Setup, arguments: argparse.Namespace, index: int) -> Tally | None:
    """What comes of a case that was too late once; nothing where it does not end again."""
    worker = _Worker(setup, arguments, index, index + 1)
    total = Tally(late_once=[index])
    for piece in worker.pieces():
        total.add(piece)
    worker.end()
    return total if total.done else None


def _lost(index: int, outcome: str, detail: str) -> Tally:
    """A case that gave nothing."""
    tally = Tally(done=1)
    tally.fail(index, outcome, detail)
    return tally


def _work(
    setup: Setup, arguments: argparse.Namespace, first: int, last: int, sender: Any, current: Any
) -> None:
    fuzzer = setup(arguments)
    tally, reported = Tally(), time.monotonic()
    for index in range(first, last):
        begin = time.monotonic()
        current[0], current[1] = index, begin
        _try(fuzzer, arguments.seed, index, tally)
        now = time.monotonic()
        tally.done += 1
        if now - begin > tally.slowest_s:
            tally.slowest_s, tally.slowest_index = now - begin, index
        if now - reported > REPORT_EVERY_S or index == last - 1:
            current[1] = 0.0
            tally.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            sender.send(tally)
            tally, reported = Tally(), now


def _try(fuzzer: Fuzzer[Any], seed: int, index: int, tally: Tally) -> None:
    case = fuzzer.draw(source(seed, index))
    try:
        tally.outcomes[fuzzer.check(case)] += 1
    except AuxdriveError as error:
        tally.outcomes[type(error).__name__] += 1
    except BaseException as error:  # whatever else comes out is what is looked for
        trace = "".join(traceback.format_exception(error)[-3:])
        tally.fail(
            index,
            f"{type(error).__name__} (no AuxdriveError)",
            f"{fuzzer.show(case)[:500]}\n{trace[-1500:]}",
        )
        if isinstance(error, KeyboardInterrupt):
            raise
