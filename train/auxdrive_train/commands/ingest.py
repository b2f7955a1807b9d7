"""`auxdrive ingest`: a foreign recording becomes a data set."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import auxdrive.console as console
import typer
from auxdrive.commands.completing import one_of, some_of
from auxdrive.commands.names import names_of
from auxdrive.console import JsonOption
from auxdrive.errors import UsageError
from auxdrive.work import Work

from auxdrive_train.ingest import READERS

if TYPE_CHECKING:
    from auxdrive_train.ingest.writing import IngestReport

_SIZE = re.compile(r"(\d{1,4})x(\d{1,4})")


def ingest(
    source_format: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help=f"What the source is: {', '.join(READERS)}.",
            show_default=False,
            autocompletion=one_of(READERS),
        ),
    ],
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...", help="The folders with the recordings.", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="The data set's folder: new, or where the same ingest was stopped.",
            show_default=False,
        ),
    ],
    add: Annotated[
        bool, typer.Option("--add", help="Add the recordings to the data set that --out holds.")
    ] = False,
    split: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=RANGE",
            help=(
                "Records of a split, as START:STOP; with several sources, SOURCE or "
                "SOURCE:START:STOP. By default, all records are in train."
            ),
        ),
    ] = None,
    max_steer_deg: Annotated[
        float,
        typer.Option(
            help="Maximum steering angle of the road wheels in degrees, for sources that record "
            "-1..1."
        ),
    ] = 25.0,
    rate_hz: Annotated[
        float | None,
        typer.Option(
            help="The camera's rate in frames per second (default: that of the timestamps).",
            show_default=False,
        ),
    ] = None,
    derive: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Modalities to compute and store: edge, frequency.",
            autocompletion=some_of(("edge", "frequency")),
        ),
    ] = "",
    image_size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Scale all images to that size.", show_default=False),
    ] = None,
    cameras: Annotated[
        str | None,
        typer.Option(
            help="udacity: cameras to use, of center, left, right (default: center).",
            show_default=False,
        ),
    ] = None,
    side_correction: Annotated[
        float | None,
        typer.Option(
            help="udacity: what is added to the steering of side cameras, as a share of the "
            "maximum steering angle (default: 0.2).",
            show_default=False,
        ),
    ] = None,
    fov_deg: Annotated[
        float | None,
        typer.Option(
            help="The camera's horizontal field of view in degrees, which driving in the simulator "
            "needs.",
            show_default=False,
        ),
    ] = None,
    wheelbase_m: Annotated[
        float | None,
        typer.Option(
            help="The vehicle's wheelbase in metres, which pure pursuit needs.", show_default=False
        ),
    ] = None,
    depth: Annotated[
        bool,
        typer.Option("--depth/--no-depth", help="donkey: read depth images where there are any."),
    ] = True,
    licence: Annotated[str, typer.Option(help="The recording's licence, for the card.")] = "",
    json_output: JsonOption = False,
) -> None:
    """Turn foreign recordings into a data set."""
    from auxdrive.modalities import parse_modality

    from auxdrive_train.ingest.add import add_to_dataset
    from auxdrive_train.ingest.build import build_dataset, steps_of
    from auxdrive_train.ingest.join import join_sources
    from auxdrive_train.ingest.source import SourceOptions
    from auxdrive_train.ingest.splits import parse_splits

    reader = READERS[source_format]
    ranges = parse_splits(split or ())
    names = names_of("--derive", derive) or ()
    derived = tuple(dict.fromkeys(parse_modality(name) for name in names))
    size = None if image_size is None else _size(image_size)
    chosen = None if cameras is None else tuple(names_of("--cameras", cameras) or ())
    options = SourceOptions(
        max_steer_deg, rate_hz, chosen, side_correction, fov_deg, wheelbase_m, depth
    )
    read = join_sources([reader(source, options) for source in sources])
    images = steps_of(read, ranges, derived)
    with console.progress(Work(f"ingesting {read.name}", "image", images, many=True)) as shown:
        write = add_to_dataset if add else build_dataset
        stays = f"finished episodes are kept for {out}, and the same command goes on"
        with console.interruptible(lambda: stays):
            report = write(read, out, ranges, derived, size, licence, progress=shown.done)
    if json_output:
        console.print_json(_as_json(out, report))
    else:
        _show(out, report)


def _size(text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text.strip().lower())
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= min(size) <= max(size) <= 8192:
        raise UsageError(
            f"--image-size {text!r}: write WIDTHxHEIGHT, each 1 to 8192, as in 160x120"
        )
    return size


def _as_json(out: Path, report: IngestReport) -> dict[str, Any]:
    return {
        "dataset": str(out),
        "source": report.identity,
        "rate_hz": report.rate_hz,
        "image_size": list(report.image_size),
        "splits": {
            name: {"episodes": len(ids), "frames": report.frames[name]}
            for name, ids in report.episodes.items()
        },
        "apart_s": report.apart_s,
        "camera_faults": asdict(report.camera_faults),
        "broken": report.broken,
        "left_out": dict(report.skipped),
        "episodes_kept_from_before": report.resumed,
        "notes": report.notes,
    }


def _show(out: Path, report: IngestReport) -> None:
    from auxdrive.inspection.findings import shown

    rows = [
        (name, len(ids), report.frames[name], f"{report.frames[name] / report.rate_hz:.0f}")
        for name, ids in report.episodes.items()
    ]
    console.table(f"{out}", ("split", "episodes", "frames", "seconds"), rows)
    for reason, count in sorted(report.skipped.items()):
        console.note(f"left out: {count} {reason}")
    for line in report.notes:
        console.note(line)
    for line in shown(report.broken):
        console.note(f"broken: {line}")
    if report.resumed:
        console.note(
            f"{report.resumed} episodes were there already, from an ingest that was stopped"
        )
