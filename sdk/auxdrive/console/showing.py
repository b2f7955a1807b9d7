"""Shows the progress of work on standard error: as a line for each finished unit, or as a moving
bar on a terminal. Both give the time that is left at the pace so far.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from auxdrive.console import speech
from auxdrive.work import Pace, Shown, Work, counted, duration

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live

LINE_EVERY_S = 30.0
"""Without a terminal, how often a line is printed for units that are many or take long."""
_WIDEST_BAR, _NARROWEST_WITH_BAR = 24, 30
_REFRESHED_HZ = 4


@contextmanager
def progress(work: Work) -> Iterator[Shown]:
    """Show the progress of a work within the `with` block (a `auxdrive.work.ShowProgress`). With
    --quiet nothing is shown.
    """
    if not speech.is_shown(speech.NORMAL):
        yield _Row(work)
    elif speech.on_terminal():
        with _BARS.one_more(_Row(work)) as row:
            yield row
    else:
        speech.note(f"{work.name}{_of_how_many(work)}")
        lines = _Lines(work)
        yield lines
        lines.say_found()


def _of_how_many(work: Work) -> str:
    return "" if work.total is None else f": {counted(work.total, work.unit)}"


class _Row:
    """The progress of a work as a line of text."""

    def __init__(self, work: Work) -> None:
        self.work, self.pace = work, Pace(work)
        self._details: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def done(self, count: int = 1, *details: str, effort: float | None = None) -> None:
        with self._lock:
            self.pace.done(count, effort)
            self._details = details or self._details

    def found(self, count: int, effort: float | None = None) -> None:
        with self._lock:
            self.pace.found(count, effort)

    def within(self, share: float, effort: float | None = None) -> None:
        with self._lock:
            self.pace.within(share, effort)

    def expect(self, total: int) -> None:
        with self._lock:
            self.pace.total = total

    def text(self, *further: str) -> str:
        """The line: count, time, and the details of the last unit.

        Args:
            further: added at the end.
        """
        with self._lock:
            pace, unit = self.pace, self.work.unit
            of = "" if pace.total is None else f"/{pace.total}"
            if pace.is_over:
                spent = f"took {duration(pace.elapsed_s())}"
            else:
                left_s = pace.left_s()
                spent = "" if left_s is None else f"{duration(left_s)} left"
            words = (f"{unit} {pace.finished}{of}", *further, spent, *self._details)
        return speech.separator().join(filter(None, words))


class _Lines(_Row):
    """Prints progress as lines: one for each unit, or now and then where the units are many."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._said_s = time.monotonic()
        self._found = 0

    def done(self, count: int = 1, *details: str, effort: float | None = None) -> None:
        self.say_found()
        super().done(count, *details, effort=effort)
        if not self.work.many or self.pace.is_over:
            self._say()
        else:
            self._say_at_times()

    def within(self, share: float, effort: float | None = None) -> None:
        super().within(share, effort)
        if 0 < share < 1:
            self._say_at_times(f"{share:.0%} of the next")

    def found(self, count: int, effort: float | None = None) -> None:
        super().found(count, effort)
        self._found += count

    def say_found(self) -> None:
        """Once, with the first news of others: they may be found one by one."""
        if self._found:
            verb = "was" if self._found == 1 else "were"
            speech.note(f"{self._found} of them {verb} there already")
        self._found = 0

    def _say(self, *further: str) -> None:
        self._said_s = time.monotonic()
        speech.note(self.text(*further))

    def _say_at_times(self, *further: str) -> None:
        if time.monotonic() - self._said_s >= LINE_EVERY_S:
            self._say(*further)


class _Bars:
    """The bars of all works that are in progress, one below the other on the terminal."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._live: Live | None = None
        self._lock = threading.Lock()

    @contextmanager
    def one_more(self, row: _Row) -> Iterator[_Row]:
        """Show a row within the `with` block. At its end the row stays above the bars as it was."""
        from rich.live import Live

        with self._lock:
            self._rows.append(row)
            if self._live is None:
                self._live = Live(
                    self, console=speech.stderr, refresh_per_second=_REFRESHED_HZ,
                    redirect_stdout=False, transient=True,
                )  # fmt: skip
                with suppress(OSError):  # standard error cannot be written to
                    self._live.start()
        try:
            yield row
        finally:
            with self._lock:
                self._rows.remove(row)
                if not self._rows:
                    live, self._live = self._live, None
                    with suppress(OSError):
                        live.stop()
            speech.note(f"{row.work.name}: {row.text()}")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.progress_bar import ProgressBar
        from rich.segment import Segment

        for row in tuple(self._rows):
            width = options.max_width
            if width >= _NARROWEST_WITH_BAR and row.pace.total:
                bar = min(width // 4, _WIDEST_BAR)
                drawn = ProgressBar(total=1.0, completed=row.pace.part, width=bar)
                yield from console.render(drawn, options.update_width(bar))
                yield Segment(" ")
                width -= bar + 1
            yield Segment(speech.shortened(row.text(), width))
            yield Segment.line()


_BARS = _Bars()
