"""`auxdrive export`: a run's student as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from auxdrive import console
from auxdrive.console import JsonOption

if TYPE_CHECKING:
    from auxdrive.cards import ModelCard


def export(
    run: Annotated[
        Path,
        typer.Argument(
            help="The run: a directory that `auxdrive train` wrote.", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The bundle's directory; must not exist yet.", show_default=False)
    ],
    name: Annotated[
        str | None,
        typer.Option(
            help="The model's name in the card; by default the run's.", show_default=False
        ),
    ] = None,
    cast_first: Annotated[
        bool,
        typer.Option(
            "--cast-first",
            help=("Write the graph as TensorRT needs it; on a CPU, large images then take longer."),
        ),
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Export a run's student as a bundle: ONNX graph, card, reference frames. The exit code is 1 if
    graph and student differ.
    """
    from auxdrive.bundles import Bundle
    from auxdrive.errors import UsageError
    from auxdrive.storage.reading import is_folder

    if not is_folder(run):
        raise UsageError(f"{run}: no such run; `auxdrive train --out {run}` makes one")
    from auxdrive_train.engine.load import load_run

    from auxdrive_deploy.bundle_writer import write_bundle

    card = write_bundle(load_run(run), out, name, cast_first, console.progress)
    card_sha256 = Bundle.open(out).card_sha256
    if json_output:
        console.print_json(
            {"bundle": str(out), "card_sha256": card_sha256, "card": card.model_dump(mode="json")}
        )
    else:
        _show(card, card_sha256, out)


def _show(card: ModelCard, card_sha256: str, out: Path) -> None:
    parity = card.parity
    rows = [
        ("SHA-256 of the card", card_sha256),
        ("task", card.task),
        ("inputs", ", ".join(spec.name for spec in card.inputs)),
        ("camera", f"{card.camera.width} x {card.camera.height}"),
        (
            f"parity, {parity.frames} frames",
            f"{parity.measured:.2g} {parity.unit} (limit {parity.limit:g})",
        ),
        ("negative control", f"{parity.negative_control:.3g} {parity.unit}"),
        *(
            (metric, f"{value.value:.4g} {value.unit}".rstrip())
            for metric, value in card.metrics.items()
        ),
    ]
    console.table(f"{card.name}: {out}", ("", "value"), rows)
