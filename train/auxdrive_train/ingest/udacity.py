"""The recordings of Udacity's self-driving-car simulator: `driving_log.csv` and `IMG/`.

Columns: center, left, right (picture paths of the machine that recorded), steering, throttle, brake, speed. Steering is in -1..1,
positive right, of the simulator car's 25 degrees; speed is taken as miles per hour, the simulator's display unit.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from auxdrive.cards import VehicleSpec
from auxdrive.errors import DataError, UsageError, unknown_name
from auxdrive.steering import SteeringSpec

from auxdrive_train.ingest import clock
from auxdrive_train.ingest.source import CUT_OFF, Source, SourceOptions, SourceRecord, digest, inside, number, read_text

LOG_NAME = "driving_log.csv"
NOMINAL_HZ = 10.0
MPS_PER_MPH = 0.44704
DEFAULT_CAMERAS = ("center",)
DEFAULT_CORRECTION = 0.2
_COLUMNS = ("center", "left", "right", "steering", "throttle", "brake", "speed")
# The side on which a camera sits says which way it must steer to come back to the middle; positive is right.
_CORRECTION_SIGN = {"center": 0.0, "left": 1.0, "right": -1.0}
_STAMP = re.compile(r"_(\d{4})_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d{1,6})\.[A-Za-z]+$")


def read_udacity(folder: Path, options: SourceOptions) -> Source:
    """Read a recording: which records it has, not yet their pictures. Each camera that is asked for becomes episodes of its own.

    Of a picture's path the file name alone is used, looked up in `IMG/`: the paths are those of the machine that recorded, with
    its separators. Records are left out, and counted, whose numbers are none or whose steering is beyond [-1, 1].

    A last line that has no end was cut off, and is left out too.

    Raises:
        DataError: no log, a line that is damaged (with its number), or nothing left to use. UsageError: an unknown camera.
    """
    log = folder / LOG_NAME
    if not log.is_file():
        raise DataError(f"{log}: no such file, so {folder} is no recording of Udacity's simulator")
    cameras = tuple(dict.fromkeys(DEFAULT_CAMERAS if options.cameras is None else options.cameras))
    for camera in cameras:
        if camera not in _CORRECTION_SIGN:
            raise UsageError(unknown_name("camera", camera, _CORRECTION_SIGN))
    if not cameras:
        raise UsageError(f"name at least one camera of {', '.join(_CORRECTION_SIGN)}")
    skipped: Counter[str] = Counter()
    rows = _rows(log, skipped)
    if not rows:
        counts = ", ".join(f"{count} {reason}" for reason, count in skipped.items()) or "it is empty"
        raise DataError(f"{log}: no record to use ({counts})")
    stamps = [_time_s(row["center"]) for _, row, _ in rows]
    judged = clock.judge(stamps, [index for index, _, _ in rows], options.rate_hz or NOMINAL_HZ)
    correction = DEFAULT_CORRECTION if options.side_correction is None else options.side_correction
    name = folder.resolve().name
    records = []
    for camera in cameras:
        for (index, row, where), time_s in zip(rows, judged.time_s, strict=True):
            record = _record(folder / "IMG", index, row, where, camera, correction * _CORRECTION_SIGN[camera])
            records.append(replace(record, time_s=float(time_s), stream="" if camera == "center" else camera, session=name))
    notes = [
        judged.note,
        f"steering is taken as -1..1 of {options.max_steer_deg:g} degrees at the road wheel, positive right",
        "speed is taken as miles per hour, the unit that the simulator shows",
    ]
    if cameras != ("center",):
        notes.append(f"side cameras: steering corrected by {correction:g} towards the middle and held within -1..1")
        notes.append("side cameras see what the centre camera sees: give validation a --split of its own, or it sees training pictures")
    labels = f"full lock {options.max_steer_deg:g} deg, cameras {'+'.join(cameras)}"
    side = "" if cameras == ("center",) else f", side correction {correction:g}"
    return Source(
        name=name,
        identity=f"udacity recording {name} (labels sha256 {digest((log,))}, {labels}{side})",
        index_field="row",
        rate_hz=judged.rate_hz,
        steering=SteeringSpec(kind="normalised", positive="right", max_road_wheel_deg=options.max_steer_deg),
        vehicle=VehicleSpec(name="udacity simulator", wheelbase_m=options.wheelbase_m),
        records=records,
        skipped=skipped,
        notes=notes,
        fov_deg=options.fov_deg,
    )


def _rows(log: Path, skipped: Counter[str]) -> list[tuple[int, dict[str, str], str]]:
    """(row number from 0 without the header, cells, where) of the rows whose numbers can be used."""
    rows = []
    text = read_text(log)
    # The simulator ends every line; one that has no end was cut off while it was written, and its last number may lack digits.
    whole, _, torn = text.rpartition("\n")
    if torn.strip() and whole.strip():
        skipped[CUT_OFF] += 1
        text = whole
    reader = csv.reader(io.StringIO(text), strict=True)
    header_lines = 0
    try:
        for cells in reader:
            where = f"{log}, line {reader.line_num}"
            if not cells or not "".join(cells).strip():
                header_lines += 1
                continue
            if reader.line_num == 1 and [cell.strip().lower() for cell in cells] == list(_COLUMNS):
                header_lines += 1
                continue
            if len(cells) != len(_COLUMNS):
                raise DataError(f"{where}: {len(cells)} columns, not the {len(_COLUMNS)} of {', '.join(_COLUMNS)}")
            row = dict(zip(_COLUMNS, (cell.strip() for cell in cells), strict=True))
            index = reader.line_num - 1 - header_lines
            values = [_float(row[name]) for name in _COLUMNS[3:]]
            if any(value is None for value in values):
                skipped["steering, throttle, brake or speed is no number"] += 1
            elif abs(float(row["steering"])) > 1:
                skipped["steering beyond [-1, 1]"] += 1
            else:
                rows.append((index, row, where))
    except csv.Error as error:
        raise DataError(f"{log}, line {reader.line_num}: not CSV ({error})") from None
    return rows


def _float(text: str) -> float | None:
    try:
        return number(float(text))
    except ValueError:
        return None


def _record(images: Path, index: int, row: dict[str, str], where: str, camera: str, correction: float) -> SourceRecord:
    name = re.split(r"[/\\]", row[camera])[-1]
    throttle, brake = float(row["throttle"]), float(row["brake"])
    return SourceRecord(
        index=index,
        where=where,
        image=inside(images, name, where),
        time_s=0.0,
        steer=min(1.0, max(-1.0, float(row["steering"]) + correction)),
        throttle=min(1.0, max(0.0, throttle)),
        brake=min(1.0, max(0.0, brake, -throttle)),
        speed_mps=float(row["speed"]) * MPS_PER_MPH,
    )


def _time_s(picture: str) -> float | None:
    """The time in a picture's name, `center_2023_03_23_00_39_05_673.jpg`; None where there is none."""
    match = _STAMP.search(picture)
    if match is None:
        return None
    *date, fraction = match.groups()
    try:
        whole_s = datetime.strptime(" ".join(date), "%Y %m %d %H %M %S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return whole_s + int(fraction) / 10.0 ** len(fraction)
