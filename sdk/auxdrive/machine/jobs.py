"""What jobs, workers and their replies are, wherever the workers are: in this process, in others of
this machine (`worker_processes`) or on other machines (`ray_workers`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

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


@runtime_checkable
class ChecksMachine(Protocol):
    """What makes workers and can say whether another machine will do. One that will not ends the
    work: it would else fail job after job.
    """

    def check_machine(self) -> None:
        """Refuse a machine that lacks what the jobs need.

        Raises:
            ModuleNotFoundError: it lacks a package.
            UsageError: it lacks something else.
        """


@dataclass(frozen=True, slots=True)
class Reply:
    """The result or the error of a job that another process did."""

    error: Exception | None = None
    value: Any = None


class Workers(Protocol):
    """How many workers there are, and where.

    Examples:
        >>> from auxdrive.machine.workers import Processes, run_jobs
        >>> class Squares:
        ...     def __call__(self, job):
        ...         return job * job
        ...     def close(self): ...
        >>> dict(run_jobs(Squares, [2, 3], Processes(1)))
        {2: 4, 3: 9}
    """

    @property
    def count(self) -> int:
        """How many jobs are done at once."""

    @property
    def elsewhere(self) -> bool:
        """Whether they are on other machines, which may lack the files of this one."""

    def replies(
        self, make_worker: Callable[[], Worker[Job, Any]], jobs: Iterator[Job]
    ) -> Generator[tuple[Job, Reply], None, None]:
        """Do jobs in processes of their own. Each job is taken when a worker is free for it and the
        replies before it were seen. When the generator is closed, the processes end.

        Args:
            make_worker: makes a worker in its process.
            jobs: to do.

        Yields:
            Each job and its reply; a `WorkerDied` is the error where its process is gone.
        """
