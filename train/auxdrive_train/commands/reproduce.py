"""`auxdrive reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from auxdrive import console
from auxdrive.commands.completing import one_of
from auxdrive.console import JsonOption

from auxdrive_train.reproduce import REPRODUCTIONS

if TYPE_CHECKING:
    from auxdrive_train.reproduce.findings import Findings


def reproduce(
    name: Annotated[
        str,
        typer.Argument(
            help=f"Which: all, or one of {', '.join(REPRODUCTIONS)}.",
            autocompletion=one_of(REPRODUCTIONS),
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Where data, runs, findings.json and page.html go.")
    ] = Path("reproduce"),
    budget: Annotated[
        str,
        typer.Option(help="quick (about five minutes), standard (an hour), or full, on 2 cores."),
    ] = "quick",
    data: Annotated[
        Path | None,
        typer.Option(help="What a reproduction is made of that needs files.", show_default=False),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            min=1, help="How many runs train side by side; the results do not depend on it."
        ),
    ] = 1,
    json_output: JsonOption = False,
) -> None:
    """Repeat a table of a paper, and say which of its claims hold."""
    from auxdrive.errors import UsageError, unknown_name

    from auxdrive_train.reproduce.base import Workshop
    from auxdrive_train.reproduce.findings import BUDGETS
    from auxdrive_train.reproduce.running import names_of
    from auxdrive_train.reproduce.running import reproduce as run

    if budget not in BUDGETS:
        raise UsageError(unknown_name("budget", budget, BUDGETS))
    names = names_of(name)
    stays = f"what is trained is in {out}, and the same command goes on"
    workshop = Workshop(out, budget, data, workers, progress=console.progress)
    with console.interruptible(lambda: stays):
        found = run(names, workshop)
    if json_output:
        console.print_json({each.name: each.model_dump(mode="json") for each in found})
        return
    for each in found:
        _show(each, out)


def _show(found: Findings, out: Path) -> None:
    from auxdrive_train.reproduce.page import CLAIMS, FIGURES, claim_row, figure_row
    from auxdrive_train.reproduce.running import PAGE

    console.table(found.title, FIGURES, [figure_row(each) for each in found.figures])
    console.table("claims", CLAIMS, [claim_row(each) for each in found.claims])
    for note in found.notes:
        console.note(note)
    console.note(f"page: {out / f'{found.name}-{found.budget}' / PAGE}")
