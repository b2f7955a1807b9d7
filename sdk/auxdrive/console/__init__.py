"""What every command prints with: one result as a table or as JSON, progress on standard error,
errors without a traceback.

Whatever may hold a name from a file, a card or a folder goes through `printable`: control
characters could move the cursor, colour or hide what stands above, or turn round the order of what
follows.
"""

from __future__ import annotations

import logging
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from auxdrive.console.standard_streams import keep_for_result, let_go, result_written, write_result
from auxdrive.logs import logged_to

LINE_EVERY_S = 10.0
"""How often progress is told where there is no terminal to draw a bar on."""
# Joiners belong to words and emoji; every other character that is not seen itself is shown as its
# escape.
_JOINERS = "\u200c\u200d"
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _alone(wanted: bool) -> bool:
    if wanted:
        keep_for_result()
    return wanted


JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        callback=_alone,
        help="Print the result as JSON on standard output, and nothing else.",
    ),
]


class _Console(Console):
    """Rich's, which takes every stream for UTF-8 and ends the process with exit code 1 where nobody
    reads on.
    """

    @property
    def encoding(self) -> str:
        """That of the stream: where it has no lines to draw with, tables are drawn in ASCII."""
        return (getattr(self.file, "encoding", None) or "utf-8").lower()

    def on_broken_pipe(self) -> None:
        """What else is said goes nowhere."""
        let_go(self.file)


stdout = _Console(soft_wrap=True)
stderr = _Console(stderr=True, soft_wrap=True)


def print_json(result: Mapping[str, Any]) -> None:
    """Print one JSON document (`auxdrive.strict.dump_json`): in ASCII, with null for numbers that
    are not finite.
    """
    from auxdrive.strict import dump_json  # with pydantic, which most of the command line needs not

    write_result(dump_json(result).decode("ascii"))


def printable(text: str) -> str:
    """The text with every character that is not seen as its escape: control characters and line
    breaks, those that change the direction of writing or hide, and lone surrogates (names of files
    on Unix may hold bytes that are no UTF-8).
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_escape, text))


def _message(text: str) -> str:
    """The same, with its line breaks. Further lines are indented, so that no name in it can begin a
    message of its own.
    """
    first, *others = map(printable, text.split("\n"))
    return "\n".join([first, *(line if line[:1] in ("", " ") else f"  {line}" for line in others)])


def _escape(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN or character in _JOINERS:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], text: Sequence[str] = ()
) -> None:
    """Print a table on standard output. The first column and those named in `text` are flush left,
    the others are numbers.
    """
    # Text: names of files may hold what rich would take for markup.
    drawn = Table(title=Text(printable(title)), title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        heading = Text("\n".join(map(printable, column.split("\n"))))
        drawn.add_column(heading, justify="left" if index == 0 or column in text else "right")
    for row in rows:
        drawn.add_row(*(Text("" if cell is None else _message(str(cell))) for cell in row))
    with result_written():
        stdout.print(drawn)


def line(message: str) -> None:
    """Print a line of the result on standard output."""
    write_result(_message(message) + "\n")


def note(message: str, style: str = "") -> None:
    """Say something that is not the result (standard error). Where that cannot be written there is
    nowhere to say so.
    """
    with suppress(OSError):
        stderr.print(Text(_message(message), style=style), highlight=False)


def error(message: str) -> None:
    """Say why a command ends (standard error)."""
    note(f"error: {message}", style="red")


class _Notes(logging.Handler):
    """Says what is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())


@contextmanager
def log_shown() -> Iterator[None]:
    """Say what auxdrive's packages log meanwhile, as `note` does."""
    with logged_to(_Notes()):
        yield


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[..., None]]:
    """A progress bar on standard error; yields `advance(steps=1, description=None)`.

    Where standard error is no terminal, a new description is a line of its own, at most one in ten
    seconds.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=stderr, redirect_stdout=False, disable=not stderr.is_terminal
    ) as bar:
        task = bar.add_task(printable(description), total=total)

        told_s = time.monotonic()

        def advance(steps: int = 1, description: str | None = None) -> None:
            nonlocal told_s
            bar.advance(task, steps)
            if description is not None:
                bar.update(task, description=printable(description))
                if not stderr.is_terminal and time.monotonic() - told_s >= LINE_EVERY_S:
                    told_s = time.monotonic()
                    note(description)

        yield advance
