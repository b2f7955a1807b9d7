"""`auxdrive probe`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from auxdrive import console
from auxdrive.console import JsonOption

if TYPE_CHECKING:
    from auxdrive_train.evaluation.probe import Probes


def probe(
    run: Annotated[Path, typer.Argument(help="A run.", show_default=False)],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Where the data are that it was trained on, if they were moved; may be repeated.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str, typer.Option(help="The split to measure on; val is the run's validation part.")
    ] = "val",
    json_output: JsonOption = False,
) -> None:
    """Measure how much each encoder of a run tells a linear head."""
    from auxdrive_train.evaluation.probe import probe as measure

    found = measure(run, data or (), split, console.progress)
    if json_output:
        console.print_json(found.model_dump(mode="json"))
        return
    _show(found)


def _show(found: Probes) -> None:
    from auxdrive.inspection.metric_tables import rounded

    main = found.main_metric
    rows = [
        (
            each.role,
            each.encoder,
            each.width,
            rounded(each.probe.get(main)),
            rounded(each.head.get(main)),
        )
        for each in found.encoders
    ]
    console.table(
        f"{main} on the split '{found.split}' of {found.run} ({found.method})",
        ("role", "encoder", "features", "linear probe", "its own head"),
        rows,
    )
    for kind, metrics in found.floor.items():
        console.note(f"({kind}): {rounded(metrics.get(main))}, without any encoder")
    console.note(
        f"linear heads on features and inputs beside the image, fitted to {found.fitted} training "
        f"frames, measured on {found.measured}"
    )
