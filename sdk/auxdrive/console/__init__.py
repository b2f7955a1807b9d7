"""How commands print: results as tables or JSON on standard output, progress on standard error,
errors without a traceback.

Text that may hold a name from a file, a card or a folder goes through `printable`: control
characters in it could move the cursor, colour or hide other text, or reverse the order of what
follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

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
    """Print a result as a JSON document in ASCII. Numbers that are not finite become null."""
    from auxdrive.strict import dump_json  # with pydantic, which most of the command line needs not

    write_result(dump_json(result).decode("ascii"))


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], text: Sequence[str] = ()
) -> None:
    """Print a table on standard output.

    Args:
        title: of the table.
        columns: their heads.
        rows: a cell for each column; None for an empty one.
        text: heads of the columns that are aligned left, as the first always is. The others hold
            numbers and are aligned right.
    """
    # As `Text`, since rich would take parts of some file names for markup.
    drawn = Table(title=Text(printable(title)), title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        heading = Text("\n".join(map(printable, column.split("\n"))))
        side: Literal["left", "right"] = "left" if index == 0 or column in text else "right"
        drawn.add_column(heading, justify=side, overflow="fold")  # nothing is cut off
    for row in rows:
        drawn.add_row(*(Text("" if cell is None else message(str(cell))) for cell in row))
    with result_written():
        stdout.print(drawn)


def line(text: str) -> None:
    """Print a line of the result on standard output. It may hold any characters."""
    write_result(message(text) + "\n")
