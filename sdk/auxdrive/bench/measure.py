"""Measures a bundle on this machine: fresh processes first, then calls in rounds, then the loop and
the energy.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Any

from auxdrive.bench.cold import Cold, start_cold
from auxdrive.bench.figures import cold_start_of, latency_of, loop_of, overhead_of
from auxdrive.bench.noise import noise_in
from auxdrive.bench.path import Drive, drive_of, driving
from auxdrive.bench.record import BenchReport, BenchRow, BenchSettings, ColdStart, OtherLoad
from auxdrive.bench.subjects import BenchSubject, all_subjects, chosen_subjects
from auxdrive.bench.worker import (
    BenchWorker,
    Job,
    Order,
    Round,
    energy_job,
    loop_job,
    round_job,
    say_loaded,
)
from auxdrive.bundles import Bundle
from auxdrive.checks.options import checked_options, given_options
from auxdrive.checks.parity import read_reference
from auxdrive.choosing import machine_of_runtimes
from auxdrive.errors import AuxdriveError, RuntimeUnavailable
from auxdrive.machine import energy
from auxdrive.machine.load import frequency, last_cpus, load_average, others, read_ticks
from auxdrive.machine.worker_processes import OwnProcess
from auxdrive.work import Shown, ShowProgress, Work, no_progress

_LOG = logging.getLogger(__name__)
LOOKED_S = 1.0
"""How long the machine is looked at before and after the measurement."""


def bench_bundle(
    bundle: str | os.PathLike[str] | Bundle,
    subjects: Sequence[BenchSubject | str] | None = None,
    settings: BenchSettings | Mapping[str, Any] | None = None,
    progress: ShowProgress = no_progress,
) -> BenchReport:
    """Measure how long a bundle's model takes on this machine, with each runtime, device and
    precision, from a frame in memory to a `Control`.

    Each runtime has a process of its own, which stays on one processor; it is started anew, so a
    script calls this function below `if __name__ == "__main__":`.

    Args:
        bundle: a directory or an opened bundle.
        subjects: names of runtimes, with a device behind a colon or without ("openvino:cpu"), or
            `BenchSubject`s, with options; None for all that there are.
        settings: how it is measured, or values of `BenchSettings` by name.
        progress: shows how much is done.

    Returns:
        The report. A runtime that is not there, crashes or hangs has a row that says so.

    Raises:
        ConfigError: wrong settings; the message names all of them.
        UsageError: there is no bundle at that path, no such runtime, device or controller.
        BundleError: the bundle is damaged.
        RuntimeUnavailable: no runtime could be measured; the message says of each why.

    Examples:
        >>> from auxdrive import bench_bundle
        >>> brief = {"calls": 20, "rounds": 2, "loop_s": 0.2, "cold_starts": 1, "energy_s": 0}
        >>> report = bench_bundle("bundle", ["onnxruntime:cpu"], brief)
        >>> report.rows[0].state, report.rows[0].loop.frames
        ('measured', 2)
    """
    what = "how a bundle is measured"
    how = checked_options(given_options(settings, what), BenchSettings, what)
    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    drive = drive_of(opened.card, how.controller, how.envelope)
    driving(opened.card, drive)  # a controller that cannot be made is a mistake of the user
    graphs = opened.precisions
    chosen = all_subjects(graphs=graphs) if subjects is None else chosen_subjects(subjects, graphs)
    present = [subject for subject, why_not in chosen if not why_not]
    begun = datetime.now(UTC).isoformat(timespec="seconds")
    steps = len(present) * (how.cold_starts + how.rounds + 3)
    with progress(Work("measuring", "step", steps, many=True)) as shown, ExitStack() as stack:
        measured = _Measuring(opened, drive, how, shown, stack)
        average, idle_w, before = load_average(), *_looked()
        begin = read_ticks()
        rows = measured.of_all(present, idle_w)
        stack.close()  # the processes have ended, so that their time is known
        during, stolen = others(begin, read_ticks())
    _, after = _looked()
    beside = OtherLoad(before=before, during=during, after=after, stolen=stolen, average=average)
    report = BenchReport(
        auxdrive=_version(),
        time=begun,
        bundle=opened.card.name,
        bundle_sha256=opened.card_sha256,
        camera=(opened.card.camera.width, opened.card.camera.height),
        path=str(drive),
        settings=how,
        machine=machine_of_runtimes(how.threads),
        frequency=frequency(),
        others=beside,
        noise=tuple(noise_in(beside, rows.values())),
        rows=tuple(
            BenchRow(subject=subject, state="absent", why=why_not)
            if why_not
            else rows[subject.name]
            for subject, why_not in chosen
        ),
    )
    if all(row.latency is None for row in report.rows):
        reasons = "; ".join(f"{row.subject.name}: {row.why}" for row in report.rows)
        raise RuntimeUnavailable(f"{opened.path}: no runtime could be measured: {reasons}")
    return report


def _version() -> str:
    from auxdrive import __version__

    return __version__


def _looked() -> tuple[dict[str, float], float | None]:
    """Watts of each meter, and how many processors others keep busy, while nothing is measured."""
    found, _ = energy.meters()
    begin, joules = read_ticks(), energy.read_all(found)
    time.sleep(LOOKED_S)
    used = energy.between(joules, energy.read_all(found))
    return {name: each / LOOKED_S for name, each in used.items()}, others(begin, read_ticks())[0]


class _Measuring:
    """Measures subjects in turn. What fails of one is told in its row and costs no other.

    Args:
        bundle: that is measured.
        drive: what turns predictions into commands.
        how: it is measured.
        shown: is told of each step.
        stack: closes the processes.
    """

    def __init__(
        self, bundle: Bundle, drive: Drive, how: BenchSettings, shown: Shown, stack: ExitStack
    ) -> None:
        self._bundle, self._drive, self._how = bundle, drive, how
        self._shown, self._stack = shown, stack
        self._ego = read_reference(bundle).ego[0].tolist()
        self._cpus = last_cpus(how.threads) if how.cpus is None else how.cpus
        self._rows: dict[str, BenchRow] = {}
        self._processes: dict[str, OwnProcess[Job, Any]] = {}

    def of_all(
        self, subjects: Sequence[BenchSubject], idle_w: dict[str, float]
    ) -> dict[str, BenchRow]:
        """A row for each subject, by its name.

        Args:
            subjects: to measure; all can be used here.
            idle_w: watts of each meter while nothing was measured.
        """
        self._rows = {each.name: BenchRow(subject=each) for each in subjects}
        self._cold_starts(subjects)
        for subject in subjects:
            self._try(subject, "loading", partial(self._load, subject))
        self._rounds(subjects)
        for subject in subjects:
            if self._how.loop_s > 0:
                self._try(subject, "the loop", partial(self._loop, subject))
            if self._how.energy_s > 0:
                self._try(subject, "measuring energy", partial(self._energy, subject, idle_w))
            self._shown.done(2, subject.name)
        return self._rows

    def _order(self, subject: BenchSubject) -> Order:
        return Order(
            self._bundle.path,
            self._bundle.card_sha256,
            subject,
            self._drive,
            self._how.threads,
            self._cpus,
            self._how.warm_up,
        )

    def _try(self, subject: BenchSubject, what: str, step: Callable[[], object]) -> None:
        """Do a step, unless an earlier one of the subject failed; an error ends its process."""
        name = subject.name
        if self._rows[name].state == "failed":
            return
        try:
            step()
        except (AuxdriveError, RuntimeError) as error:
            _LOG.debug(f"{name}, {what}: {error}")
            # of an error that nobody foresaw, the last line of its traceback says which it is
            told = str(error) if isinstance(error, AuxdriveError) else str(error).split("\n")[-2]
            self._set(subject, state="failed", why=f"{what}: {told}")
            if name in self._processes:
                self._processes[name].close()

    def _set(self, subject: BenchSubject, **found: object) -> None:
        self._rows[subject.name] = self._rows[subject.name].model_copy(update=found)

    def _ask(self, subject: BenchSubject, job: Job, longer_s: float = 0.0) -> Any:
        return self._processes[subject.name].ask(job, self._how.timeout_s + longer_s)

    def _cold_starts(self, subjects: Sequence[BenchSubject]) -> None:
        found: dict[str, list[Cold]] = {each.name: [] for each in subjects}

        def one(subject: BenchSubject) -> None:
            cold = start_cold(self._order(subject), self._ego, self._how.timeout_s)
            found[subject.name].append(cold)

        for _ in range(self._how.cold_starts):
            for subject in subjects:
                self._try(subject, "a fresh process", partial(one, subject))
                self._shown.done(1, subject.name)
        for subject in subjects:
            if colds := found[subject.name]:
                self._set(subject, cold_start=_cold_start(colds), memory_mib=_memory(colds))

    def _load(self, subject: BenchSubject) -> None:
        process: OwnProcess[Job, Any] = OwnProcess(partial(BenchWorker, self._order(subject)))
        self._processes[subject.name] = process
        self._stack.callback(process.close)
        loaded = self._ask(subject, say_loaded)
        exactness = loaded.exactness
        self._set(
            subject,
            providers=loaded.providers,
            pinned=loaded.pinned,
            not_pinned=loaded.not_pinned,
            exactness=exactness,
        )
        if not exactness.worst <= exactness.limit:
            why = (
                f"its predictions differ from the reference by {exactness.worst:.3g} "
                f"{exactness.unit}; the limit is {exactness.limit:g}"
            )
            self._set(subject, state="wrong", why=why)
        self._shown.done(1, subject.name)

    def _rounds(self, subjects: Sequence[BenchSubject]) -> None:
        how = self._how
        rounds = min(how.rounds, how.calls)
        counts = [how.calls // rounds + (each < how.calls % rounds) for each in range(rounds)]
        found: dict[str, list[Round]] = {each.name: [] for each in subjects}

        def one(subject: BenchSubject, calls: int) -> None:
            found[subject.name].append(self._ask(subject, round_job(calls, how.warm_up // 10)))

        for turn, calls in enumerate(counts):
            first = turn % max(len(subjects), 1)  # nobody is always the first
            for subject in (*subjects[first:], *subjects[:first]):
                self._try(subject, f"round {turn + 1}", partial(one, subject, calls))
                self._shown.done(1, subject.name)
        for subject in subjects:
            if made := found[subject.name]:
                self._set(subject, **_of_rounds(made))

    def _loop(self, subject: BenchSubject) -> None:
        job = loop_job(self._how.rate_hz, self._how.loop_s)
        self._set(subject, loop=loop_of(*self._ask(subject, job, self._how.loop_s)))

    def _energy(self, subject: BenchSubject, idle_w: dict[str, float]) -> None:
        found = self._ask(subject, energy_job(self._how.energy_s), self._how.energy_s)
        self._set(subject, energy=found.model_copy(update={"idle_w": idle_w}))


def _cold_start(colds: Sequence[Cold]) -> ColdStart:
    return cold_start_of(
        [each.total_s for each in colds],
        [each.import_s for each in colds],
        [each.load_s for each in colds],
        [each.interpreter_s for each in colds],
    )


def _memory(colds: Sequence[Cold]) -> float | None:
    known = sorted(each.memory_mib for each in colds if each.memory_mib is not None)
    return known[len(known) // 2] if known else None


def _of_rounds(made: Sequence[Round]) -> dict[str, object]:
    whole, bare = [each.whole_ms for each in made], [each.bare_ms for each in made]
    lost = [each.preempted for each in made if each.preempted is not None]
    return {
        "latency": latency_of(whole),
        "bare": latency_of(bare),
        "overhead": overhead_of(whole, bare),
        "preempted": sum(lost) if lost else None,
    }
