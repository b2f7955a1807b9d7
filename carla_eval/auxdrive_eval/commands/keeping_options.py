"""The options of `auxdrive drive` that keep something beside the results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from auxdrive.commands.completing import modality_names, some_of
from auxdrive.commands.names import names_of
from auxdrive.errors import UsageError

if TYPE_CHECKING:
    from auxdrive_eval.driving.onlookers.keeping import KeepOptions

RecordOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Record the drives into a data set that `train` reads: what the sensors show, and as "
        "labels what the simulator's expert would do there.",
        show_default=False,
    ),
]
RecordRateOption = Annotated[
    float | None,
    typer.Option(
        "--record-rate-hz",
        help="With --record: frames per second of game time (default: 4).",
        show_default=False,
    ),
]
RecordModalitiesOption = Annotated[
    str | None,
    typer.Option(
        "--record-modalities",
        help="With --record: modalities, separated by commas (default: all of the simulator).",
        show_default=False,
        autocompletion=some_of(modality_names),
    ),
]


RecordPointsOption = Annotated[
    bool,
    typer.Option(
        "--record-lidar-points",
        help="With --record: the points of the LiDAR too.",
    ),
]


VideoOption = Annotated[
    bool,
    typer.Option(
        "--video",
        help="Film each drive for the page: the camera with the plan drawn in, and the controls. "
        "Needs the extra 'video'.",
    ),
]


RerunOption = Annotated[
    bool,
    typer.Option(
        "--rerun",
        help="Keep each drive as a Rerun recording, routes/<n>/drive.rrd: camera, plan, controls, "
        "path and infractions on a timeline. Needs the extra 'viz'.",
    ),
]


def keep_options(
    record: Path | None,
    rate_hz: float | None,
    modalities: str | None,
    video: bool = False,
    rerun: bool = False,
    lidar_points: bool = False,
) -> KeepOptions:
    """What is kept of a drive, from what a user typed.

    Args:
        record: the folder of the data set; None for none.
        rate_hz: of the recording; None is its default.
        modalities: of the recording, separated by commas; None is all.
        video: whether each drive is filmed.
        rerun: whether each drive becomes a Rerun recording.
        lidar_points: whether the LiDAR's points are recorded too.

    Raises:
        UsageError: there is no such modality, or an option of the recording was given without one.
    """
    from auxdrive.modalities import parse_modality

    from auxdrive_eval.driving.onlookers.keeping import KeepOptions
    from auxdrive_eval.driving.onlookers.record_settings import DEFAULT_RATE_HZ, RecordOptions

    if record is None:
        given = {"rate-hz": rate_hz, "modalities": modalities, "lidar-points": lidar_points or None}
        for name, value in given.items():
            if value is not None:
                raise UsageError(f"--record-{name} belongs to a recording: give --record as well")
        return KeepOptions(None, video, rerun)
    names = names_of("--record-modalities", modalities)
    chosen = None if names is None else tuple(map(parse_modality, names))
    rate = DEFAULT_RATE_HZ if rate_hz is None else rate_hz
    return KeepOptions(RecordOptions(record, rate, chosen, lidar_points), video, rerun)
