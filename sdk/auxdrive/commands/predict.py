"""`auxdrive predict`: what a bundle predicts from images."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

import auxdrive.console as console
from auxdrive.commands.ego_options import check_given, parsed, with_ego_options
from auxdrive.console import JsonOption
from auxdrive.errors import AuxdriveError, DataError, InputError, UsageError
from auxdrive.runtimes import DEFAULT_RUNTIME, RUNTIMES
from auxdrive.storage.reading import is_folder
from auxdrive.tasks import TASKS

if TYPE_CHECKING:
    from auxdrive.cards import CameraSpec
    from auxdrive.data.image_files import ImageFrame
    from auxdrive.predictor import Predictor
    from auxdrive.tasks.base import TaskSpec
    from auxdrive.types import Prediction


class _Row(NamedTuple):
    """A prediction, and what is written of it."""

    record: dict[str, Any]
    prediction: Prediction


ROWS_SHOWN = 50
UNSEEN_DISTORTION = 0.01
"""Rounding to whole pixels changes an image's shape by less; more is told."""


@with_ego_options
def predict(
    bundle: Annotated[
        Path,
        typer.Argument(
            help="The bundle: a directory that `auxdrive export` wrote.", show_default=False
        ),
    ],
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...",
            help="Images, folders of images, animated GIF or WebP.",
            show_default=False,
        ),
    ],
    resize: Annotated[
        bool,
        typer.Option(
            "--resize",
            help="Scale images of another size to the model's camera, squashed if need be.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write all predictions to a .jsonl or .csv file.", show_default=False),
    ] = None,
    runtime: Annotated[
        str, typer.Option(help=f"What runs the graph: {', '.join(RUNTIMES)}.")
    ] = DEFAULT_RUNTIME,
    device: Annotated[
        str, typer.Option(help="Where it runs: cpu, or what `auxdrive doctor` lists.")
    ] = "cpu",
    json_output: JsonOption = False,
    **ego: float | str | None,
) -> None:
    """Predict from one image, a folder of images, or an animated GIF or WebP.

    An image that cannot be used does not stop the others; it is named, and the exit code is then
    not 0.
    """
    from auxdrive.bundles import ego_of
    from auxdrive.data.image_files import find_images
    from auxdrive.predictor import Predictor

    if out is not None and out.suffix.lower() not in (".jsonl", ".csv"):
        raise UsageError(f"--out {out}: the name must end in .jsonl or .csv")
    if out is not None and (is_folder(out) or not is_folder(out.parent)):
        raise UsageError(
            f"--out {out}: "
            f"{'is a directory' if is_folder(out) else f'there is no directory {out.parent}'}"
        )
    given = parsed(ego)
    paths = find_images(images)
    with Predictor.load(bundle, runtime, device) as predictor:
        check_given(ego_of(predictor.card), given)
        rows, failed = _predict_files(predictor, paths, given, resize)
        task = TASKS[predictor.card.task]
    records = [row.record for row in rows]
    if failed and not records:
        raise next(iter(failed.values()))
    if out is not None:
        _write(out, rows, task)
    for told in _distortions(records, predictor.card.camera):
        console.note(told)
    unused = {
        "unused": [{"file": str(path), "error": str(error)} for path, error in failed.items()]
    }
    if json_output:
        console.print_json(
            {
                "bundle": str(bundle),
                "task": predictor.card.task,
                "providers": predictor.providers,
                "predictions": records,
            }
            | unused
        )
    else:
        _show(bundle, rows, task)
        if out is not None:
            console.note(f"wrote {len(records)} predictions to {out}")
    if failed:
        listed = "; ".join(str(error) for error in list(failed.values())[:5]) + (
            "; ..." if len(failed) > 5 else ""
        )
        raise DataError(
            f"{len(failed)} of {len(paths)} files could not be used, the others were predicted: "
            f"{listed}"
        )


def _predict_files(
    predictor: Predictor,
    paths: list[Path],
    ego: Mapping[str, Any],
    resize: bool,
) -> tuple[list[_Row], dict[Path, AuxdriveError]]:
    """The predictions, and why files could not be used (to their end)."""
    from auxdrive.data.image_files import read_images

    camera = predictor.card.camera
    rows: list[_Row] = []
    failed: dict[Path, AuxdriveError] = {}
    with console.progress("predicting", len(paths)) as advance:
        for path in paths:
            try:
                for source in read_images(path):
                    image = _fit(source, camera.height, camera.width, resize)
                    rows.append(_row(predictor, source, image, ego))
            except (DataError, InputError) as error:
                failed[path] = error
            advance()
    return rows, failed


def _row(predictor: Predictor, source: ImageFrame, image: Any, ego: Mapping[str, Any]) -> _Row:
    from auxdrive.types import Observation

    prediction = predictor.predict(Observation(image, source.frame / predictor.card.rate_hz, **ego))
    waypoints = prediction.waypoints_ego_m
    record = {
        "file": str(source.path),
        "frame": source.frame,
        "steer_rad": prediction.steer_rad,
        "waypoints_ego_m": None if waypoints is None else waypoints.tolist(),
        "waypoint_times_s": list(prediction.waypoint_times_s),
        "latency_ms": prediction.latency_ms,
        "flags": sorted(prediction.flags),
        "reason": prediction.reason,
        "scaled_from": None
        if image is source.image
        else [source.image.shape[1], source.image.shape[0]],
    }
    values = {name: array.tolist() for name, array in prediction.values.items()}
    return _Row(record | values, prediction)


def _fit(source: ImageFrame, height: int, width: int, resize: bool) -> Any:
    from auxdrive.data.image_files import resize as scale

    found_height, found_width = source.image.shape[:2]
    if (found_height, found_width) == (height, width):
        return source.image
    if not resize:
        raise InputError(
            f"{source.path}: is {found_width}x{found_height} pixels, the model's camera gives "
            f"{width}x{height}. "
            "Use --resize to scale it (the prediction is only as good as the cameras' fields of "
            "view agree)"
        )
    return scale(source.image, height, width)


def _distortions(records: list[dict[str, Any]], camera: CameraSpec) -> Iterator[str]:
    """What --resize did to images of another shape than the camera's, a sentence per size."""
    for (width, height), count in Counter(
        tuple(record["scaled_from"]) for record in records if record["scaled_from"]
    ).items():
        wider = (camera.width / width) / (camera.height / height)
        if abs(math.log(wider)) > UNSEEN_DISTORTION:
            wrong = (
                f"{wider:.2f} times too wide" if wider > 1 else f"{1 / wider:.2f} times too high"
            )
            yield (
                f"--resize squashed {count} image(s) of {width}x{height} to "
                f"{camera.width}x{camera.height}, another shape: what they "
                f"show is {wrong} for this model. Crop them to {camera.width}:{camera.height} first"
            )


def _write(out: Path, rows: list[_Row], task: TaskSpec) -> None:
    from auxdrive.storage.publish import write_atomic

    text = io.StringIO(newline="")
    if out.suffix.lower() == ".jsonl":
        text.writelines(json.dumps(row.record) + "\n" for row in rows)
    else:
        flat = [_flat(row, task) for row in rows]
        writer = csv.DictWriter(text, fieldnames=list({name: None for row in flat for name in row}))
        writer.writeheader()
        writer.writerows(flat)
    # surrogateescape: a file's name goes out with the bytes that it has on the disk.
    write_atomic(out, text.getvalue().encode("utf-8", "surrogateescape"))


def _flat(row: _Row, task: TaskSpec) -> dict[str, Any]:
    """A row of a table; what was withheld is empty."""
    return {
        **{name: row.record[name] for name in ("file", "frame", "latency_ms")},
        "flags": " ".join(row.record["flags"]),
        **task.cells(row.prediction),
    }


def _show(bundle: Path, rows: list[_Row], task: TaskSpec) -> None:
    shown = [
        (
            record["file"],
            record["frame"],
            "withheld" if prediction.is_empty else task.text(prediction),
            f"{record['latency_ms']:.2f}",
            " ".join(record["flags"]),
        )
        for record, prediction in rows[:ROWS_SHOWN]
    ]
    console.table(
        f"{bundle}",
        ("file", "frame", "prediction", "ms", "flags"),
        shown,
        text=("prediction", "flags"),
    )
    if flagged := [row.record["reason"] for row in rows if row.record["reason"]]:
        console.note(
            f"{len(flagged)} of {len(rows)} predictions are flagged; the first: {flagged[0]}"
        )
    if len(rows) > ROWS_SHOWN:
        console.note(f"{len(rows) - ROWS_SHOWN} more; --out or --json give all")
