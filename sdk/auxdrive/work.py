"""The progress of work that takes long. The library prints nothing: it reports progress to a
callback (`ShowProgress`). `auxdrive.console.progress` shows it on standard error, `no_progress`
nowhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work that takes long, such as a training, and what its progress is counted in.

    Attributes:
        name: what is done: "training samd".
        unit: what is counted, in the singular: "epoch", "episode", "route".
        total: how many units there are; None where that is not known.
        at_once: how many units are worked on at the same time.
        many: whether the units are too many and too short for a line each.
        effort: where units differ in how long they take, the effort of all of them together, in any
            unit. None where all units take about as long.

    Examples:
        >>> from auxdrive import Work
        >>> Work("driving", "route", total=10, at_once=2).total
        10
    """

    name: str
    unit: str
    total: int | None = None
    at_once: int = 1
    many: bool = False
    effort: float | None = None


class Shown(Protocol):
    """The progress of a work, as whoever does the work reports it. `auxdrive.console.progress`
    shows it; another display is a context manager of your own that takes the `Work`.

    Examples:
        >>> from contextlib import contextmanager
        >>> from auxdrive import Work
        >>> class Counted:
        ...     finished = 0
        ...     def done(self, count=1, *details, effort=None):
        ...         self.finished += count
        ...     def found(self, count, effort=None): ...
        ...     def within(self, share, effort=None): ...
        ...     def expect(self, total): ...
        >>> @contextmanager
        ... def counted(work):
        ...     shown = Counted()
        ...     yield shown
        ...     print(f"{work.name}: {shown.finished} of {work.total} {work.unit}s")
        >>> with counted(Work("training", "epoch", total=2)) as shown:
        ...     shown.done(2, "loss 0.1")
        training: 2 of 2 epochs
    """

    def done(self, count: int = 1, *details: str, effort: float | None = None) -> None:
        """Report units that were finished.

        Args:
            count: how many.
            details: their results, in a few words each.
            effort: of these units, where the work counts effort.
        """

    def found(self, count: int, effort: float | None = None) -> None:
        """Report units that were finished before, as in an earlier run. They do not count for the
        estimate of the time that is left.

        Args:
            count: how many.
            effort: of these units, where the work counts effort.
        """

    def within(self, share: float, effort: float | None = None) -> None:
        """Report how far the current unit is.

        Args:
            share: of it that is done, 0 to 1.
            effort: of the whole unit, where the work counts effort.
        """

    def expect(self, total: int) -> None:
        """Report how many units there are in all, where that was not known at first."""


ShowProgress = Callable[[Work], AbstractContextManager[Shown]]
"""Opens the display of a work, a context manager that lasts as long as the work."""


class Unseen:
    """Progress that is not shown."""

    def done(self, count: int = 1, *details: str, effort: float | None = None) -> None: ...

    def found(self, count: int, effort: float | None = None) -> None: ...

    def within(self, share: float, effort: float | None = None) -> None: ...

    def expect(self, total: int) -> None: ...


@contextmanager
def no_progress(work: Work) -> Iterator[Shown]:
    """A `ShowProgress` that shows nothing."""
    del work
    yield Unseen()


class Pace:
    """How far a work is, and how long the rest will take at the pace so far. Its methods `found`,
    `done` and `within` are those of `Shown`.

    Args:
        work: whose progress it is.
        clock: gives the time in seconds.

    Examples:
        >>> from auxdrive.work import Pace, Work
        >>> times = iter([0.0, 30.0, 30.0])
        >>> pace = Pace(Work("training", "epoch", total=4), lambda: next(times))
        >>> pace.done(1)
        >>> pace.left_s()
        90.0
    """

    def __init__(self, work: Work, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.finished, self.share = work.total, 0, 0.0
        self._work, self._clock = work, clock
        self._effort = self._effort_here = self._under_way = 0.0
        self._began_s = self._estimated_at_s = clock()
        self._left_s: float | None = None

    def found(self, count: int, effort: float | None = None) -> None:
        """Units were finished before the work began.

        Args:
            count: how many.
            effort: of these units; None where the work counts no effort.
        """
        self.finished += count
        self._effort += count if effort is None else effort

    def done(self, count: int, effort: float | None = None) -> None:
        """Units were finished.

        Args:
            count: how many.
            effort: of these units; None where the work counts no effort.
        """
        self.found(count, effort)
        self._effort_here += count if effort is None else effort
        self.share = self._under_way = 0.0
        self._estimate()

    def within(self, share: float, effort: float | None = None) -> None:
        """A share of the current unit is done.

        Args:
            share: 0 to 1.
            effort: of the whole unit; None where the work counts no effort.
        """
        self.share = min(max(share, 0.0), 1.0)
        self._under_way = self.share * (1.0 if effort is None else effort)
        self._estimate()

    @property
    def is_over(self) -> bool:
        """Whether every unit is finished."""
        return self.total is not None and self.finished >= self.total

    @property
    def part(self) -> float:
        """The share of the whole work that is done, 0 to 1; 0 where the total is not known."""
        whole = self._whole
        return min((self._effort + self._under_way) / whole, 1.0) if whole else 0.0

    @property
    def _whole(self) -> float | None:
        return self.total if self._work.effort is None else self._work.effort

    def elapsed_s(self) -> float:
        """Seconds since the work began."""
        return self._clock() - self._began_s

    def left_s(self) -> float | None:
        """Seconds until the work is done: the estimate of the last report less the time since then.
        None before the first report, or where the total is not known.

        A unit that takes longer than expected does not make the others shorter: the estimate stays
        above what they take.
        """
        if self._left_s is None or self.total is None:
            return None
        units = max(self.total - self.finished, 1)
        since_s = self._clock() - self._estimated_at_s
        return max(self._left_s - since_s, self._left_s * (units - 1) / units)

    def _estimate(self) -> None:
        """Estimate the time that is left. Where several units are worked on at the same time, each
        is taken to be half done.
        """
        whole = self._whole
        if whole is None or not (self._effort_here or self._under_way):
            return
        under_way = self._under_way
        if self._work.at_once > 1 and self._work.effort is None:
            under_way = min(self._work.at_once - 1, max(whole - self._effort, 0)) / 2
        now_s = self._clock()
        done = self._effort_here + under_way
        left = max(whole - self._effort - under_way, 0.0)
        self._estimated_at_s, self._left_s = now_s, (now_s - self._began_s) * left / done


def counted(number: int, unit: str) -> str:
    """A number with what it counts, one or several.

    Args:
        number: how many.
        unit: in the singular.

    Examples:
        >>> from auxdrive.work import counted
        >>> counted(1, "route"), counted(2, "route")
        ('1 route', '2 routes')
    """
    return f"{number} {unit}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A duration in words: "40 s", "12 min", "3 h 05 min", "2 d 4 h".

    Examples:
        >>> from auxdrive.work import duration
        >>> duration(3900)
        '1 h 05 min'
    """
    if seconds < MINUTE_S - 0.5:
        return f"{max(seconds, 0):.0f} s"
    if seconds < HOUR_S - MINUTE_S / 2:
        return f"{seconds / MINUTE_S:.0f} min"
    if seconds < 2 * DAY_S:
        hours, minutes = divmod(round(seconds / MINUTE_S), 60)
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(round(seconds / HOUR_S), 24)
    return f"{days} d {hours} h"
