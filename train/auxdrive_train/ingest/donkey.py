"""donkeycar's tub, version 2. `auxdrive_train.ingest.tub` reads its files.

Labels (donkeycar/templates/complete.py): `user/angle` or `user/steering` is the share of the
maximum steering angle, -1..1, positive to the right. `user/throttle` is -1..1; negative values
brake or reverse. `enc/speed` is the odometer's speed in metres per second
(donkeycar/parts/kinematics.py). `cam/depth_array` names a 16-bit image in millimetres, as RealSense
and OAK-D cameras deliver it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auxdrive.cards import VehicleSpec
from auxdrive.errors import DataError
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
from auxdrive_train.ingest.tub import IMAGE, Row, as_index, find_files, read_rows

DRIVE_LOOP_HZ = 20.0
"""donkeycar's default rate, used if timestamps cannot be used."""
_DEPTH, _THROTTLE, _SPEED = "cam/depth_array", "user/throttle", "enc/speed"
_BEYOND = "angle or throttle beyond [-1, 1]"
_STEERING = ("user/angle", "user/steering")
"""Two names of the same number: newer templates use the first, older ones the second. If a record
has both, the first counts.
"""
_READ = {IMAGE, _DEPTH, _THROTTLE, _SPEED, "user/mode", "source_index"}


def read_donkey(folder: Path, options: SourceOptions) -> Source:
    """Read the records of a tub, without their images.

    Records are left out, and counted, if they are deleted, damaged or incomplete; if the user did
    not drive (in the pilot's modes the user's angle is not what steered); if a later record has the
    same index; or if angle or throttle is not a number in [-1, 1].

    Args:
        folder: the tub.
        options: what the user knows of the recording.

    Raises:
        DataError: it is not a tub, too many lines are damaged (all are listed), the timestamps have
            an impossible rate, or no record is usable.
    """
    # needs Pillow, which the table of formats must not import
    from auxdrive_train.ingest.depth import settle

    options.refuse_side_cameras("donkeycar")
    name = source_name(folder)
    files = find_files(folder)
    skipped: Counter[str] = Counter()
    damage = Damage()
    rows = read_rows(files, damage, skipped)
    index_field = _index_field(rows)
    found = _usable(rows, folder / "images", index_field, damage, skipped)
    notes = files.notes + damage.settle(f"{folder}", skipped)
    if not found:
        raise DataError(f"{folder}: the tub has no record to use ({left_out(skipped, notes)})")
    refuse_other_unit(skipped[_BEYOND], len(rows), f"{folder}")
    order = clock.in_order([each.time_s for each in found], times_are_sure=False)
    records, judged = _timed(found, order, name, options.rate_hz, f"{folder}")
    skipped += order.left_out
    if options.depth:
        records, depth_notes = settle(records, _DEPTH, skipped)
    else:
        records, depth_notes = [replace(record, depth=None) for record in records], []
    manifest = [files.manifest] if is_file(files.manifest) else []
    labels = digest([*manifest, *files.catalogs])
    found_out = [judged.note, *filter(None, (order.note,)), *_units(rows, options), *depth_notes]
    return Source(
        name=name,
        identity=(
            f"donkey tub {name} (labels sha256 {labels}, maximum steering angle "
            f"{options.max_steer_deg:g} deg{options.rate_in_identity})"
        ),
        index_field=index_field,
        rate_hz=judged.rate_hz,
        steering=SteeringSpec(
            kind="normalised", positive="right", max_road_wheel_deg=options.max_steer_deg
        ),
        vehicle=VehicleSpec(name="donkeycar", wheelbase_m=options.wheelbase_m),
        records=records,
        skipped=skipped,
        notes=found_out + notes,
        fov_deg=options.fov_deg,
        labels=labels,
    )


def _index_field(rows: Sequence[Row]) -> str:
    """What the ranges of splits refer to: in re-packed tubs, the original numbers."""
    repacked = rows and all(as_index(row.values.get("source_index")) is not None for row in rows)
    return "source_index" if repacked else "_index"


@dataclass(frozen=True, slots=True)
class _Found:
    """A usable record whose time and number are not yet known."""

    row: Row
    record: SourceRecord

    @property
    def time_s(self) -> float | None:
        stamp_ms = number(self.row.values.get("_timestamp_ms"))
        return None if stamp_ms is None else stamp_ms / 1000


def _usable(
    rows: Sequence[Row], images: Path, index_field: str, damage: Damage, skipped: Counter[str]
) -> list[_Found]:
    found = []
    for row in rows:
        reason, record = _record(images, row, index_field, damage)
        if record is not None:
            found.append(_Found(row, record))
        elif reason:
            skipped[reason] += 1
    return found


def _timed(
    found: Sequence[_Found], order: clock.Order, name: str, rate_hz: float | None, where: str
) -> tuple[list[SourceRecord], clock.Clock]:
    """The records in the order of time, with their times, numbers and sessions; and their clock."""
    positions = order.numbers([each.row.index for each in found])
    judged = clock.judge(
        [found[place].time_s for place in order.places], positions, DRIVE_LOOP_HZ, rate_hz, where
    )
    indexes = order.numbers([each.record.index for each in found])
    records = [
        replace(
            found[place].record,
            index=index,
            time_s=float(time_s),
            session=session_name(name, found[place].row.values.get("_session_id")),
        )
        for place, index, time_s in zip(order.places, indexes, judged.time_s, strict=True)
    ]
    return records, judged


def _units(rows: Sequence[Row], options: SourceOptions) -> list[str]:
    """Notes on how the records' numbers are understood, and which are not read."""
    keys = Counter(key for row in rows for key in row.values if not key.startswith("_"))
    steering = next((key for key in _STEERING if keys[key]), _STEERING[0])
    notes = [
        f"{steering} is taken as -1..1 of {options.max_steer_deg:g} degrees at the road wheel, "
        "positive right"
    ]
    if keys[_SPEED]:
        speeds = [_speed_mps(row) for row in rows]
        unknown = sum(map(math.isnan, speeds))
        notes.append(
            f"{_SPEED} is taken as metres per second"
            + (f"; {unknown} of {len(rows)} records have none" if unknown else "")
        )
    read = _READ if options.depth else _READ - {_DEPTH}
    unread = {key: count for key, count in keys.items() if key not in read and key not in _STEERING}
    if unread:
        notes.append(
            "not read: "
            + ", ".join(f"{key} ({count} records)" for key, count in sorted(unread.items()))
        )
    return notes


def _record(
    images: Path, row: Row, index_field: str, damage: Damage
) -> tuple[str, SourceRecord | None]:
    """The record, or the reason why it is left out. The reason is empty if the record was noted as
    damaged.
    """
    values = row.values
    steering = next((key for key in _STEERING if key in values), None)
    missing = [key for key in (IMAGE, _THROTTLE) if key not in values] + (
        [" or ".join(_STEERING)] if steering is None else []
    )
    if missing or steering is None:
        return f"without {', '.join(sorted(missing))}", None
    image = inside(images, values[IMAGE])
    if image is None:
        damage.add(row.file, row.line, f"{IMAGE} is no name of an image in {images}")
        return "", None
    angle, throttle = number(values[steering]), number(values[_THROTTLE])
    if angle is None or throttle is None:
        return "angle or throttle is no number", None
    if abs(angle) > 1 or abs(throttle) > 1:
        return _BEYOND, None
    if values.get("user/mode", "user") != "user":
        return "not driven by the user", None
    index = as_index(values[index_field])
    assert index is not None  # as checked by `read_rows` and `read_donkey`
    gas, brake = max(throttle, 0.0), max(-throttle, 0.0)
    return "", SourceRecord(
        index,
        row.where,
        image,
        0.0,
        angle,
        gas,
        brake,
        _speed_mps(row),
        depth=inside(images, values.get(_DEPTH)),
    )


def _speed_mps(row: Row) -> float:
    speed = number(row.values.get(_SPEED))
    return speed if speed is not None and abs(speed) <= FASTEST_MPS else math.nan
