"""A thread that does what the loop must not wait for: writing, and calling a user's functions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """Hands things to a function, one after the other, in a thread of its own. Handing them over
    never waits: what is too much is dropped.

    Args:
        name: of the thread.
        take: the function; it must not raise.
    """

    def __init__(self, name: str, take: Callable[[T], object]) -> None:
        self._take = take
        self._waiting: SimpleQueue[T | _End] = SimpleQueue()
        # a daemon: a disk or a function that hangs must not keep the process from ending
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def put(self, thing: T, most: int) -> bool:
        """Hand over a thing, or drop it.

        Args:
            thing: that is handed over.
            most: where as many are waiting, it is dropped.

        Returns:
            Whether it was handed over.
        """
        if self._waiting.qsize() >= most:
            return False
        self._waiting.put(thing)
        return True

    def close(self, timeout_s: float) -> bool:
        """Let it finish what is waiting.

        Args:
            timeout_s: how long that may take.

        Returns:
            Whether it is finished.
        """
        self._waiting.put(_END)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while not isinstance(thing := self._waiting.get(), _End):
            self._take(thing)


class _End:
    """Ends the thread."""


_END = _End()
