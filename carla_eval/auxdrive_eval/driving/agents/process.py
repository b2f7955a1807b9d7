"""An agent in a process of its own, so that nothing that it does can end an evaluation: it may
exit, crash the interpreter or hang.
"""

from __future__ import annotations

import os
import queue
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from threading import Thread
from typing import Any, BinaryIO

from auxdrive.types import AnyArray

from auxdrive_eval.driving.agents import AgentSource, leftovers
from auxdrive_eval.driving.agents.faults import AgentFault, own_error
from auxdrive_eval.driving.agents.wire import NO_ARRAYS, BrokenMessage, read_message, write_message

COMMAND = (
    "-P",
    "-u",
    "-X",
    "faulthandler",
    "-c",
    "from auxdrive_eval.driving.agents.host import main; main()",
)
CLOSE_S = 10.0
_KEPT_OUTPUT = 64 << 10
_LOOK_EVERY_S = 0.2
_LINGER_S = 1.0
"""How long processes that the agent started may run on after it ended."""


class AgentProcess:
    """The process of one agent. `load` the agent, then `ask` it for predictions."""

    def __init__(self) -> None:
        self._mark = secrets.token_hex(16)
        self._watcher = _watcher(self._mark)
        # The order of sets is part of the agent's behaviour, so hashing must not vary.
        environment = os.environ | {"PYTHONHASHSEED": "0", leftovers.VARIABLE: self._mark}
        self._process = subprocess.Popen(
            [sys.executable, *COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            # This process handles Ctrl-C, and can end the agent together with what it started.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._asked: queue.SimpleQueue[tuple[Mapping[str, Any], Mapping[str, AnyArray]] | None] = (
            queue.SimpleQueue()
        )
        self._replies: queue.SimpleQueue[dict[str, Any] | BrokenMessage | None] = (
            queue.SimpleQueue()
        )
        self._output = b""
        self._busy = False
        self.asking = ""
        """The loader that was asked last, as "package:name"; empty if none was."""
        self._threads = (
            Thread(
                target=self._exchange, args=(self._process.stdin, self._process.stdout), daemon=True
            ),
            Thread(target=self._drain, args=(self._process.stderr,), daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def load(self, source: AgentSource, limit_s: float) -> dict[str, Any]:
        """Load the agent.

        Args:
            source: where the agent is loaded from; a relative path begins at this process's working
                folder.
            limit_s: how long to wait, in seconds of wall time; infinity is allowed.

        Returns:
            The agent's description in JSON's types, which is still to be checked
            (`AgentDescription`).

        Raises:
            AgentFault: as `ask`.
        """
        key = source.require_signature
        place = {
            "path": os.fspath(source.path.absolute()),
            "role": source.role,
            "without": sorted(source.without),
            "runtime_options": dict(source.runtime_options),
            "precision": source.precision,
            "require_signature": None if key is None else os.fspath(key.absolute()),
        }
        return self.ask({"op": "load", "sys_path": sys.path, **place}, limit_s)

    def ask(
        self, body: Mapping[str, Any], limit_s: float, arrays: Mapping[str, AnyArray] = NO_ARRAYS
    ) -> dict[str, Any]:
        """Send a command and wait for its reply.

        Args:
            body: the command, in JSON's types.
            limit_s: how long to wait, in seconds of wall time; infinity is allowed.
            arrays: arrays that are sent with it, by their names.

        Returns:
            The reply in JSON's types.

        Raises:
            AgentFault: the agent raised an exception, its process ended, or it took longer than
                `limit_s`.
        """
        self._busy = True
        self._asked.put((body, arrays))
        reply = self._wait(limit_s)
        self._busy = False
        if reply is None:
            raise AgentFault(f"its process ended {self._how_it_ended()}", self.output())
        if isinstance(reply, BrokenMessage):
            raise AgentFault(f"its process cannot be understood: {reply}", self.output())
        if "failed" in reply:
            failed = reply["failed"]
            raise AgentFault(
                failed["summary"],
                failed["detail"],
                own_error(failed["error"], failed["message"]),
                replied=True,
            )
        done = reply["done"]
        assert isinstance(done, dict)
        return done

    def _wait(self, limit_s: float) -> dict[str, Any] | BrokenMessage | None:
        late_s = time.monotonic() + limit_s
        while True:
            left_s = late_s - time.monotonic()
            try:
                return self._replies.get(timeout=max(0.0, min(left_s, _LOOK_EVERY_S)))
            except queue.Empty:
                # A process that the agent has forked may keep the pipe open after the agent has
                # ended.
                if self._process.poll() is not None:
                    return self._last_word()
                if left_s <= 0:
                    raise AgentFault(
                        f"it gave no reply within {limit_s:g} s", self._where_it_hangs()
                    ) from None

    def _last_word(self) -> dict[str, Any] | BrokenMessage | None:
        try:
            return self._replies.get(timeout=1.0)
        except queue.Empty:
            return None

    def _where_it_hangs(self) -> str:
        """The end of its output, with its stack if the system can print it (see `host.main`)."""
        before = self._output
        if hasattr(signal, "SIGUSR1"):
            self._process.send_signal(signal.SIGUSR1)
            deadline_s = time.monotonic() + 1.0
            while self._output == before and time.monotonic() < deadline_s:
                time.sleep(0.02)
        return self.output()

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "the connection, but goes on"
        if code >= 0:
            return f"with exit code {code}"
        try:
            return f"by the signal {signal.Signals(-code).name}"
        except ValueError:
            return f"by the signal {-code}"

    def output(self) -> str:
        """The end of what the agent printed since the last `forget_output`."""
        if self._process.poll() is not None:
            self._threads[1].join(1.0)
        return self._output.decode("utf-8", "backslashreplace")

    def forget_output(self) -> None:
        """Forget what was printed until now, which belongs to another route."""
        self._output = b""

    def close(self) -> None:
        """Let the agent close itself, and wait until its process ends. If it is busy, since we were
        interrupted, the process is ended at once.

        Raises:
            AgentFault: closing failed. The process is ended nevertheless.
        """
        try:
            if not self._busy:
                self.ask({"op": "close"}, CLOSE_S)
                self._process.wait(CLOSE_S)
                self._refuse_leftovers()
        except subprocess.TimeoutExpired:
            raise AgentFault(
                f"its process did not end within {CLOSE_S:g} s after close(), and was killed",
                self.output(),
            ) from None
        finally:
            self.kill()

    def _refuse_leftovers(self) -> None:
        deadline_s = time.monotonic() + _LINGER_S
        while left := leftovers.leftovers(self._mark):
            if time.monotonic() > deadline_s:
                raise AgentFault(
                    f"{len(left)} of the processes that it had started went on, and were killed"
                )
            time.sleep(0.02)

    def kill(self) -> None:
        """End the process, and all processes that it started, now."""
        if hasattr(os, "killpg"):
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):  # it has ended already
                self._process.kill()
        else:
            self._process.kill()
        self._process.wait()
        leftovers.end_leftovers(self._mark)
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.wait()
            _close(self._watcher.stdin)
        self._asked.put(None)
        for thread, pipes in zip(
            self._threads,
            ((self._process.stdin, self._process.stdout), (self._process.stderr,)),
            strict=True,
        ):
            thread.join(1.0)
            for pipe in pipes:
                if pipe is not None and not thread.is_alive():
                    _close(pipe)

    def _exchange(self, commands: BinaryIO, replies: BinaryIO) -> None:
        """The thread that writes commands and reads replies, so that an agent that does not read
        cannot block us.
        """
        while (asked := self._asked.get()) is not None:
            try:
                write_message(commands, *asked)
                while (message := read_message(replies)) is not None and "asking" in message[0]:
                    self.asking = str(message[0]["asking"])
            except BrokenMessage as error:
                self._replies.put(error)
                return
            except (OSError, ValueError):  # the pipe was closed
                message = None
            self._replies.put(None if message is None else message[0])

    def _drain(self, output: BinaryIO) -> None:
        """The thread that reads everything that the agent prints, and keeps the end of it."""
        while chunk := os.read(output.fileno(), 1 << 16):
            self._output = (self._output + chunk)[-_KEPT_OUTPUT:]


def _watcher(mark: str) -> subprocess.Popen[bytes] | None:
    """Start a process that ends what the agent leaves behind if this process is killed. None if the
    system cannot find such processes.
    """
    if not os.path.isdir(leftovers.PROC):
        return None
    command = [sys.executable, "-I", "-S", leftovers.__file__, mark]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:  # the rest cannot be sent
        return
