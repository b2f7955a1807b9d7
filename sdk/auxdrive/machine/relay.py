"""What stands on another machine between the process that hands out jobs and a worker: it checks
that the worker can do them there, and has it do them in a process of its own, as on one machine.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from auxdrive import __version__
from auxdrive.errors import AuxdriveError, UsageError, WorkerDied
from auxdrive.logs import set_level
from auxdrive.machine.jobs import ChecksMachine, Reply
from auxdrive.machine.worker_processes import OwnProcess

_DECIDING = ("numpy", "onnxruntime", "panda3d", "pillow", "scipy", "torch")
"""Packages of which another version may give other results."""


def versions() -> dict[str, str]:
    """The versions here of auxdrive and of what decides its results; "none" where there is none."""
    return {"auxdrive": __version__} | {name: _version(name) for name in _DECIDING}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


class Relay:
    """One worker of this machine, for a process of another one.

    Args:
        order: makes the worker; pickled.
        log_level: the least level that is logged.
        folder: relative paths begin there, where this machine has it.
        wanted: `versions()` of the other machine.

    Attributes:
        warning: in which packages this machine differs; empty if in none.

    Raises:
        UsageError: the worker cannot be made on this machine.
    """

    def __init__(
        self, order: bytes, log_level: int, folder: str, wanted: Mapping[str, str]
    ) -> None:
        here = versions()
        if here["auxdrive"] != wanted["auxdrive"]:
            raise UsageError(
                f"it has auxdrive {here['auxdrive']}, and {wanted['auxdrive']} hands out the jobs: "
                "install the same"
            )
        self.warning = ", ".join(
            f"{name} {here[name]} instead of {wanted[name]}"
            for name in wanted
            if wanted[name] != here[name]
        )
        if os.path.isdir(folder):
            os.chdir(folder)
        try:
            self._make_worker = pickle.loads(order)  # noqa: S301 - from our own process
            if isinstance(self._make_worker, ChecksMachine):
                self._make_worker.check_machine()
        except (ImportError, AttributeError) as error:
            raise UsageError(f"it lacks a package that is installed here: {error}") from error
        set_level(log_level)
        self._process: OwnProcess[Any, Any] | None = None

    def do(self, job: object) -> Iterator[logging.LogRecord | Reply]:
        """What comes back while a job is done: the records that it logs and, last, its reply.

        Args:
            job: that is done. After one that ended its process, the next has another.
        """
        if self._process is None:
            self._process = OwnProcess(self._make_worker, daemon=False)
        for received in self._process.received(job):
            if isinstance(received, Reply) and isinstance(received.error, WorkerDied):
                self.close()
            yield _with_name(received)

    def close(self) -> None:
        """End the worker's process."""
        process, self._process = self._process, None
        if process is not None:
            process.close()


def _with_name(received: logging.LogRecord | Reply) -> logging.LogRecord | Reply:
    """An error of auxdrive's says on which machine it happened."""
    if isinstance(received, Reply) and isinstance(received.error, AuxdriveError):
        return Reply(type(received.error)(f"on the node {socket.gethostname()}: {received.error}"))
    return received
