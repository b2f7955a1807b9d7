"""`auxdrive compare`: compares results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import auxdrive.console as console
from auxdrive.comparing import COMPARABLES
from auxdrive.console import JsonOption
from auxdrive.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from auxdrive.comparing.record import Comparison

EVERY = "all"


def compare(
    folders: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]PATH...",
            help=(
                f"Folders with results: {', '.join(COMPARABLES)}. Those that differ in the seed "
                "alone are one group; NAME= puts them into one."
            ),
            show_default=False,
        ),
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                f"A metric to show, or '{EVERY}'; may be repeated. By default the main ones; "
                "--json holds all."
            ),
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Of runs: the split that they were measured on (default: test, else val).",
            show_default=False,
        ),
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(help="Of runs: which network (default: student).", show_default=False),
    ] = None,
    plan: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROUTESxREPEATSxSEEDS",
            help="Of drives: the smallest difference that further drives would show with a power "
            "of 80 %, by the scatter of these, such as 30x2x5; may be repeated.",
            show_default=False,
        ),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown in place of tables.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw it into this file: .svg or .png.", show_default=False),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Compare runs, sweeps or drives: means over seeds, paired differences, 95 % intervals."""
    from auxdrive.comparing.compare import compare as compare_results
    from auxdrive.comparing.found import parse_given
    from auxdrive.power import parse_plan

    if markdown and json_output:
        raise UsageError("give --markdown or --json, not both")
    if plot is not None:
        check_plot(plot)
    plans = [parse_plan(text) for text in plan or ()]
    found = compare_results([parse_given(folder) for folder in folders], split, role, plans)
    metrics = _chosen(found, metric or [])
    if plot is not None:
        write_plot(found, metrics, plot)
    if json_output:
        console.print_json(found.model_dump(mode="json"))
    elif markdown:
        show_markdown(found, metrics)
    else:
        show_comparison(found, metrics)
    if plot is not None:
        console.note(f"wrote {plot}")


def show_comparison(found: Comparison, metrics: list[str]) -> None:
    """Print a comparison as tables, with the sentences that the tests allow.

    Args:
        found: the comparison.
        metrics: names of those to show.
    """
    from auxdrive.commands.comparing.tables import (
        PLANNED,
        PLANNED_COLUMNS,
        metric_tables,
        planned_reasons,
        planned_rows,
        settings_rows,
    )

    for table in metric_tables(found, metrics):
        console.table(table.title, table.columns, table.rows)
        for sentence in table.verdicts:
            console.line(sentence)
    if rows := planned_rows(found, metrics):
        console.table(PLANNED, PLANNED_COLUMNS, rows)
        for reason in planned_reasons(found, metrics):
            console.line(reason)
    if found.unequal:
        names = [group.name for group in found.groups]
        console.table("settings that differ", ("", *names), settings_rows(found), text=names)
    for path, reason in found.holes.items():
        console.note(f"missing: {path}: {reason}")
    for note in found.notes:
        console.note(note)


def show_markdown(found: Comparison, metrics: list[str]) -> None:
    """Print a comparison as Markdown.

    Args:
        found: the comparison.
        metrics: names of those to show.
    """
    from auxdrive.commands.comparing.tables import markdown

    for line in markdown(found, metrics).splitlines():
        console.line(line)


def check_plot(path: Path) -> None:
    """Refuse a file that cannot be drawn into, before anything is read.

    Raises:
        UsageError: its name has the wrong ending, or there is no such directory.
    """
    from auxdrive.commands.comparing.plot import SUFFIXES
    from auxdrive.storage.reading import is_folder

    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--plot {path}: give a name that ends with {' or '.join(SUFFIXES)}")
    if not is_folder(path.parent):
        raise UsageError(f"--plot {path}: there is no directory {path.parent}")


def write_plot(found: Comparison, metrics: list[str], path: Path) -> None:
    """Draw a comparison into a file.

    Args:
        found: the comparison.
        metrics: names of those to show.
        path: of the file.
    """
    from auxdrive.commands.comparing.plot import plot as drawn
    from auxdrive.storage.publish import write_atomic

    write_atomic(path, drawn(found, metrics, path))


def _chosen(found: Comparison, names: list[str]) -> list[str]:
    if EVERY in names:
        return list(found.metrics)
    for name in names:
        if name not in found.metrics:
            raise UsageError(unknown_name("metric", name, found.metrics))
    return list(dict.fromkeys(names)) or list(found.main_metrics)
