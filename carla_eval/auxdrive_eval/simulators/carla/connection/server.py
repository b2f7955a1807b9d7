"""A server of CARLA: found where it answers, or started from an installed CARLA."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from auxdrive.errors import SimulatorError
from filelock import FileLock, Timeout

from auxdrive_eval.simulators.base import SimulationCrashed
from auxdrive_eval.simulators.carla.connection import keeper
from auxdrive_eval.simulators.carla.spec import CarlaOptions

SCRIPT = "CarlaUE4.sh"
ARGUMENTS = ("-RenderOffScreen", "-nosound", "-quality-level=Epic")
PORT_STEP, MOST_SERVERS = 10, 64
_PAUSE_S = 0.2
_log = logging.getLogger(__name__)


class Server:
    """A server that no other process of auxdrive on this machine uses meanwhile.

    Args:
        options: where it is, or from which folder it is started.

    Raises:
        SimulatorError: there is none, another process uses it, or it cannot be started.
        SimulationCrashed: it was started and ended at once.
    """

    def __init__(self, options: CarlaOptions) -> None:
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self._lock = self._taken()
        try:
            self._bring_up()
        except BaseException:
            self.close()
            raise

    @property
    def where(self) -> str:
        """Host and port."""
        return f"{self._options.host}:{self.port}"

    def close(self) -> None:
        """End the server if it was started here, and leave it to others otherwise."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        self._lock.release()

    def _taken(self) -> tuple[int, FileLock]:
        options = self._options
        for port in _ports(options):
            lock = FileLock(
                Path(tempfile.gettempdir()) / f"auxdrive-carla-{options.host}-{port}.lock"
            )
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=0)
                return port, lock
        raise SimulatorError(
            f"another process drives on the CARLA server {options.host}:{options.port}, and two "
            "would move each other's time: give each a server of its own, use --workers 1, or give "
            "carla_root, from which each process starts its own"
        )

    def _bring_up(self) -> None:
        options, until_s = self._options, time.monotonic() + self._options.wait_s
        if answers(options.host, self.port):
            return
        if options.carla_root:
            self._process = _started(Path(options.carla_root), self.port)
        else:
            _log.warning(
                "no CARLA server answers on %s; waiting %g s for it. %s",
                self.where,
                options.wait_s,
                how_to_start(self.port),
            )
        while not answers(options.host, self.port):
            if self._process is not None and (status := self._process.poll()) is not None:
                raise SimulationCrashed(f"the CARLA server ended with {status} as it started")
            if time.monotonic() > until_s:
                raise SimulatorError(
                    f"no CARLA server answers on {self.where} within {options.wait_s:g} s. "
                    f"{how_to_start(self.port)}"
                )
            time.sleep(_PAUSE_S)


def how_to_start(port: int) -> str:
    """How a user starts a server.

    Args:
        port: on which it is to listen.
    """
    command = f"./{SCRIPT} {' '.join(ARGUMENTS)} -carla-rpc-port={port}"
    return (
        f"Start one in CARLA's folder (`{command}`), give that folder as carla_root, or run it in "
        f"Docker: `docker run --rm --gpus all --net=host carlasim/carla:0.9.16 /bin/bash {command}`"
    )


def _ports(options: CarlaOptions) -> Iterator[int]:
    yield options.port
    if options.carla_root:
        yield from range(options.port + PORT_STEP, 65536, PORT_STEP)[: MOST_SERVERS - 1]


def answers(host: str, port: int) -> bool:
    """Whether somebody listens there.

    Args:
        host: name or address.
        port: of TCP.
    """
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1.0):
        return True
    return False


def _started(root: Path, port: int) -> subprocess.Popen[bytes]:
    script = root / SCRIPT
    if not script.is_file():
        raise SimulatorError(f"carla_root: {root} holds no {SCRIPT}; it is CARLA's folder")
    _log.info("starting a CARLA server on port %d from %s", port, root)
    command = ["/bin/bash", str(script), *ARGUMENTS, f"-carla-rpc-port={port}"]
    return subprocess.Popen(
        [sys.executable, keeper.__file__, *command],
        cwd=root,
        stdin=subprocess.PIPE,
        start_new_session=True,  # signals to our group end us, and the keeper sees that
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()  # the keeper then ends the server
    try:
        process.wait(3 * keeper.END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
