"""The processes of a fuzzer: each tries cases one after the other and reports in pieces; one that
dies or hangs costs a case, and another goes on behind it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Generic, TypeVar

from auxdrive.errors import AuxdriveError

REPORT_EVERY_S = 0.2
HANG = "hang"
KEPT_FAILURES = 20
T = TypeVar("T")
Range = tuple[int, int]
"""Cases from the first number up to, without, the second."""


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
    """What came out so far; workers send theirs in pieces.

    Attributes:
        rss_mib: the worker's memory now; of no use in a sum.
    """

    done: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)
    failed: int = 0
    late_once: list[int] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest_index: int = -1
    peak_mib: float = 0.0
    rss_mib: float = 0.0

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


@dataclass(frozen=True)
class Job:
    """What all workers of a run share.

    Attributes:
        setup: makes the fuzzer, in each worker.
        arguments: of the command line.
        stop: set to end the run: each worker ends the case that it is at, and reports.
    """

    setup: Setup
    arguments: argparse.Namespace
    stop: Event

    def pieces(self, cases: Range) -> Iterator[Tally]:
        """What workers report of some cases, in order; behind a case that killed one or did not
        end, another goes on.
        """
        first, last = cases
        while first < last and not self.stop.is_set():
            worker = _Worker(self, first, last)
            for piece in worker.pieces():
                first += piece.done
                yield piece
            if first >= last or worker.was_stopped:
                return
            index, outcome, detail = worker.end()
            if index > first:  # what it had done since its last report, once more
                again = _Worker(self, first, index)
                yield from again.pieces()
                if again.was_stopped:
                    return
                again.end()
            late = self._second_try(index) if outcome == HANG else None
            yield late or _lost(index, outcome, detail)
            first = index + 1

    def _second_try(self, index: int) -> Tally | None:
        """What comes of a case that was too late once; nothing where it does not end again."""
        worker = _Worker(self, index, index + 1)
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


class _Worker:
    """A process that tries the cases first .. last - 1 and reports in pieces."""

    def __init__(self, job: Job, first: int, last: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._deadline_s, self._stop = job.arguments.deadline_s, job.stop
        self._receiver, sender = context.Pipe(duplex=False)
        # the case that is being tried, since when, and whether it is to be the last one
        self._current = context.Array("d", [-1.0, 0.0, 0.0], lock=False)
        self._process = context.Process(
            target=_work,
            args=(job.setup, job.arguments, first, last, sender, self._current),
            daemon=True,
        )
        self._process.start()
        sender.close()

    @property
    def was_stopped(self) -> bool:
        """Whether it has ended because the run is to end."""
        return bool(self._current[2]) and self._process.exitcode == 0

    def pieces(self) -> Iterator[Tally]:
        """Until the process has ended, has died, or a case takes too long."""
        while True:
            try:
                if self._stop.is_set():
                    self._current[2] = 1.0
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


def source(seed: int, index: int) -> random.Random:
    """The source of one case."""
    return random.Random((seed << 40) + index)


def _work(
    setup: Setup, arguments: argparse.Namespace, first: int, last: int, sender: Any, current: Any
) -> None:
    # Ctrl-C reaches all processes of a terminal; it is the first one that ends the others
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
        ends = index == last - 1 or current[2]
        if now - reported > REPORT_EVERY_S or ends:
            current[1] = 0.0
            tally.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            tally.rss_mib = _rss_mib()
            sender.send(tally)
            tally, reported = Tally(), now
        if ends:
            return


def _rss_mib() -> float:
    """The memory that this process holds now; 0 where the system does not tell it."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * resource.getpagesize() / 2**20


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
