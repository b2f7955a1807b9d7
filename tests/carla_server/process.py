"""The server as a process of its own, as tests start it."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import msgpack

TESTS = Path(__file__).resolve().parents[1]
PATIENCE = 30.0  # s


def free_port() -> int:
    """A free port below those that systems give to outgoing connections: a client that asks again
    and again for a server that is down may otherwise be given the server's own port.
    """
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket() as trial, contextlib.suppress(OSError):
            trial.bind(("127.0.0.1", port))
            return port


def ask(port: int, name: str, *arguments: Any, patience: float = PATIENCE) -> Any:
    """One call of a server's RPC without the stock client.

    Args:
        port: of the server.
        name: of the call.
        arguments: of the call.
        patience: how long to wait (s).

    Raises:
        RuntimeError: the server refuses.
        OSError: the server is not there, or hangs.
    """
    with socket.create_connection(("127.0.0.1", port), patience) as link:
        link.sendall(msgpack.packb([0, 1, name, [[False], *arguments]]))
        unpacker = msgpack.Unpacker(raw=False, unicode_errors="surrogateescape")
        while data := link.recv(1 << 16):
            unpacker.feed(data)
            for _, _, _, result in unpacker:
                return _unwrapped(name, result)
    raise ConnectionResetError(f"{name}: the server has closed the connection")


def _unwrapped(name: str, result: Any) -> Any:
    if result == [[False]]:
        return None
    good, value = result[0]
    if good != 1 or good is True:
        raise RuntimeError(f"{name}: {value[0]}")
    return value


@dataclass
class ServerProcess:
    """A running server; leaving its block ends it, and fails if a call was not served.

    Attributes:
        arguments: of `python -m carla_server`, without the port.
        port: 0 for a free one; the same after every restart.
        checked: whether leaving the block fails on calls that are not served.
    """

    arguments: Sequence[str] = ()
    port: int = 0
    checked: bool = True
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self, *more: str) -> None:
        """Start it, and wait until it is ready.

        Args:
            more: arguments for this start alone, such as faults.

        Raises:
            RuntimeError: it ended instead.
        """
        self.port = self.port or free_port()
        paths = [str(TESTS), os.environ.get("PYTHONPATH", "")]
        command = [sys.executable, "-m", "carla_server", "--port", str(self.port), "--with-parent"]
        self.process = subprocess.Popen(
            [*command, *self.arguments, *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline() != f"ready {self.port}\n":
            raise RuntimeError(f"the server ended with {self.stop()} before it was ready")

    def stop(self) -> int:
        """End it at once; its exit status."""
        assert self.process is not None
        process = self.process
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        return process.wait()

    def restart(self, *more: str) -> None:
        """Start it again on the same port.

        Args:
            more: arguments for this start alone.
        """
        self.stop()
        self.start(*more)

    def wait(self) -> int:
        """Wait until it has ended by itself; its exit status."""
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def fault(self, kind: str, **given: Any) -> None:
        """Order a fault; ticks count from now, the next tick is 0.

        Args:
            kind: of `faults.KINDS`.
            given: further attributes of the fault.
        """
        ask(self.port, "test_fault", {"kind": kind, **given})

    def report(self) -> dict[str, Any]:
        """What the server notes of itself: `calls_tests.report`."""
        found: dict[str, Any] = ask(self.port, "test_report")
        return found

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        wrong: dict[str, Any] = {}
        if kind is None and self.checked and self.process and self.process.poll() is None:
            report = self.report()
            wrong = report["unknown"] | {"failures": report["failures"]}
        self.stop()
        if wrong.pop("failures", None) or wrong:
            raise AssertionError(f"the test server was asked what it does not serve: {wrong}")
