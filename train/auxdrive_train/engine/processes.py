"""Training in several processes. If one of them fails, is killed or stopped, the command ends with
an error that says so.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from auxdrive import errors
from auxdrive.errors import AuxdriveError
from auxdrive.logs import ToParent, level_now, logged_to
from auxdrive.work import Shown, ShowProgress, Work, no_progress
from lightning_fabric import Fabric
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from auxdrive_train.engine.ranks import leave

# Lightning prints what it logs; the processes that it starts are no news to anybody.
logging.getLogger("lightning_fabric").setLevel(logging.WARNING)

STOPPED_S = 20.0
"""A process that has been stopped (as by SIGSTOP) for this long while the parent runs will not
continue, and the others would wait for it forever.
"""
_LOOK_EVERY_S = 1.0
_END = "end"
"""Sent when a work is over. Its begin is sent as the `Work` itself, and each call of `Shown` as a
tuple: name, positional arguments, keyword arguments.
"""


def in_processes(
    fabric: Fabric, work: Callable[[Fabric, ShowProgress], None], progress: ShowProgress
) -> None:
    """Run `work` in every process of the fabric. The log and the progress of the first process are
    shown by this one.

    Args:
        fabric: starts the processes.
        work: called with the fabric and a way to show progress; must be picklable.
        progress: shows the progress here.

    Raises:
        AuxdriveError: what `work` raised in one of the processes, or that one was killed, was
            stopped, or ended by itself.
    """
    with (
        TemporaryDirectory() as box,
        _telling(progress) as connection,
        _ending_what_is_stopped(Path(box)) as stopped,
    ):
        try:
            fabric.launch(
                partial(
                    _in_process,
                    work=work,
                    box=Path(box),
                    connection=connection,
                    log_level=level_now(),
                )
            )
        except (ProcessRaisedException, ProcessExitedException) as error:
            for told in sorted(Path(box).glob("*.json")):
                raise _error_of(told) from None
            died = _death(
                error, fabric.world_size, stopped, lost=_lost(Path(box), fabric.world_size)
            )
            if died is None:
                raise
            raise died from None


def _in_process(
    fabric: Fabric,
    work: Callable[[Fabric, ShowProgress], None],
    box: Path,
    connection: Connection,
    log_level: int,
) -> None:
    rank = fabric.global_rank
    (box / f"{os.getpid()}.process").touch()
    try:
        if fabric.is_global_zero:
            parent = ToParent(connection)
            with logged_to(parent, log_level):
                work(fabric, partial(_shown_by, parent))
        else:
            connection.close()
            work(fabric, no_progress)
        leave()
    except AuxdriveError as error:
        (box / f"{rank}.json").write_text(json.dumps([type(error).__name__, str(error)]))
        raise
    except Exception as error:
        # When a process is killed, the others lose their connection to it.
        if "connection" in str(error).lower() or "peer" in str(error).lower():
            (box / f"{rank}.lost").touch()
        raise


class _ShownElsewhere:
    """Progress of a work, which the parent process shows."""

    def __init__(self, parent: ToParent) -> None:
        self._parent = parent

    def done(self, count: int = 1, *details: str, effort: float | None = None) -> None:
        self._parent.send(("done", (count, *details), {"effort": effort}))

    def found(self, count: int, effort: float | None = None) -> None:
        self._parent.send(("found", (count, effort), {}))

    def within(self, share: float, effort: float | None = None) -> None:
        self._parent.send(("within", (share, effort), {}))

    def expect(self, total: int) -> None:
        self._parent.send(("expect", (total,), {}))


@contextmanager
def _shown_by(parent: ToParent, work: Work) -> Iterator[Shown]:
    """Show a work's progress in the parent process."""
    parent.send(work)
    yield _ShownElsewhere(parent)
    parent.send((_END,))


@contextmanager
def _telling(progress: ShowProgress) -> Iterator[Connection]:
    """Log and show, in a thread, what another process sends; yields the connection to send it
    through.

    The thread ends when every sender has closed the connection; the block waits for that.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    listener = threading.Thread(
        target=_tell, args=(ours, progress), name="auxdrive-tell", daemon=True
    )
    listener.start()
    try:
        yield theirs
    finally:
        theirs.close()
        listener.join()
        ours.close()


def _tell(connection: Connection, progress: ShowProgress) -> None:
    with ExitStack() as works:
        shown: Shown | None = None
        # ends with the connection, or with half a message of a killed process
        with suppress(EOFError, OSError):
            while True:
                message: Any = connection.recv()
                if isinstance(message, logging.LogRecord):
                    logging.getLogger(message.name).handle(message)
                    continue
                if isinstance(message, Work):
                    shown = works.enter_context(progress(message))
                elif message == (_END,):
                    works.close()
                else:
                    call, by_place, by_name = message
                    getattr(shown, call)(*by_place, **by_name)


def _error_of(told: Path) -> AuxdriveError:
    name, message = json.loads(told.read_text())
    kind = getattr(errors, name, AuxdriveError)
    error: AuxdriveError = kind.__new__(kind)  # not kind(text): some kinds compose their message
    error.args = (message,)
    return error


def _lost(box: Path, processes: int) -> bool:
    """Whether some processes, but not all, lost their connection: then another one has died."""
    return 0 < len(list(box.glob("*.lost"))) < processes


def _death(error: Exception, processes: int, stopped: set[int], lost: bool) -> AuxdriveError | None:
    """The error for a process that ended without raising one. None if `error` is something else,
    which then is not the user's mistake.

    Args:
        error: what starting or joining the processes raised.
        processes: how many there are.
        stopped: ids of those that were stopped and then killed.
        lost: see `_lost`.
    """
    if isinstance(error, ProcessExitedException):
        if error.error_pid in stopped:
            what = f"was stopped (SIGSTOP) for {STOPPED_S:g} s, and was ended"
        elif error.signal_name is not None:
            what = f"was ended by {error.signal_name}" + (
                " (out of memory?)" if error.signal_name == "SIGKILL" else ""
            )
        else:
            what = f"ended with the exit code {error.exit_code}"
        who = f"training process {error.error_index + 1} of {processes} {what}"
    elif stopped or lost:
        who = f"one of {processes} training processes " + (
            "was stopped, and was ended" if stopped else "was ended (out of memory?)"
        )
    else:
        return None
    return AuxdriveError(
        f"{who}; the others were ended too. Every finished epoch is kept: go on with --resume, or "
        "with fewer processes"
    )


@contextmanager
def _ending_what_is_stopped(box: Path) -> Iterator[set[int]]:
    """Kill, from a thread, processes of ours that stay stopped for `STOPPED_S`; yields the set of
    their ids.

    When a terminal suspends the command (Ctrl-Z), all processes stop and continue together with
    this one; this thread then stands still too and kills nothing.
    """
    killed: set[int] = set()
    over = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(box, killed, over), name="auxdrive-watch", daemon=True
    )
    watcher.start()
    try:
        yield killed
    finally:
        over.set()
        watcher.join()


def _watch(box: Path, killed: set[int], over: threading.Event) -> None:
    since: dict[int, float] = {}
    while not over.wait(_LOOK_EVERY_S):
        now = time.monotonic()
        stopped = {
            pid for pid in (int(file.stem) for file in box.glob("*.process")) if _is_stopped(pid)
        }
        since = {pid: since.get(pid, now) for pid in stopped}
        for pid, first in since.items():
            if now - first >= STOPPED_S and pid not in killed:
                killed.add(pid)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _is_stopped(pid: int) -> bool:
    """Whether a child process is stopped (and has not ended); False if the system cannot say."""
    if not hasattr(os, "waitid"):
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    except (ChildProcessError, OSError):
        return False
