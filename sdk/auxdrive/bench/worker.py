"""What runs in the process of one subject: it loads the bundle, and makes calls when it is asked.

Legend: C calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from auxdrive.bench.path import Drive, bare_session, frames_of, whole_path
from auxdrive.bench.record import Energy, Exactness
from auxdrive.bench.subjects import BenchSubject
from auxdrive.machine import energy
from auxdrive.machine.load import pin, preemptions
from auxdrive.types import Float64

Result = TypeVar("Result")
Job = Callable[["BenchWorker"], Any]
"""What a worker is asked to do; its result is sent back."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a process measures.

    Attributes:
        bundle: its directory.
        sha256: of the bundle's card.
        subject: the runtime, its device and its options.
        drive: what turns predictions into commands.
        threads: CPU threads of one call.
        cpus: processors to stay on; none where nothing is pinned.
        warm_up: calls after loading that are not counted.
    """

    bundle: Path
    sha256: str
    subject: BenchSubject
    drive: Drive
    threads: int
    cpus: tuple[int, ...]
    warm_up: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a process says when it has loaded its bundle; see `BenchRow` for each."""

    providers: tuple[str, ...]
    pinned: tuple[int, ...]
    not_pinned: str
    exactness: Exactness


@dataclass(frozen=True, slots=True)
class Round:
    """Times of a round in milliseconds.

    Attributes:
        whole_ms: of the path, (C,).
        bare_ms: of the session, (C,).
        preempted: how often the process lost its processor meanwhile; None where that is not told.
    """

    whole_ms: Float64
    bare_ms: Float64
    preempted: int | None


class BenchWorker:
    """A loaded bundle and the calls that are timed.

    Args:
        order: what is measured.
    """

    def __init__(self, order: Order) -> None:
        self._not_pinned = pin(order.cpus) if order.cpus else "nothing is pinned, as was asked"
        self._order = order
        # imported here, since threads that start before a process is pinned are not
        from auxdrive.bundles import Bundle
        from auxdrive.checks.parity import compare, predict_all, read_reference
        from auxdrive.predictor import Predictor

        bundle, subject = Bundle.open(order.bundle, order.sha256), order.subject
        card, reference = bundle.card, read_reference(bundle)
        self.predictor = Predictor.load(
            bundle,
            subject.runtime,
            subject.device,
            order.threads,
            options=subject.options,
            precision=subject.graph,
        )
        parity = compare(
            card.task,
            predict_all(self.predictor, reference.images, reference.ego),
            reference.outputs,
        )
        limit = bundle.parity(subject.graph).limit
        self._exactness = Exactness(worst=min(parity.worst, 1e300), limit=limit, unit=parity.unit)
        self.frames = frames_of(card, reference.images, reference.ego)
        self.whole = whole_path(self.predictor, order.drive)
        self.bare = bare_session(self.predictor.session, card)
        self.rate_hz = card.rate_hz
        make_round(self, order.warm_up, 0)

    def __call__(self, job: Callable[[BenchWorker], Result]) -> Result:
        """Do what is asked."""
        return job(self)

    def close(self) -> None:
        """Release the bundle."""
        self.predictor.close()

    @property
    def loaded(self) -> Loaded:
        """What is said of it."""
        pinned = () if self._not_pinned else self._order.cpus
        return Loaded(tuple(self.predictor.providers), pinned, self._not_pinned, self._exactness)


def say_loaded(worker: BenchWorker) -> Loaded:
    """What a worker says when it has loaded its bundle."""
    return worker.loaded


def make_round(worker: BenchWorker, calls: int, warm_up: int) -> Round:
    """Call the path and the bare session in turn on the same frames; which of them comes first
    changes from frame to frame.

    Args:
        worker: that makes the calls.
        calls: of each.
        warm_up: further ones at the beginning, which are not counted.
    """
    whole, bare, frames = worker.whole, worker.bare, worker.frames
    taken = np.zeros((2, calls))
    before = preemptions()
    clock = time.perf_counter_ns
    for index in range(-warm_up, calls):
        if index == 0:
            before = preemptions()
        frame = frames[index % len(frames)]
        order = ((0, whole), (1, bare)) if index % 2 else ((1, bare), (0, whole))
        for row, call in order:
            begin = clock()
            call(frame)
            end = clock()
            if index >= 0:
                taken[row, index] = (end - begin) / 1e6
    after = preemptions()
    lost = None if before is None or after is None else after - before
    return Round(taken[0], taken[1], lost)


def drive_loop(
    worker: BenchWorker, rate_hz: float | None, duration_s: float
) -> tuple[float, Float64, Float64]:
    """Drive at the camera's rate. Where a command takes longer than a frame, the newest frame is
    taken next, and those between get none.

    Args:
        worker: that drives.
        rate_hz: of the camera; None for the card's.
        duration_s: how long.

    Returns:
        The rate; and, for each frame, the milliseconds from its time to its command and until the
        process was woken, (frames,) each, NaN where it got no command.
    """
    rate_hz = worker.rate_hz if rate_hz is None else rate_hz
    period_s, count = 1 / rate_hz, max(1, round(duration_s * rate_hz))
    done_ms, woken_ms = np.full(count, np.nan), np.full(count, np.nan)
    begin_s = time.perf_counter() + period_s
    index = 0
    while index < count:
        due_s = begin_s + index * period_s
        time.sleep(max(due_s - time.perf_counter(), 0.0))
        woken_ms[index] = (time.perf_counter() - due_s) * 1e3
        worker.whole(worker.frames[index % len(worker.frames)])
        now_s = time.perf_counter()
        done_ms[index] = (now_s - due_s) * 1e3
        index = max(index + 1, int((now_s - begin_s) / period_s))
    return rate_hz, done_ms, woken_ms


def use_energy(worker: BenchWorker, duration_s: float) -> Energy:
    """The energy of calls without a pause, by the machine's meters.

    Args:
        worker: that makes the calls.
        duration_s: how long.
    """
    found, why_not = energy.meters()
    if not found:
        return Energy(why_not=tuple(why_not))
    calls, begin = 0, energy.read_all(found)
    end_s = time.monotonic() + duration_s
    while calls == 0 or time.monotonic() < end_s:
        worker.whole(worker.frames[calls % len(worker.frames)])
        calls += 1
    used = energy.between(begin, energy.read_all(found))
    per_call = {name: joules / calls for name, joules in used.items()}
    return Energy(joules_per_call=per_call, why_not=tuple(why_not))


def round_job(calls: int, warm_up: int) -> Job:
    """The job of a round.

    Args:
        calls: see `make_round`.
        warm_up: see `make_round`.
    """
    return partial(make_round, calls=calls, warm_up=warm_up)


def loop_job(rate_hz: float | None, duration_s: float) -> Job:
    """The job of a loop.

    Args:
        rate_hz: see `drive_loop`.
        duration_s: see `drive_loop`.
    """
    return partial(drive_loop, rate_hz=rate_hz, duration_s=duration_s)


def energy_job(duration_s: float) -> Job:
    """The job of measuring energy over a duration in seconds."""
    return partial(use_energy, duration_s=duration_s)
