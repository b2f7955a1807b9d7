"""`auxdrive predict`: what a bundle says of pictures."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import auxdrive.console as console
from auxdrive.commands.ego_options import check_given, parsed, with_ego_options
from auxdrive.console import JsonOption
from auxdrive.errors import AuxdriveError, DataError, InputError, UsageError
from auxdrive.runtimes import DEFAULT_RUNTIME, RUNTIMES
from auxdrive.storage.reading import is_folder

if TYPE_CHECKING:
    from auxdrive.cards import CameraSpec
    from auxdrive.data.image_files import Picture
    from auxdrive.predictor import Predictor

ROWS_SHOWN = 50
UNSEEN_DISTORTION = 0.01
"""Rounding to whole pixels changes a picture's shape by less; more is told."""


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
            help="Pictures, folders of pictures, animated GIF or WebP.",
            show_default=False,
        ),
    ],
    resize: Annotated[
        bool,
        typer.Option(
            "--resize",
            help="Scale pictures of another size to the model's camera, squashed if need be.",
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
    """Predict from one picture, a folder of pictures, or an animated GIF or WebP.

    A picture that cannot be used does not stop the others; it is named, and the exit code is then
    not 0.
    """
    from auxdrive.bundles import ego_of
    from auxdrive.data.image_files import find_pictures
    from auxdrive.predictor import Predictor

    if out is not None and out.suffix.lower() not in (".jsonl", ".csv"):
        raise UsageError(f"--out {out}: the name must end in .jsonl or .csv")
    if out is not None and (is_folder(out) or not is_folder(out.parent)):
        raise UsageError(
            f"--out {out}: "
            f"{'is a directory' if is_folder(out) else f'there is no directory {out.parent}'}"
        )
    given = parsed(ego)
    paths = find_pictures(images)
    with Predictor.load(bundle, runtime, device) as predictor:
        check_given(ego_of(predictor.card), given)
        records, failed = _predict_files(predictor, paths, given, resize)
    if failed and not records:
        raise next(iter(failed.values()))
    if out is not None:
        _write(out, records)
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
        _show(bundle, records)
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
) -> tuple[list[dict[str, Any]], dict[Path, AuxdriveError]]:
    """The predictions, and why files could not be used (to their end)."""
    from auxdrive.data.image_files import read_pictures

    camera = predictor.card.camera
    records: list[dict[str, Any]] = []
    failed: dict[Path, AuxdriveError] = {}
    with console.progress("predicting", len(paths)) as advance:
        for path in paths:
            try:
                for picture in read_pictures(path):
                    image = _fit(picture, camera.height, camera.width, resize)
                    records.append(_record(predictor, picture, image, ego))
            except (DataError, InputError) as error:
                failed[path] = error
            advance()
    return records, failed


def _record(
    predictor: Predictor,
    picture: Picture,
    image: Any,
    ego: Mapping[str, Any],
) -> dict[str, Any]:
    from auxdrive.types import Observation

    prediction = predictor.predict(
        Observation(image, picture.frame / predictor.card.rate_hz, **ego)
    )
    waypoints = prediction.waypoints_ego_m
    return {
        "file": str(picture.path),
        "frame": picture.frame,
        "steer_rad": prediction.steer_rad,
        "waypoints_ego_m": None if waypoints is None else waypoints.tolist(),
        "waypoint_times_s": list(prediction.waypoint_times_s),
        "latency_ms": prediction.latency_ms,
        "flags": sorted(prediction.flags),
        "reason": prediction.reason,
        "scaled_from": None
        if image is picture.image
        else [picture.image.shape[1], picture.image.shape[0]],
    }


def _fit(picture: Picture, height: int, width: int, resize: bool) -> Any:
    from auxdrive.data.image_files import resize as scale

    found_height, found_width = picture.image.shape[:2]
    if (found_height, found_width) == (height, width):
        return picture.image
    if not resize:
        raise InputError(
            f"{picture.path}: is {found_width}x{found_height} pixels, the model's camera gives "
            f"{width}x{height}. "
            "Use --resize to scale it (the answer is only as good as the two cameras' fields of "
            "view agree)"
        )
    return scale(picture.image, height, width)


def _distortions(records: list[dict[str, Any]], camera: CameraSpec) -> Iterator[str]:
    """What --resize did to pictures of another shape than the camera's, a sentence per size."""
    for (width, height), count in Counter(
        tuple(record["scaled_from"]) for record in records if record["scaled_from"]
    ).items():
        wider = (camera.width / width) / (camera.height / height)
        if abs(math.log(wider)) > UNSEEN_DISTORTION:
            wrong = (
                f"{wider:.2f} times too wide" if wider > 1 else f"{1 / wider:.2f} times too high"
            )
            yield (
                f"--resize squashed {count} picture(s) of {width}x{height} to "
                f"{camera.width}x{camera.height}, another shape: what they "
                f"show is {wrong} for this model. Crop them to {camera.width}:{camera.height} first"
            )


def _write(out: Path, records: list[dict[str, Any]]) -> None:
    from auxdrive.storage.publish import write_atomic

    text = io.StringIO(newline="")
    if out.suffix.lower() == ".jsonl":
        text.writelines(json.dumps(record) + "\n" for record in records)
    else:
        rows = [_flat(record) for record in records]
        writer = csv.DictWriter(text, fieldnames=list({name: None for row in rows for name in row}))
        writer.writeheader()
        writer.writerows(rows)
    # surrogateescape: a file's name goes out with the bytes that it has on the disk.
    write_atomic(out, text.getvalue().encode("utf-8", "surrogateescape"))


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """A record as one row: waypoint k is x<k>_m and y<k>_m, and empty where it was withheld."""
    row = {name: record[name] for name in ("file", "frame", "latency_ms")} | {
        "flags": " ".join(record["flags"])
    }
    if not record["waypoint_times_s"]:
        return row | {"steer_rad": record["steer_rad"]}
    points = record["waypoints_ego_m"] or [(None, None)] * len(record["waypoint_times_s"])
    return row | {
        f"{axis}{index}_m": point[k]
        for index, point in enumerate(points)
        for k, axis in enumerate("xy")
    }


def _show(bundle: Path, records: list[dict[str, Any]]) -> None:
    rows = [
        (
            record["file"],
            record["frame"],
            _answer(record),
            f"{record['latency_ms']:.2f}",
            " ".join(record["flags"]),
        )
        for record in records[:ROWS_SHOWN]
    ]
    console.table(
        f"{bundle}",
        ("file", "frame", "prediction", "ms", "flags"),
        rows,
        text=("prediction", "flags"),
    )
    if flagged := [record["reason"] for record in records if record["reason"]]:
        console.note(
            f"{len(flagged)} of {len(records)} predictions are flagged; the first: {flagged[0]}"
        )
    if len(records) > ROWS_SHOWN:
        console.note(f"{len(records) - ROWS_SHOWN} more; --out or --json give all")


def _answer(record: dict[str, Any]) -> str:
    if record["steer_rad"] is not None:
        return f"steer {math.degrees(record['steer_rad']):+.2f} deg"
    if record["waypoints_ego_m"] is not None:
        return " ".join(f"({x:.2f}, {y:+.2f})" for x, y in record["waypoints_ego_m"]) + " m"
    return "withheld"
