"""Runs jobs on several workers. The result of a job must depend on the job alone and not on the
number of workers or where they are. What workers log is logged in this process too.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

from auxdrive.errors import UsageError
from auxdrive.machine.jobs import Job, Reply, Result, Worker, Workers
from auxdrive.machine.worker_processes import Processes


def workers_of(workers: int | Workers) -> Workers:
    """The workers that a user chose.

    Args:
        workers: a number is one of processes on this machine.

    Raises:
        UsageError: there are fewer than one.
    """
    chosen = Processes(workers) if isinstance(workers, int) else workers
    if chosen.count < 1:
        raise UsageError(f"the number of workers must be 1 or more, got {chosen.count}")
    return chosen


def is_one_here(workers: Workers) -> bool:
    """Whether `run_jobs` does the jobs in this process."""
    return workers.count == 1 and not workers.elsewhere


def run_jobs(
    make_worker: Callable[[], Worker[Job, Result]], jobs: Iterable[Job], workers: int | Workers
) -> Iterator[tuple[Job, Result]]:
    """Run jobs. Each is started in the given order, as soon as a worker is free for it.

    A single worker of this machine runs in this process, others in processes of their own. These
    are spawned, so `make_worker`, jobs and results must be picklable. If the caller leaves the
    iterator early, by an exception or an interrupt, the processes are ended.

    Args:
        make_worker: makes a worker in its process.
        jobs: to run.
        workers: how many, and where; a number is one of processes on this machine.

    Returns:
        Each job and its result, in the order in which they are done.

    Raises:
        UsageError: there are fewer than one worker.
        WorkerDied: a process died.
        AuxdriveError: a job raised it.
        RuntimeError: a job in a process raised another error; the message holds its traceback.
    """
    chosen = workers_of(workers)
    return (
        _run_here(make_worker, jobs)
        if is_one_here(chosen)
        else _values(chosen.replies(make_worker, iter(jobs)))
    )


def run_each(
    make_worker: Callable[[], Worker[Job, Result]], jobs: Iterable[Job], workers: int | Workers
) -> Generator[tuple[Job, Result | Exception], None, None]:
    """Run jobs as `run_jobs` does, but give the error of a job that fails as its result and go on
    with the others. Every worker, even a single one, has a process of its own.

    Args:
        make_worker: makes a worker in its process.
        jobs: to run.
        workers: how many, and where; a number is one of processes on this machine.

    Yields:
        Each job and its result or error: an `AuxdriveError` that it raised, a `WorkerDied` where
        its process was killed or crashed (another takes its place), or a `RuntimeError` with the
        traceback of any other error.

    Raises:
        UsageError: there are fewer than one worker.
    """
    with closing(workers_of(workers).replies(make_worker, iter(jobs))) as replies:
        for job, reply in replies:
            yield job, reply.value if reply.error is None else reply.error


def _values(replies: Generator[tuple[Job, Reply], None, None]) -> Iterator[tuple[Job, Any]]:
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
