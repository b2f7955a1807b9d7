"""Stops the loop on SIGTERM and SIGINT."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def stopped_by_signals(stop: Callable[[str], object]) -> Iterator[None]:
    """Within the `with` block, SIGTERM and SIGINT stop the loop in place of what they did before.
    The second SIGINT does that again: with Ctrl-C twice a loop ends whose callback hangs.

    Nothing is done in another than the main thread, where Python allows no handlers, and for a
    signal that is ignored.

    Args:
        stop: is called in the handler with the signal's name, and must only remember it.
    """
    before: dict[int, Any] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGINT:
            signal.signal(number, before[number])
        stop(signal.Signals(number).name)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            earlier = signal.getsignal(number)
            # None: it was set by no Python code, and could not be set again
            if earlier not in (signal.SIG_IGN, None):
                before[number] = earlier
                signal.signal(number, handle)
    try:
        yield
    finally:
        for changed, earlier in before.items():
            signal.signal(changed, earlier)
