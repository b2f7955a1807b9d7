"""Recordings of Udacity's self-driving-car simulator: `driving_log.csv`, which
`auxdrive_train.ingest.udacity_log` reads, and the folder `IMG`.

Columns: center, left, right (paths of images on the machine that recorded), steering, throttle,
brake, speed. Steering is the share of the simulator car's 25 degrees, -1..1, positive to the right.
Speed is taken as miles per hour, the unit of the simulator's display.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from auxdrive.cards import VehicleSpec
from auxdrive.errors import DataError, UsageError, unknown_name
from auxdrive.steering import SteeringSpec
from auxdrive.storage.reading import is_file

from auxdrive_train.ingest import clock
from auxdrive_train.ingest.lines import Damage
from auxdrive_train.ingest.source import (
    FASTEST_MPS,
    Source,
    SourceOptions,
    SourceRecord,
    digest,
    inside,
    left_out,
    number,
    refuse_other_unit,
    session_name,
    source_name,
)
from auxdrive_train.ingest.udacity_log import LogRow, read_log

LOG_NAME = "driving_log.csv"
NOMINAL_HZ = 10.0
MPS_PER_MPH = 0.44704
DEFAULT_CAMERAS = ("center",)
DEFAULT_CORRECTION = 0.2
_BEYOND = "steering beyond [-1, 1]"
_PEDAL_BEYOND = "throttle or brake beyond [-1, 1]"
_NUMBERS = ("steering", "throttle", "brake", "speed")
# The direction in which the image of a side camera must be steered to return to the middle;
# positive is right.
_CORRECTION_SIGN = {"center": 0.0, "left": 1.0, "right": -1.0}
_STAMP = re.compile(r"_(\d{4})_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d{1,6})\.[A-Za-z]+$")


def read_udacity(folder: Path, options: SourceOptions) -> Source:
    """Read the records of a recording, without their images. Each camera becomes episodes of its
    own.

    Only the file name of an image's path is used and looked up in `IMG`, since the path is that of
    the machine that recorded. Rows are left out, and counted, if they are damaged or cut off, if
    their numbers are not numbers, or if steering or pedals are outside [-1, 1]. For each camera,
    rows that name no image of it are left out. Rows that are out of order are sorted by the times
    in the images' names.

    Args:
        folder: the recording.
        options: what the user knows of it.

    Raises:
        DataError: there is no log, its header names other columns, numbers have decimal commas, too
            many lines are damaged (all are listed), or no row is usable.
        UsageError: there is no such camera.
    """
    log = folder / LOG_NAME
    if not is_file(log):
        raise DataError(f"{log}: no such file, so {folder} is no recording of Udacity's simulator")
    cameras = _cameras(options)
    name = source_name(folder)
    skipped: Counter[str] = Counter()
    damage = Damage()
    read, notes = read_log(log, cameras, damage, skipped)
    notes += damage.settle(f"{log}", skipped)
    rows, several = _usable(read, skipped), any(row.part for row in read)
    if not rows:
        raise DataError(f"{log}: no record to use ({left_out(skipped, notes)})")
    refuse_other_unit(skipped[_BEYOND] + skipped[_PEDAL_BEYOND], len(read), f"{log}")
    stamps = [_time_s(row.cells["center"]) for row in rows]
    order = _order([row.part for row in rows], stamps)
    sessions = [session_name(name, row.part if several else None) for row in rows]
    timed, judged = _timed(rows, stamps, order, sessions, options.rate_hz, f"{folder}")
    correction = DEFAULT_CORRECTION if options.side_correction is None else options.side_correction
    records = _records(folder / "IMG", timed, cameras, correction, skipped)
    skipped += order.left_out
    if not records:
        raise DataError(f"{log}: no record to use ({left_out(skipped, notes)})")
    labels = digest((log,))
    found = [judged.note, *filter(None, (order.note,)), *_units(options, cameras, correction)]
    taken_as = _taken_as(options, cameras, correction)
    return Source(
        name=name,
        identity=f"udacity recording {name} (labels sha256 {labels}, {taken_as})",
        index_field="row",
        rate_hz=judged.rate_hz,
        steering=SteeringSpec(
            kind="normalised", positive="right", max_road_wheel_deg=options.max_steer_deg
        ),
        vehicle=VehicleSpec(name="udacity simulator", wheelbase_m=options.wheelbase_m),
        records=records,
        skipped=skipped,
        notes=found + notes,
        fov_deg=options.fov_deg,
        labels=labels,
    )


@dataclass(frozen=True, slots=True)
class _Timed:
    """A usable row at its place in time.

    Attributes:
        row: the row.
        index: its number.
        time_s: its time.
        session: its session.
    """

    row: LogRow
    index: int
    time_s: float
    session: str


def _timed(
    rows: Sequence[LogRow],
    stamps: Sequence[float | None],
    order: clock.Order,
    sessions: Sequence[str],
    rate_hz: float | None,
    where: str,
) -> tuple[list[_Timed], clock.Clock]:
    """The kept rows in the order of time, and their clock. `stamps` and `sessions` are those of
    `rows`.
    """
    indexes = order.numbers([row.index for row in rows])
    judged = clock.judge(
        [stamps[place] for place in order.places], indexes, NOMINAL_HZ, rate_hz, where
    )
    timed = [
        _Timed(rows[place], index, float(time_s), sessions[place])
        for place, index, time_s in zip(order.places, indexes, judged.time_s, strict=True)
    ]
    return timed, judged


def _records(
    images: Path,
    timed: Sequence[_Timed],
    cameras: Sequence[str],
    correction: float,
    skipped: Counter[str],
) -> list[SourceRecord]:
    """The records of each camera, one camera after the other."""
    records = []
    for camera in cameras:
        for each in timed:
            record = _record(images, each.row, camera, correction * _CORRECTION_SIGN[camera])
            if record is None:
                skipped[f"no image of the {camera} camera is named"] += 1
            else:
                records.append(
                    replace(record, index=each.index, time_s=each.time_s, session=each.session)
                )
    return records


def _taken_as(options: SourceOptions, cameras: tuple[str, ...], correction: float) -> str:
    """The options that change labels, for the identity."""
    side = "" if cameras == ("center",) else f", side correction {correction:g}"
    return (
        f"maximum steering angle {options.max_steer_deg:g} deg, cameras "
        f"{'+'.join(cameras)}{options.rate_in_identity}{side}"
    )


def _units(options: SourceOptions, cameras: tuple[str, ...], correction: float) -> list[str]:
    """Notes on how the rows' numbers are understood."""
    notes = [
        f"steering is taken as -1..1 of {options.max_steer_deg:g} degrees at the road wheel, "
        "positive right",
        "speed is taken as miles per hour, the unit that the simulator shows",
    ]
    if cameras != ("center",):
        notes.append(
            f"side cameras: steering corrected by {correction:g} towards the middle and held "
            "within -1..1"
        )
    return notes


def _order(parts: Sequence[int], stamps: Sequence[float | None]) -> clock.Order:
    """The order of the rows in time. If several logs were joined, each is sorted by itself, since
    they may be from two machines.
    """
    whole = clock.Order([])
    for part in dict.fromkeys(parts):
        places = [place for place, of in enumerate(parts) if of == part]
        order = clock.in_order([stamps[place] for place in places], times_are_sure=True)
        whole.places.extend(places[place] for place in order.places)
        whole.left_out.update(order.left_out)
        whole = replace(whole, note="; ".join(filter(None, (whole.note, order.note))))
    return whole


def _cameras(options: SourceOptions) -> tuple[str, ...]:
    cameras = tuple(dict.fromkeys(DEFAULT_CAMERAS if options.cameras is None else options.cameras))
    for camera in cameras:
        if camera not in _CORRECTION_SIGN:
            raise UsageError(unknown_name("camera", camera, _CORRECTION_SIGN))
    if not cameras:
        raise UsageError(f"name at least one camera of {', '.join(_CORRECTION_SIGN)}")
    return cameras


def _usable(rows: list[LogRow], skipped: Counter[str]) -> list[LogRow]:
    """The rows whose numbers can be used. Of rows with the same image, the last is kept: the image
    was written with it.
    """
    found: dict[str, LogRow] = {}
    for row in rows:
        numbers = [_float(row.cells[name]) for name in _NUMBERS]
        if any(value is None for value in numbers):
            skipped["steering, throttle, brake or speed is no number"] += 1
            continue
        if abs(numbers[0] or 0.0) > 1:
            skipped[_BEYOND] += 1
            continue
        if max(abs(numbers[1] or 0.0), abs(numbers[2] or 0.0)) > 1:
            skipped[_PEDAL_BEYOND] += 1
            continue
        if abs(numbers[3] or 0.0) * MPS_PER_MPH > FASTEST_MPS:
            skipped[f"speed beyond {FASTEST_MPS:g} m/s"] += 1
            continue
        file_name = _file_name(row.cells["center"]) or f"row {row.index}"
        if file_name in found:
            skipped["image named again by a later row"] += 1
            del found[file_name]  # so that the later row also keeps its own place
        found[file_name] = row
    return list(found.values())


def _file_name(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]


def _float(text: str) -> float | None:
    try:
        return number(float(text))
    except ValueError:
        return None


def _record(images: Path, row: LogRow, camera: str, correction: float) -> SourceRecord | None:
    """The row's record for a camera, without its time yet; None if the row names no image of it."""
    image = inside(images, _file_name(row.cells[camera]))
    if image is None:
        return None
    throttle, brake = float(row.cells["throttle"]), float(row.cells["brake"])
    return SourceRecord(
        index=row.index,
        where=row.where,
        image=image,
        time_s=0.0,
        steer=min(1.0, max(-1.0, float(row.cells["steering"]) + correction)),
        throttle=min(1.0, max(0.0, throttle)),
        brake=min(1.0, max(0.0, brake, -throttle)),
        speed_mps=float(row.cells["speed"]) * MPS_PER_MPH,
        stream="" if camera == "center" else camera,
    )


def _time_s(file_name: str) -> float | None:
    """The time in an image's name, as in `center_2023_03_23_00_39_05_673.jpg`; None if there is
    none.
    """
    match = _STAMP.search(file_name)
    if match is None:
        return None
    *date, fraction = match.groups()
    try:
        whole_s = (
            datetime.strptime(" ".join(date), "%Y %m %d %H %M %S").replace(tzinfo=UTC).timestamp()
        )
    except ValueError:
        return None
    return whole_s + int(fraction) / 10.0 ** len(fraction)
