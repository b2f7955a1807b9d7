"""Runs jobs in several worker processes. The result of a job must depend on the job alone and not
on the number of workers. What workers log is logged in this process too.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any, Generic, Protocol, TypeVar, cast

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
    """Refuse an impossible number of workers.

    Raises:
        UsageError: there are fewer than one.
    """
    if workers < 1:
        raise UsageError(f"the number of workers must be 1 or more, got {workers}")


def run_jobs(
    make_worker: Callable[[], Worker[Job, Result]], jobs: Iterable[Job], workers: int
) -> Iterator[tuple[Job, Result]]:
    """Run jobs. Each is started in the given order, as soon as a worker is free for it.

    A single worker runs in this process, several in processes of their own. These are spawned, so
    `make_worker`, jobs and results must be picklable. If the caller leaves the iterator early, by
    an exception or an interrupt, the processes are ended.

    Args:
        make_worker: makes a worker in its process.
        jobs: to run.
        workers: how many.

    Returns:
        Each job and its result, in the order in which they are done.

    Raises:
        UsageError: there are fewer than one worker.
        WorkerDied: a process died.
        AuxdriveError: a job raised it.
        RuntimeError: a job in a process raised another error; the message holds its traceback.
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
    """Run jobs as `run_jobs` does, but give the error of a job that fails as its result and go on
    with the others. Every worker, even a single one, has a process of its own.

    Args:
        make_worker: makes a worker in its process.
        jobs: to run.
        workers: how many.

    Yields:
        Each job and its result or error: an `AuxdriveError` that it raised, a `WorkerDied` where
        its process was killed or crashed (another takes its place), or a `RuntimeError` with the
        traceback of any other error.

    Raises:
        UsageError: there are fewer than one worker.
    """
    check_workers(workers)
    with closing(_run_in_processes(make_worker, iter(jobs), workers)) as replies:
        for job, reply in replies:
            yield job, reply.value if reply.error is None else reply.error


class OwnProcess(Generic[Job, Result]):
    """One worker in a process of its own, to which jobs are given one by one. A job that crashes
    the process, or is not done in time, costs that process alone.

    Args:
        make_worker: makes the worker in its process, with the first job; it must be picklable.
    """

    def __init__(self, make_worker: Callable[[], Worker[Job, Result]]) -> None:
        self._processes: list[BaseProcess] = []
        self._connection = _start(make_worker, self._processes)

    def ask(self, job: Job, deadline_s: float) -> Result:
        """The result of a job.

        Args:
            job: that is done; it and its result must be picklable.
            deadline_s: after which the process is ended.

        Raises:
            WorkerDied: the process died, or was ended because it was not done.
            AuxdriveError: the job raised it.
            RuntimeError: the job raised another error; the message holds its traceback.
        """
        end_s = time.monotonic() + deadline_s
        with suppress(ConnectionError):  # a process that is gone cannot be written to
            self._connection.send(job)
        while True:
            if not self._connection.poll(max(end_s - time.monotonic(), 0.0)):
                self.close()
                raise WorkerDied(f"it was not done after {deadline_s:g} s, and was ended")
            received = _receive(self._connection)
            if isinstance(received, logging.LogRecord):
                logging.getLogger(received.name).handle(received)
            elif isinstance(received.error, WorkerDied):
                raise WorkerDied(f"its process died ({self._cause()})")
            elif received.error is not None:
                raise received.error
            else:
                return cast(Result, received.value)

    def _cause(self) -> str:
        (process,) = self._processes
        process.join(5)
        return how_it_ended(process.exitcode)

    def close(self) -> None:
        """End the process. It may be called again."""
        _end(self._processes)


def how_it_ended(exit_code: int | None) -> str:
    """How a process ended, in words.

    Args:
        exit_code: of the process, as `multiprocessing` and `subprocess` give it; None where it is
            not known.
    """
    if exit_code is None or exit_code >= 0:
        return f"exit code {exit_code}"
    name = signal.Signals(-exit_code).name if -exit_code in set(signal.Signals) else -exit_code
    return f"signal {name}"


def _values(replies: Generator[tuple[Job, _Reply], None, None]) -> Iterator[tuple[Job, Any]]:
    with closing(replies):  # ends the processes if the caller leaves early
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
    ending = partial(_end, processes)
    atexit.register(ending)  # before multiprocessing waits for them
    busy: dict[Connection, Job] = {}

    def begin(job: Job, connection: Connection | None = None) -> None:
        # not daemonic, so that workers may have processes of their own
        free = connection or _start(make_worker, processes, daemon=False)
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
                # Taken only now, so that whoever makes the jobs has seen this result.
                for job in islice(jobs, 1):
                    begin(job, None if isinstance(received.error, WorkerDied) else ready)
    finally:
        atexit.unregister(ending)
        ending()


def _start(
    make_worker: Callable[[], Worker[Any, Any]],
    processes: list[BaseProcess],
    daemon: bool = True,
) -> Connection:
    """Start another worker process.

    Args:
        make_worker: makes the worker in its process.
        processes: to which the process is added.
        daemon: whether this process ends it on exit by itself; it can then have no processes.

    Returns:
        This process's end of the pipe to it.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve,
        args=(make_worker, theirs, level_now()),
        name=f"auxdrive-worker-{len(processes)}",
        daemon=daemon,
    )
    process.start()
    theirs.close()  # so that the pipe is closed when the process dies
    processes.append(process)
    return ours


@dataclass(frozen=True, slots=True)
class _Reply:
    """The result or the error of a job in a process."""

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
    """Run as the worker process: do each job that is sent, until the pipe is closed."""
    # the parent is interrupted too, and ends this process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    parent = ToParent(connection)
    # the pipe breaks when the parent closes it or is gone
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
            # A defect of ours: it must reach the parent with its traceback, whatever it is.
            except Exception:  # noqa: BLE001
                reply = _Reply(RuntimeError(f"in a worker process:\n{traceback.format_exc()}"))
            parent.send(reply)


def _end_with_parent() -> None:
    """End this process when the parent is gone. After a killed parent a worker would otherwise
    finish its job and publish it, while the next run does the same job again.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def portable_error(error: AuxdriveError) -> AuxdriveError:
    """An error with the same message that can be pickled: of the nearest base class whose
    constructor takes only a message.
    """
    kind = type(error)
    while "__init__" in vars(kind):
        kind = next(base for base in kind.__bases__ if issubclass(base, AuxdriveError))
    return kind(str(error))
