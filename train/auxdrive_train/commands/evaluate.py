"""`auxdrive evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from auxdrive import console
from auxdrive.commands.runtime_options import RuntimeOptionsOption, parsed_runtime_options
from auxdrive.console import JsonOption
from auxdrive.runtimes import DEFAULT_RUNTIME

if TYPE_CHECKING:
    from auxdrive.runs import Metrics

    from auxdrive_train.evaluation.evaluate import Evaluation


def evaluate(
    model: Annotated[Path, typer.Argument(help="A run or a bundle.", show_default=False)],
    data: Annotated[
        list[Path],
        typer.Option(
            help="The data set's directory; repeat it to measure on several as one.",
            show_default=False,
        ),
    ],
    split: Annotated[
        str | None,
        typer.Option(help="The data set's split; all its episodes by default.", show_default=False),
    ] = None,
    role: Annotated[
        str, typer.Option(help="Which of a run's networks: student, teacher, ...")
    ] = "student",
    device: Annotated[str, typer.Option(help="The device: cpu or cuda.")] = "cpu",
    out: Annotated[
        Path | None,
        typer.Option(help="Also write the result to this file, as JSON.", show_default=False),
    ] = None,
    runtime_options: RuntimeOptionsOption = None,
    json_output: JsonOption = False,
) -> None:
    """Measure a run or a bundle open loop, on data that it was not trained on."""
    from auxdrive.errors import UsageError
    from auxdrive.storage.publish import write_atomic
    from auxdrive.storage.reading import is_folder
    from auxdrive.strict import dump_json

    from auxdrive_train.evaluation.evaluate import evaluate as measure
    from auxdrive_train.evaluation.models import open_model

    if out is not None and not is_folder(out.parent):
        raise UsageError(f"--out {out}: there is no directory {out.parent}")
    if out is not None and is_folder(out):
        raise UsageError(f"--out {out}: is a directory; give the name of a file")
    if device not in ("cpu", "cuda"):
        raise UsageError(f"--device {device}: give cpu or cuda")
    options = parsed_runtime_options(DEFAULT_RUNTIME, runtime_options)
    found = measure(open_model(model, role, device, options), data, split, console.progress)
    result = found.model_dump(mode="json")
    if out is not None:
        write_atomic(out, dump_json(result))
    if json_output:
        console.print_json(result)
        return
    _show(found)
    if out is not None:
        console.note(f"wrote {out}")


def _show(found: Evaluation) -> None:
    from auxdrive.inspection.metric_tables import rounded, show_roles

    data, main = found.data, found.main_metric
    where = data.name if data.split is None else f"the split '{data.split}' of {data.name}"
    columns: dict[str, Metrics] = {
        found.role: {name: each.value for name, each in found.metrics.items()},
        "95 % from": {name: each.low for name, each in found.metrics.items()},
        "to": {name: each.high for name, each in found.metrics.items()},
    }
    show_roles(f"{found.role} of {found.model} on {where}", columns, found.floor)
    console.table(
        f"{main} by what the vehicle did",
        ("condition", "frames", found.role, "(constant)"),
        [
            (name, each.frames, rounded(each.metrics.get(main)), rounded(each.constant.get(main)))
            for name, each in found.conditions.items()
        ],
    )
    console.note(
        f"{data.frames} frames of {data.episodes} episode(s) and {data.sessions} session(s); "
        f"{found.intervals}"
    )
    console.note(f"in brackets what needs no network, fitted to {found.floor_from}")
    for note in found.notes:
        console.note(note)
