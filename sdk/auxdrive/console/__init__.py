"""How commands print: results as tables or JSON on standard output, progress on standard error,
errors without a traceback.

Text that may hold a name from a file, a card or a folder goes through `printable`: control
characters in it could move the cursor, colour or hide other text, or reverse the order of what
follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

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
from auxdrive.console.standard_streams import keep_for_result, write_result
from auxdrive.console.tables import table

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


def line(text: str) -> None:
    """Print a line of the result on standard output. It may hold any characters."""
    write_result(message(text) + "\n")
