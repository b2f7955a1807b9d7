"""`auxdrive diagnose`: why a driver lost its points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import auxdrive.console as console
import typer
from auxdrive.console import JsonOption

if TYPE_CHECKING:
    from auxdrive_eval.diagnosis.diagnose import Diagnosed
    from auxdrive_eval.diagnosis.record import Diagnosis


def diagnose(
    drives: Annotated[
        list[Path],
        typer.Argument(
            metavar="DRIVE",
            help="One or more folders that `auxdrive drive` filled; their counts stand side by "
            "side.",
            show_default=False,
        ),
    ],
    driver: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="BUNDLE|RUN",
            help="Who drove, for drives that kept no controls; may be repeated. Each drive finds "
            "its own by its hash.",
            show_default=False,
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Take drives apart: every infraction and every stop, sorted into kinds, and what they cost.

    The routes are driven again up to their events, in the drive's own simulator. In each drive's
    folder diagnosis.json and diagnosis.html, a page with film strips, are written.
    """
    from auxdrive_eval.diagnosis.diagnose import diagnose as taken_apart
    from auxdrive_eval.diagnosis.diagnose import write_diagnosis
    from auxdrive_eval.diagnosis.page.page import write_page

    done = []
    for path in drives:
        diagnosed = taken_apart(path, driver or (), progress=console.progress)
        write_diagnosis(diagnosed)
        done.append(diagnosed)
    pages = [write_page(each, [other.diagnosis for other in done]) for each in done]
    if json_output:
        told = [each.diagnosis.model_dump(mode="json") for each in done]
        console.print_json({"drives": told})
    else:
        _print_tables(done)
    for each, page in zip(done, pages, strict=True):
        for note in each.diagnosis.notes:
            console.note(f"{each.diagnosis.path}: {note}")
        console.note(f"page: {page}")


def _print_tables(done: list[Diagnosed]) -> None:
    from auxdrive_eval.diagnosis.page.tables import CASE_COLUMNS, case_rows, cost_table

    diagnoses: list[Diagnosis] = [each.diagnosis for each in done]
    for diagnosis in (each for each in diagnoses if each.cases):
        console.table(
            f"{diagnosis.path}: infractions and stops",
            CASE_COLUMNS,
            case_rows(diagnosis),
            text=("route", "what", "kind"),
        )
    table = cost_table(diagnoses)
    console.table(
        "what the kinds cost: points of driving score in the mean over the drives, and how many "
        "infractions + stops",
        table.columns,
        table.rows,
    )
    for line in table.below:
        console.line(line)
