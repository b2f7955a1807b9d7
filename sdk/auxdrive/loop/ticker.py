"""Ticks at a fixed rate, by absolute times: they do not drift, and one that comes too late is not
made up for by several at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SLICE_S = 0.05
"""The longest sleep before it is looked again whether to stop."""


class Ticker:
    """Waits for one tick after the other. The first is due at once, number k is due k periods
    later, and what is done in it must be done before number k + 1 is due: that is its deadline.

    Attributes:
        missed: deadlines that passed before their tick was done, those of ticks that were left out
            too.

    Args:
        rate_hz: ticks per second.
        clock: gives the time in seconds, and never runs backwards.
        sleep: waits for that many seconds.

    Examples:
        >>> from auxdrive.loop.ticker import Ticker
        >>> ticker = Ticker(rate_hz=50.0)
        >>> late_s = [ticker.wait(lambda: False) for _ in range(3)]
        >>> len(late_s)
        3
    """

    def __init__(
        self,
        rate_hz: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.missed = 0
        self._period_s = 1.0 / rate_hz
        self._clock, self._sleep = clock, sleep
        self._began_s: float | None = None
        self._next = 0

    def wait(self, stopped: Callable[[], bool]) -> float | None:
        """Wait until the next tick is due. One that is due already begins at once, and of several
        the last.

        Args:
            stopped: whether to stop; asked before and while it waits.

        Returns:
            How much later than due it is, in seconds; None where it stopped.
        """
        if self._began_s is None:
            self._began_s = self._clock()
        was_late = self._clock() >= self._due_s(self._next) and self._next > 0
        while (left_s := self._due_s(self._next) - self._clock()) > 0:
            if stopped():
                return None
            self._sleep(min(left_s, SLICE_S))
        if stopped():
            return None
        now_s = self._clock()
        late_s = now_s - self._due_s(self._next)
        left_out = self._left_out(now_s)
        self.missed += left_out + was_late
        self._next += left_out + 1
        return late_s

    def _due_s(self, number: int) -> float:
        assert self._began_s is not None
        return self._began_s + number * self._period_s

    def _left_out(self, now_s: float) -> int:
        """How many ticks from the next one on have their deadline behind them."""
        count = max(int((now_s - self._due_s(self._next)) / self._period_s), 0)
        # the division rounds
        while now_s >= self._due_s(self._next + count + 1):
            count += 1
        while count and now_s < self._due_s(self._next + count):
            count -= 1
        return count
