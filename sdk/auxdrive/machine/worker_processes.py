"""Workers in processes of this machine."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any, Generic, cast

from auxdrive.errors import AuxdriveError, WorkerDied
from auxdrive.logs import ToParent, level_now, logged_to
from auxdrive.machine.jobs import Job, Reply, Result, Worker


@dataclass(frozen=True, slots=True)
class Processes:
    """Workers in processes of this machine.

    Attributes:
        count: how many there are.
    """

    count: int

    @property
    def elsewhere(self) -> bool:
        """They are here."""
        return False

    def replies(
        self, make_worker: Callable[[], Worker[Job, Any]], jobs: Iterator[Job]
    ) -> Generator[tuple[Job, Reply], None, None]:
        """See `auxdrive.machine.jobs.Workers`.

        Args:
            make_worker: makes a worker in its process.
            jobs: to do.
        """
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
            for job in islice(jobs, self.count):
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


class OwnProcess(Generic[Job, Result]):
    """One worker in a process of its own, to which jobs are given one by one. A job that crashes
    the process, or is not done in time, costs that process alone.

    Args:
        make_worker: makes the worker in its process, with the first job; it must be picklable.
        daemon: whether this process ends it on exit by itself; it can then have no processes.
    """

    def __init__(self, make_worker: Callable[[], Worker[Job, Result]], daemon: bool = True) -> None:
        self._processes: list[BaseProcess] = []
        self._connection = _start(make_worker, self._processes, daemon)

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
        reply = Reply()
        for received in self.received(job, deadline_s):
            if isinstance(received, Reply):
                reply = received
            else:
                logging.getLogger(received.name).handle(received)
        if reply.error is not None:
            raise reply.error
        return cast(Result, reply.value)

    def received(
        self, job: Job, deadline_s: float | None = None
    ) -> Iterator[logging.LogRecord | Reply]:
        """What comes back while a job is done: the records that it logs and, last, its reply.

        Args:
            job: that is done; it and its result must be picklable.
            deadline_s: after which the process is ended; None waits without end.
        """
        end_s = None if deadline_s is None else time.monotonic() + deadline_s
        with suppress(ConnectionError):  # a process that is gone cannot be written to
            self._connection.send(job)
        while True:
            left_s = None if end_s is None else max(end_s - time.monotonic(), 0.0)
            if not self._connection.poll(left_s):
                self.close()
                told = f"it was not done after {deadline_s:g} s, and was ended"
                yield Reply(WorkerDied(told))
                return
            received = _receive(self._connection)
            if isinstance(received, Reply) and isinstance(received.error, WorkerDied):
                received = Reply(WorkerDied(f"its process died ({self._cause()})"))
            yield received
            if isinstance(received, Reply):
                return

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


def _receive(connection: Connection) -> Reply | logging.LogRecord:
    try:
        received = connection.recv()
    except (EOFError, ConnectionResetError):
        return Reply(
            WorkerDied("a worker process died (killed, or out of memory?); try fewer workers")
        )
    assert isinstance(received, Reply | logging.LogRecord)
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
                reply = Reply(value=worker(job))
            except AuxdriveError as error:
                reply = Reply(portable_error(error))
            # A defect of ours: it must reach the parent with its traceback, whatever it is.
            except Exception:  # noqa: BLE001
                reply = Reply(RuntimeError(f"in a worker process:\n{traceback.format_exc()}"))
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
