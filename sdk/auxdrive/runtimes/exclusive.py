"""Who may use a session when: one call at a time, in the process that loaded it, until it is
closed.

What can come between: another thread (waits), a signal handler in the thread that is calling (must
never wait for itself), and a process that was forked (whose copy of the lock may be held by a
thread that it does not have). When the interpreter ends, no daemon thread may still be within the
runtime: Python ends such a thread where it comes back, and native code then aborts the process.
"""

from __future__ import annotations

import atexit
import os
import time
import weakref
from collections.abc import Callable
from threading import RLock
from typing import Concatenate, ParamSpec, TypeVar

from auxdrive.errors import UsageError
from auxdrive.runtimes import Session

P = ParamSpec("P")
T = TypeVar("T")

EXIT_WAIT_S = 5.0
"""How long the interpreter's end waits for calls of daemon threads; a call takes milliseconds."""


class Turns:
    """A session that calls take turns with.

    The lock is re-entrant: it is never its own thread's obstacle. Whether a call is under way in
    this thread, with a signal handler on top of it, is told by `_running`, which changes only under
    the lock.
    """

    def __init__(self, session: Session) -> None:
        self._session: Session | None = session
        self._process = os.getpid()
        self._lock = RLock()
        self._running = False
        self._closed = False
        _ALIVE.add(self)

    def call(
        self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`work(session, ...)`, alone.

        Raises:
            UsageError: closed; or called by a signal handler while a call of its own thread is
                under way; or in another process.
        """
        if os.getpid() != self._process:
            raise UsageError(
                f"this predictor was loaded in another process ({self._process}); load the bundle "
                "again in this one"
            )
        try:
            # No Python code runs between taking the lock and `try`: a handler that raises (Ctrl-C)
            # leaves nothing locked or running.
            with self._lock:
                if self._running:
                    raise UsageError(
                        "this predictor is in the middle of a call: a signal handler cannot "
                        "predict with it. Set a flag in the handler, "
                        "and act on it when the call has returned"
                    )
                self._running = True
                try:
                    session = self._session
                    if session is None or self._closed:
                        raise UsageError("this predictor is closed; load the bundle again")
                    return work(session, *args, **kwargs)
                finally:
                    self._running = False
        finally:
            if self._closed:
                self._release()

    def close(self) -> None:
        """Let no further call begin, and release the session: now, or when the call that is under
        way has ended. Never waits.

        In another process it does nothing: what is loaded belongs to the process that loaded it.
        """
        if os.getpid() != self._process:
            return
        self._closed = True
        self._release()

    def _release(self) -> None:
        # Whoever holds the lock looks at `_closed` once more after letting go of it, so somebody
        # always comes through here.
        if not self._lock.acquire(blocking=False):
            return
        try:
            if not self._running and self._session is not None:
                session, self._session = self._session, None
                session.close()
        finally:
            self._lock.release()

    def end(self, until_s: float) -> None:
        """Close, and wait until then (monotonic clock) for the call that is under way in another
        thread.
        """
        if os.getpid() != self._process:
            return
        self.close()
        if self._lock.acquire(timeout=max(0.0, until_s - time.monotonic())):
            self._lock.release()


_ALIVE: weakref.WeakSet[Turns] = weakref.WeakSet()


@atexit.register
def _end_of_interpreter() -> None:
    until_s = time.monotonic() + EXIT_WAIT_S
    for turns in list(_ALIVE):
        turns.end(until_s)
