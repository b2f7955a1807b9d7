"""`auxdrive inspect`: what a folder of auxdrive is, and what is broken in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import auxdrive.console as console
from auxdrive.console import JsonOption
from auxdrive.errors import CheckFailed, UsageError
from auxdrive.storage.reading import is_folder

if TYPE_CHECKING:
    from auxdrive.inspection.base import Inspection, Summary


def inspect(
    path: Annotated[
        Path,
        typer.Argument(
            help="The directory of a data set, a bundle, a run, a sweep, a drive or its route, or "
            "of rounds of DAgger.",
            show_default=False,
        ),
    ],
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write the page of a data set or a run, with images, to this file.",
            show_default=False,
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Say what a data set, a bundle, a run, a sweep or a drive is, and what is broken in it; the
    exit code is 1 where something is.
    """
    if not is_folder(path):
        raise UsageError(f"{path}: no such directory")
    kind = _kind_of(path)
    if html is not None:
        _check_page(html, kind, path)
    summary = kind.summarise(path)
    if html is not None and kind.page is not None:
        _write_page(html, kind.page(path, summary))
    if json_output:
        console.print_json(summary)
    else:
        _show(kind, summary)
        if html is not None:
            console.note(f"wrote {html}")
    if summary["broken"]:
        raise CheckFailed(
            f"{path}: {len(summary['broken'])} thing(s) are broken, beginning with: "
            f"{summary['broken'][0]}"
        )


def _check_page(html: Path, kind: Inspection, path: Path) -> None:
    """Refuse a page that cannot be written, before the folder is read.

    Args:
        html: the page's file.
        kind: of the folder.
        path: the folder.

    Raises:
        UsageError: folders of this kind have no page, or there is no directory for it.
    """
    if kind.page is None:
        raise UsageError(
            f"--html {html}: {path} is a {kind.what}, which has no page"
            f"{f': {kind.no_page}' if kind.no_page else ''}"
        )
    if not is_folder(html.parent):
        raise UsageError(f"--html {html}: there is no directory {html.parent}")


def _write_page(html: Path, text: str) -> None:
    from auxdrive.html.document import encoded
    from auxdrive.storage.publish import write_atomic

    write_atomic(html, encoded(text))


def _show(kind: Inspection, summary: Summary) -> None:
    from auxdrive.inspection.findings import shown

    kind.show(summary)
    for finding, said in (("broken", "broken"), ("doubts", "doubtful")):
        for line in shown(summary[finding]):
            console.note(f"{said}: {line}")


def _kind_of(path: Path) -> Inspection:
    """The kind of a folder, the first in the table that fits.

    Raises:
        UsageError: none fits. The message names kinds that cannot be loaded.
    """
    from auxdrive.inspection import INSPECTIONS

    found, tried, unusable = INSPECTIONS.first(lambda kind: kind.holds(path))
    if found is not None:
        return found
    others = [f"no {kind.what} ({kind.known_by})" for kind in tried]
    reasons = "".join(f". {error}" for error in unusable)
    raise UsageError(f"{path}: {', '.join(others[:-1])} and {others[-1]}{reasons}")
