"""Workers on the nodes of a Ray cluster (the extra `distributed`). This is the one module that
imports ray.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from auxdrive.errors import UsageError
from auxdrive.extras import needed_by_library
from auxdrive.machine.jobs import Job, Reply, Worker
from auxdrive.machine.ray_crew import CPU, Crew, told_amounts

_LOG = logging.getLogger(__name__)
AUTO = "auto"
_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Nothing is reported to Ray's makers. A worker that takes no GPU sees those of its node, as a
process does.
"""
_ANSWER_S = 5.0
_SETTINGS = b"\4"
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How a client of gRPC begins: the preface of HTTP/2, and settings, which are empty."""


class RayWorkers:
    """Workers on the nodes of a Ray cluster. This process must run on one of them.

    A job whose worker is lost, with its node or alone, is done again by another one, up to
    `ATTEMPTS` times.

    Args:
        address: "auto" for the cluster of this machine, or its HOST:PORT.
        count: how many workers; None for as many as the cluster has room for.
        takes: how much of each of its node's resources a worker takes, such as {"GPU": 1}. It takes
            one CPU unless this says otherwise.

    Attributes:
        count: how many workers.

    Raises:
        MissingExtra: ray is not installed.
        UsageError: there is no such cluster, this process cannot join it, or none of its nodes has
            what a worker takes.

    Examples:
        >>> from auxdrive.machine.ray_workers import RayWorkers
        >>> RayWorkers("here")
        Traceback (most recent call last):
        ...
        auxdrive.errors.UsageError: --ray here: give auto, or HOST:PORT of the cluster's head
    """

    elsewhere = True

    def __init__(
        self, address: str, count: int | None = None, takes: Mapping[str, float] | None = None
    ) -> None:
        self._takes = {CPU: 1.0, **(takes or {})}
        self._ray, self._joined_here = _joined(address)
        room = self._room()
        if room == 0:
            self.close()
            raise UsageError(
                f"--ray {address}: no node of the cluster has what a worker takes "
                f"({told_amounts(self._takes)}); `ray start --resources='{{...}}'` says what it has"
            )
        self.count: int = room if count is None else count
        if self.count > room:
            _LOG.warning(
                "the cluster has room for %d of %d workers; the others wait for it", room, count
            )

    def close(self) -> None:
        """Leave the cluster."""
        if self._joined_here:
            self._ray.shutdown()

    def replies(
        self, make_worker: Callable[[], Worker[Job, Any]], jobs: Iterator[Job]
    ) -> Generator[tuple[Job, Reply], None, None]:
        """See `auxdrive.machine.jobs.Workers`.

        Args:
            make_worker: makes a worker in its process.
            jobs: to do.

        Raises:
            UsageError: a node cannot do the jobs: it lacks a package, or has another auxdrive.
            WorkerDied: no node is left.
        """
        crew = Crew(self._ray, self._takes, pickle.dumps(make_worker), self._room, self.count)
        with closing(crew):
            yield from crew.replies(jobs)

    def _room(self) -> int:
        """How many workers the nodes that are alive have room for, if nothing else runs there."""
        return sum(
            int(min(node["Resources"].get(name, 0.0) // much for name, much in self._takes.items()))
            for node in self._ray.nodes()
            if node["Alive"]
        )


def _joined(address: str) -> tuple[Any, bool]:
    """Ray, connected to a cluster, and whether this call has connected it."""
    if address == AUTO:
        address = os.environ.get("RAY_ADDRESS", AUTO)  # as Ray does
    _check_address(address)
    if address != AUTO:
        _check_answer(address)
    os.environ.update(_ENVIRONMENT)
    with needed_by_library("a Ray cluster", "distributed"):
        import ray
    if ray.is_initialized():
        return ray, False
    ray._private.worker._worker_logs_enabled = False  # its messages would come to standard output
    try:
        with _signals_kept():
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except Exception as error:  # Ray raises errors of many types here
        raise UsageError(f"--ray {address}: {_why_not_joined(error)}") from error
    return ray, True


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if address != AUTO and not (host and port.isdecimal() and "/" not in host):
        raise UsageError(f"--ray {address}: give auto, or HOST:PORT of the cluster's head")


def _check_answer(address: str) -> None:
    """Refuse an address at which nothing that could be Ray answers. Ray itself would try for
    minutes.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S) as connection:
            connection.settimeout(_ANSWER_S)
            if "RAY_USE_TLS" in os.environ:
                return
            connection.sendall(_HTTP2)
            kind = connection.recv(9)[3:4]
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"--ray {address}: nothing answers there ({error}). `ray start --head` tells the "
            "address of a cluster as it starts one"
        ) from error
    if kind != _SETTINGS:
        raise UsageError(f"--ray {address}: what answers there is not Ray's head")


def _why_not_joined(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines) or type(error).__name__
    if "ersion mismatch" in text:
        return f"{text}. Install the same versions of Ray and Python here and there"
    if isinstance(error, ConnectionError):
        return f"this machine is no node of a running cluster ({lines[0] if lines else text})"
    return f"this process cannot join the cluster: {text}. Run it on a node of the cluster"


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep this process's handler of SIGTERM, of which Ray sets its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
