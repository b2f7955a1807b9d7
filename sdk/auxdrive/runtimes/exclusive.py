"""Controls who may use a session: one call at a time, only in the process that loaded it, and until
it is closed.

Three things can come between. Another thread waits. A signal handler in the calling thread must not
wait, since it would wait for itself. In a forked process the lock may be held by a thread that the
process does not have. Also, when the interpreter ends, no daemon thread may still be inside the
runtime: Python ends such a thread as soon as it returns from there, and native code then aborts the
process.
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
"""How long the end of the interpreter waits for the calls of daemon threads. A call takes
milliseconds.
"""


class Turns:
    """A session whose calls take turns.

    The lock is re-entrant, so that a thread never waits for itself. `_running`, which changes only
    under the lock, shows whether a call has been interrupted by a signal handler of its own thread.

    Args:
        session: that is used.
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
        """Call `work(session, ...)` while nobody else uses the session.

        Args:
            work: is given the session first.
            args: the other arguments.
            kwargs: the other arguments by name.

        Raises:
            UsageError: the session is closed or belongs to another process; or a signal handler
                calls in the middle of a call of its own thread.
        """
        if os.getpid() != self._process:
            raise UsageError(
                f"this predictor was loaded in another process ({self._process}); load the bundle "
                "again in this one"
            )
        try:
            # No Python code runs between taking the lock and `try`, so a signal handler that raises
            # (Ctrl-C) leaves nothing locked or marked as running.
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
        """Allow no further call, and release the session at once or when the current call has
        ended. Never waits.

        In another process it does nothing: the session belongs to the process that loaded it.
        """
        if os.getpid() != self._process:
            return
        self._closed = True
        self._release()

    def _release(self) -> None:
        # Whoever holds the lock checks `_closed` once more after releasing it, so that somebody
        # always releases the session.
        if not self._lock.acquire(blocking=False):
            return
        try:
            if not self._running and self._session is not None:
                session, self._session = self._session, None
                session.close()
        finally:
            self._lock.release()

    def end(self, until_s: float) -> None:
        """Close, and wait for the call of another thread.

        Args:
            until_s: how long to wait at most, on the monotonic clock.
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
