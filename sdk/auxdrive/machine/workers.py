"""Jobs on several processes. What a job gives may depend on the job alone, never on the number of
workers; what it logs is logged here, too.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any, Protocol, TypeVar

from auxdrive.errors import AuxdriveError, UsageError, WorkerDied
from auxdrive.logs import ToParent, level_now, logged_to

Job = TypeVar("Job")
Result = TypeVar("Result")
Job_contra = TypeVar("Job_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class Worker(Protocol[Job_contra, Result_co]):
    """Does jobs, one after the other."""

    def __call__(self, job: Job_contra, /) -> Result_co:
        """Do one job."""

    def close(self) -> None:
        """Release what it holds."""


def check_workers(workers: int) -> None:
    """Refuse a number of workers that cannot be, before anything is begun.

    Raises:
        UsageError: fewer than one.
    """
    if workers < 1:
        raise UsageError(f"the number of workers must be 1 or more, got {workers}")


def run_jobs(
    make_worker: Callable[[], Worker[Job, Result]], jobs: Iterable[Job], workers: int
) -> Iterator[tuple[Job, Result]]:
    """Yield (job, result) as jobs are done, in no certain order; jobs are taken in the given order,
    each when a worker is free for it.

    One worker runs in this process, more in processes of their own (spawned, so `make_worker`, jobs
    and results must be picklable). Leaving the iterator early, by an exception or an interrupt,
    ends the processes.

    Raises:
        UsageError: fewer than one worker.
        WorkerDied: a process died. Errors of a job come through: an AuxdriveError as itself,
            others as RuntimeError with the traceback.
    """
    check_workers(workers)
    return (
        _run_here(make_worker, jobs)
        if workers == 1
        else _values(_run_in_processes(make_worker, iter(jobs), workers))
    )


def run_each(
    make_worker: Callable[[], Worker[Job, Result]], jobs: Iterable[Job], workers: int
) -> Generator[tuple[Job, Result | Exception], None, None]:
    """As `run_jobs`, but a job that fails gives its error, and the others go on: an AuxdriveError
    as itself, a `WorkerDied` where its process was killed or crashed (another takes its place), and
    a RuntimeError with the traceback for what nobody foresaw.

    Every worker has a process of its own, a single one too.

    Raises:
        UsageError: fewer than one worker.
    """
    check_workers(workers)
    with closing(_run_in_processes(make_worker, iter(jobs), workers)) as replies:
        for job, reply in replies:
            yield job, reply.value if reply.error is None else reply.error


def _values(replies: Generator[tuple[Job, _Reply], None, None]) -> Iterator[tuple[Job, Any]]:
    with closing(replies):  # ends the processes where the caller leaves early
        for job, reply in replies:
            if reply.error is not None:
                raise reply.error
            yield job, reply.value


def _run_here(
    make_worker: Callable[[], Worker[Job, Result]], jobs: Iterable[Job]
) -> Iterator[tuple[Job, Result]]:
    worker: Worker[Job, Result] | None = None
    try:
        for job in jobs:
            worker = worker or make_worker()
            yield job, worker(job)
    finally:
        if worker is not None:
            worker.close()


def _run_in_processes(
    make_worker: Callable[[], Worker[Job, Result]], jobs: Iterator[Job], workers: int
) -> Generator[tuple[Job, _Reply], None, None]:
    processes: list[BaseProcess] = []
    busy: dict[Connection, Job] = {}

    def begin(job: Job, connection: Connection | None = None) -> None:
        free = connection or _start(make_worker, processes)
        busy[free] = job
        free.send(job)

    try:
        for job in islice(jobs, workers):
            begin(job)
        while busy:
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                received = _receive(ready)
                if isinstance(received, logging.LogRecord):
                    logging.getLogger(received.name).handle(received)
                    continue
                yield busy.pop(ready), received
                # Asked for only now: whoever makes the jobs has seen this result.
                for job in islice(jobs, 1):
                    begin(job, None if isinstance(received.error, WorkerDied) else ready)
    finally:
        _end(processes)


def _start(make_worker: Callable[[], Worker[Any, Any]], processes: list[BaseProcess]) -> Connection:
    """One more worker process, and our end of its pipe."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve,
        args=(make_worker, theirs, level_now()),
        name=f"auxdrive-worker-{len(processes)}",
        daemon=True,
    )
    process.start()
    theirs.close()  # so that our end sees the end of the pipe when the process dies
    processes.append(process)
    return ours


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came of a job in a process."""

    error: Exception | None = None
    value: Any = None


def _receive(connection: Connection) -> _Reply | logging.LogRecord:
    try:
        received = connection.recv()
    except (EOFError, ConnectionResetError):
        return _Reply(
            WorkerDied("a worker process died (killed, or out of memory?); try fewer workers")
        )
    assert isinstance(received, _Reply | logging.LogRecord)
    return received


def _end(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()


def _serve(
    make_worker: Callable[[], Worker[Any, Any]], connection: Connection, log_level: int
) -> None:
    """The worker process: reply to each job until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted and ends us
    Thread(target=_end_with_parent, daemon=True).start()
    parent = ToParent(connection)
    # the pipe breaks when the parent is done with us, or gone
    with suppress(EOFError, ConnectionError), ExitStack() as stack:
        stack.enter_context(logged_to(parent, log_level))
        worker: Worker[Any, Any] | None = None
        while True:
            job = connection.recv()
            try:
                if worker is None:
                    worker = make_worker()
                    stack.callback(worker.close)
                reply = _Reply(value=worker(job))
            except AuxdriveError as error:
                reply = _Reply(portable_error(error))
            except Exception:  # noqa: BLE001 - a defect of ours: it must reach the parent with its traceback, whatever it is
                reply = _Reply(RuntimeError(f"in a worker process:\n{traceback.format_exc()}"))
            parent.send(reply)


def _end_with_parent() -> None:
    """A parent that is killed ends nobody: without this a worker would finish its job, and publish
    it while the next run does it anew.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def portable_error(error: AuxdriveError) -> AuxdriveError:
    """The same message in an error that can be pickled: a class whose constructor takes a message
    alone, with the same exit code.
    """
    kind = type(error)
    while "__init__" in vars(kind):
        kind = next(base for base in kind.__bases__ if issubclass(base, AuxdriveError))
    return kind(str(error))
