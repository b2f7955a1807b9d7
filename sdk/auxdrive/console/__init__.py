"""What every command prints with: one result as a table or as JSON, progress on standard error,
errors without a traceback.

Whatever may hold a name from a file, a card or a folder goes through `printable`: control
characters could move the cursor, colour or hide what stands above, or turn round the order of what
follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from auxdrive.console.showing import progress
from auxdrive.console.speech import (
    NORMAL,
    QUIET,
    VERBOSE,
    error,
    interruptible,
    log_shown,
    message,
    note,
    printable,
    speak_from,
    spoken_from,
    stderr,
    stdout,
)
from auxdrive.console.standard_streams import keep_for_result, result_written, write_result

__all__ = [
    "NORMAL", "QUIET", "VERBOSE", "JsonOption", "error", "interruptible",
    "line", "log_shown", "note",
    "print_json", "printable", "progress", "speak_from", "spoken_from", "stderr", "stdout", "table",
]  # fmt: skip


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


def print_json(result: Mapping[str, Any]) -> None:
    """Print one JSON document (`auxdrive.strict.dump_json`): in ASCII, with null for numbers that
    are not finite.
    """
    from auxdrive.strict import dump_json  # with pydantic, which most of the command line needs not

    write_result(dump_json(result).decode("ascii"))


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
        drawn.add_row(*(Text("" if cell is None else message(str(cell))) for cell in row))
    with result_written():
        stdout.print(drawn)


def line(text: str) -> None:
    """Print a line of the result on standard output."""
    write_result(message(text) + "\n")
