"""`auxdrive export`: a run's student as a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from auxdrive import console
from auxdrive.commands.completing import some_of
from auxdrive.commands.named_values import values_of
from auxdrive.console import JsonOption
from auxdrive.errors import CheckFailed
from auxdrive.mistakes import mistakes_of
from auxdrive.precisions import FP32, PRECISIONS

if TYPE_CHECKING:
    from auxdrive.cards import ModelCard, OodSpec

    from auxdrive_deploy.precisions.making import PrecisionReport
    from auxdrive_deploy.precisions.plan import PrecisionPlan


def export(
    run: Annotated[
        Path,
        typer.Argument(
            help="The run: a directory that `auxdrive train` wrote, or that of rounds of DAgger, "
            "of which the chosen run is exported.",
            show_default=False,
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
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Further precisions, of fp16 and int8; one that fails its gates is left out.",
            show_default=False,
            autocompletion=some_of([each for each in PRECISIONS if each != FP32]),
        ),
    ] = None,
    calibrate: Annotated[
        int, typer.Option(min=1, max=4096, help="Recorded frames that give the ranges of int8.")
    ] = 128,
    drive: Annotated[
        int,
        typer.Option(
            min=0, help="Routes to drive in fp32 and in each precision, as a further gate."
        ),
    ] = 0,
    gate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Another limit for precisions: worst, mean (in the task's unit), "
            "accuracy_points, driving_points; may be repeated.",
            show_default=False,
        ),
    ] = None,
    ood: Annotated[
        bool,
        typer.Option(
            "--ood/--no-ood",
            help="Fit an out-of-distribution score, where the run's data are at hand.",
        ),
    ] = True,
    json_output: JsonOption = False,
) -> None:
    """Export a run's student as a bundle: ONNX graph, card, reference frames. The exit code is 1 if
    graph and student differ, or if a precision fails its gates (the bundle is then without it).
    """
    from auxdrive.bundles import Bundle
    from auxdrive.errors import UsageError
    from auxdrive.storage.reading import is_folder

    if not is_folder(run):
        raise UsageError(f"{run}: no such run; `auxdrive train --out {run}` makes one")
    from auxdrive_train.engine.load import load_run

    from auxdrive_deploy.bundle_writer import write_bundle

    plan = _plan(precision, calibrate, drive, gate)
    reports: list[PrecisionReport] = []
    card = write_bundle(
        load_run(run), out, name, cast_first, console.progress, plan, reports.append, ood
    )
    card_sha256 = Bundle.open(out).card_sha256
    if json_output:
        console.print_json(
            {
                "bundle": str(out),
                "card_sha256": card_sha256,
                "card": card.model_dump(mode="json"),
                "precisions": [report.model_dump(mode="json") for report in reports],
            }
        )
    else:
        _show(card, card_sha256, out)
        for report in reports:
            _show_precision(report)
    if failed := [report.failed for report in reports if not report.passed]:
        raise CheckFailed(f"{out} was written without what failed its gates. {'. '.join(failed)}")


def _plan(
    precision: str | None, calibrate: int, drive: int, gate: Sequence[str] | None
) -> PrecisionPlan | None:
    from auxdrive.errors import UsageError
    from pydantic import ValidationError

    from auxdrive_deploy.precisions.plan import PrecisionPlan

    gates = values_of("--gate", gate, "worst=0.5")
    if precision is None:
        if drive or gates:
            raise UsageError("--drive and --gate are for other precisions: give --precision")
        return None
    names = tuple(name.strip() for name in precision.split(","))
    try:
        return PrecisionPlan.model_validate(
            {"precisions": names, "calibrate": calibrate, "drive": drive, "gates": gates}
        )
    except ValidationError as error:
        raise UsageError("; ".join(mistakes_of(error, PrecisionPlan))) from None


def _show_precision(report: PrecisionReport) -> None:
    console.table(
        f"{report.precision}: {'in the bundle' if report.passed else 'rejected'}",
        ("gate", "result", "value", "limit", "unit", "samples"),
        [
            (
                each.name,
                "pass" if each.passed else "FAIL",
                f"{each.value:.3g}",
                f"{each.limit:g}",
                each.unit,
                str(each.samples),
            )
            for each in report.gates
        ],
        text=("result", "unit"),
    )
    if not report.passed:
        console.table(
            f"{report.precision}: noise of each layer",
            ("tensor", "weights", "signal to noise, dB"),
            [(each.tensor, each.weights, f"{each.snr_db:.1f}") for each in report.layers],
            text=("weights",),
        )
    if report.float_layers:
        console.note(f"{report.precision}: left in float32: {', '.join(report.float_layers)}")


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
        ("out of distribution", _ood(card.ood)),
        *(
            (f"out of distribution, {name}", _ood(spec.ood))
            for name, spec in card.precisions.items()
        ),
        *(
            (metric, f"{value.value:.4g} {value.unit}".rstrip())
            for metric, value in card.metrics.items()
        ),
    ]
    console.table(f"{card.name}: {out}", ("", "value"), rows)


def _ood(ood: OodSpec | None) -> str:
    if ood is None:
        return "no score"
    flagged = "".join(f", {share:.1%} of '{split}'" for split, share in ood.flagged.items())
    return (
        f"flagged above {ood.threshold:.4g}: {ood.false_alarms:.0%} of {ood.held_out} held-out "
        f"frames{flagged}"
    )
