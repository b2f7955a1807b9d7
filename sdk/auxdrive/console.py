"""What every command prints with: one result as a table or as JSON, progress on standard error, errors without a traceback."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output, and nothing else.")]

stdout = Console(soft_wrap=True)
stderr = Console(stderr=True, soft_wrap=True)


def print_json(result: Mapping[str, Any]) -> None:
    """Print one JSON document; numbers that are not finite become null, since JSON has no others."""
    sys.stdout.write(json.dumps(_finite(result), indent=2, default=str) + "\n")
    sys.stdout.flush()


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def printable(text: str) -> str:
    """The text without what no terminal can show: names of files on Unix may hold bytes that are no UTF-8 (lone surrogates in Python)."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], text: Sequence[str] = ()) -> None:
    """Print a table on standard output. The first column and those named in `text` are flush left, the others are numbers."""
    # Text: names of files may hold what rich would take for markup.
    drawn = Table(title=Text(printable(title)), title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        drawn.add_column(Text(column), justify="left" if index == 0 or column in text else "right")
    for row in rows:
        drawn.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in row))
    stdout.print(drawn)


def note(message: str) -> None:
    """Say something that is not the result (standard error)."""
    stderr.print(printable(message), highlight=False, markup=False)


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[..., None]]:
    """A progress bar on standard error; yields `advance(steps=1, description=None)`. Silent where standard error is no terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(description, total=total)

        def advance(steps: int = 1, description: str | None = None) -> None:
            bar.advance(task, steps)
            if description is not None:
                bar.update(task, description=description)

        yield advance
