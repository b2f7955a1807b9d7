"""Who works on the nodes of a Ray cluster: places workers there, hands out jobs, and hands those of
a lost worker to another one. ray comes from `ray_workers`, which imports it.

A worker is a process as on one machine. Beside it stands an actor, which Ray places on a node and
through which jobs, log records and results pass: only this process hands out jobs and sees results.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from auxdrive.errors import UsageError, WorkerDied
from auxdrive.logs import level_now
from auxdrive.machine.jobs import Reply
from auxdrive.machine.relay import versions

_LOG = logging.getLogger(__name__)
CPU, GPU = "CPU", "GPU"
ATTEMPTS = 3
"""So often a job is begun before the death of its worker is its result."""
_PATIENCE_S = 10.0


@dataclass(slots=True)
class _Task:
    """A job, and how often it was begun."""

    job: Any
    attempts: int = 0


@dataclass
class Crew:
    """The workers while they do jobs: each is starting, busy or idle.

    Attributes:
        ray: the module, connected to the cluster.
        takes: how much of each of its node's resources a worker takes.
        order: makes a worker; pickled.
        room: tells how many workers the nodes have room for.
        count: of workers.
    """

    ray: Any
    takes: Mapping[str, float]
    order: bytes
    room: Callable[[], int]
    count: int
    starting: dict[Any, Any] = field(default_factory=dict)
    busy: dict[Any, tuple[Any, _Task]] = field(default_factory=dict)
    idle: list[Any] = field(default_factory=list)
    waiting: deque[_Task] = field(default_factory=deque)
    lost_at_start: int = 0
    told: set[str] = field(default_factory=set)

    def replies(self, jobs: Iterator[Any]) -> Generator[tuple[Any, Reply], None, None]:
        """Do jobs, each taken when a worker is free for it and the replies before it were seen.

        Args:
            jobs: to do.

        Yields:
            Each job and its reply.

        Raises:
            UsageError: a node cannot do the jobs: it lacks a package, or has another auxdrive.
            WorkerDied: no node is left.
        """
        self.waiting.extend(map(_Task, islice(jobs, self.count)))
        for _ in range(len(self.waiting)):
            self._start()
        while self.waiting or self.busy:
            for ready in self._ready():
                if ready in self.starting:
                    self._welcome(ready, jobs)
                    continue
                received, alive = self._received(ready)
                if isinstance(received, logging.LogRecord):
                    logging.getLogger(received.name).handle(received)
                    continue
                actor, task = self.busy.pop(ready)
                if isinstance(received.error, WorkerDied) and task.attempts < ATTEMPTS:
                    _LOG.warning("%s; its job begins again", received.error)
                    self.waiting.append(task)
                else:
                    yield task.job, received
                if alive:
                    self._occupy(actor, jobs)
                else:
                    self._replace(actor)

    def close(self) -> None:
        """End all workers."""
        busy = (actor for actor, _ in self.busy.values())
        for actor in (*self.starting.values(), *busy, *self.idle):
            self._end(actor)

    def _start(self) -> None:
        own = {name: much for name, much in self.takes.items() if name not in (CPU, GPU)}
        actor = (
            self.ray.remote(_actor_class())
            .options(
                num_cpus=self.takes[CPU],
                num_gpus=self.takes.get(GPU, 0.0),
                resources=own,
                max_restarts=0,
            )
            .remote()
        )
        greeting = actor.greet.remote(self.order, level_now(), os.getcwd(), versions())
        self.starting[greeting] = actor

    def _end(self, actor: Any) -> None:
        with suppress(self.ray.exceptions.RayError):  # it is gone with its node
            self.ray.kill(actor)

    def _ready(self) -> list[Any]:
        """What has something to say. While nothing is done anywhere, this looks whether anything
        ever can be.
        """
        while True:
            watched = [*self.starting, *self.busy]
            limit_s = None if self.busy else _PATIENCE_S
            ready, _ = self.ray.wait(watched, num_returns=1, timeout=limit_s)
            if ready:
                return list(ready)
            if self.room() == 0:
                raise WorkerDied(
                    "no node of the cluster is left that has what a worker takes "
                    f"({told_amounts(self.takes)})"
                )
            self._tell("the nodes of the cluster have no room for a worker yet; waiting")

    def _welcome(self, ready: Any, jobs: Iterator[Any]) -> None:
        """Give a worker that was started its first job."""
        actor = self.starting.pop(ready)
        try:
            node, refusal, warning = self.ray.get(ready)
        except self.ray.exceptions.RayTaskError as error:
            raise RuntimeError(f"on a node of the cluster:\n{error}") from error
        except self.ray.exceptions.RayError as error:
            self.lost_at_start += 1
            if self.lost_at_start > ATTEMPTS * self.count:
                raise WorkerDied(f"workers end as they start: {_first_line(error)}") from error
            self._replace(actor)
            return
        if refusal:
            self._end(actor)
            raise UsageError(f"on the node {node}: {refusal}")
        self.lost_at_start = 0
        if warning:
            self._tell(f"the node {node} may give other results: it has {warning}")
        self._occupy(actor, jobs)

    def _occupy(self, actor: Any, jobs: Iterator[Any]) -> None:
        """Give a worker the next job if there is one."""
        task = self.waiting.popleft() if self.waiting else next(map(_Task, jobs), None)
        if task is None:
            self.idle.append(actor)
            return
        task.attempts += 1
        self.busy[actor.do.options(num_returns="streaming").remote(task.job)] = actor, task

    def _replace(self, actor: Any) -> None:
        """Start a worker in place of a lost one. Idle ones may be lost too, with the same node, and
        leave their room to it.
        """
        for each in (actor, *self.idle):
            self._end(each)
        self.idle.clear()
        self._start()

    def _received(self, ready: Any) -> tuple[logging.LogRecord | Reply, bool]:
        """What a busy worker says, and whether it is still there."""
        try:
            return self.ray.get(next(ready)), True
        except self.ray.exceptions.RayTaskError as error:
            raise RuntimeError(f"on a node of the cluster:\n{error}") from error
        except self.ray.exceptions.RayError as error:
            return Reply(WorkerDied(f"a worker was lost ({_first_line(error)})")), False

    def _tell(self, text: str) -> None:
        if text not in self.told:
            self.told.add(text)
            _LOG.warning(text)


def _actor_class() -> type:
    """The class of the actors. Ray sends a class that is defined in a function as it is, so that a
    node without auxdrive can say so.
    """

    class OnNode:
        """Stands beside a worker on a node."""

        def greet(
            self, order: bytes, log_level: int, folder: str, wanted: dict[str, str]
        ) -> tuple[str, str, str]:
            """The node's name, why it cannot work, and in what it differs; empty if in nothing."""
            import socket

            node = socket.gethostname()
            try:
                from auxdrive.errors import UsageError
                from auxdrive.machine.relay import Relay
            except ImportError as error:
                return node, f"it has no auxdrive {wanted['auxdrive']} to import: {error}", ""
            try:
                self.relay = Relay(order, log_level, folder, wanted)
            except UsageError as error:
                return node, str(error), ""
            return node, "", self.relay.warning

        def do(self, job: object) -> Iterator[logging.LogRecord | Reply]:
            """What comes back while a job is done."""
            yield from self.relay.do(job)

    return OnNode


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def told_amounts(takes: Mapping[str, float]) -> str:
    """Amounts of resources in words.

    Args:
        takes: by their names.
    """
    return ", ".join(f"{much:g} {name}" for name, much in takes.items())
