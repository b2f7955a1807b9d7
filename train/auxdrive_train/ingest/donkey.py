"""donkeycar's tub, version 2: `manifest.json`, catalog files of JSON lines, and `images/`.

Manifest (donkeycar/parts/datastore_v2.py): five JSON lines: names of the inputs, their types, metadata, session data, and
{"paths": catalogs, "current_index", "max_len", "deleted_indexes"}. Labels: `user/angle` in -1..1, positive right, of the steering
lock; `user/throttle` in -1..1, negative brakes or reverses.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

from auxdrive.cards import VehicleSpec
from auxdrive.errors import DataError
from auxdrive.steering import SteeringSpec

from auxdrive_train.ingest import clock
from auxdrive_train.ingest.source import CUT_OFF, Source, SourceOptions, SourceRecord, digest, inside, number, read_text, session_name

DRIVE_LOOP_HZ = 20.0
"""donkeycar's default rate, used where timestamps cannot be."""


def read_donkey(folder: Path, options: SourceOptions) -> Source:
    """Read a tub: which records it has, not yet their pictures.

    Records are left out, and counted, that are deleted, incomplete, numbered twice, not driven by the user (in the pilot's modes
    `user/angle` is not what steered), or whose angle or throttle is not a number in [-1, 1].

    Raises:
        DataError: no tub, damaged JSON (with file and line), names that lead out of the tub, or nothing left to use.
    """
    options.refuse_side_cameras("donkeycar")
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    name = folder.resolve().name
    manifest = folder / "manifest.json"
    catalogs, deleted = _read_manifest(manifest)
    skipped: Counter[str] = Counter()
    rows = _rows(catalogs, deleted, skipped)
    # Re-packed tubs keep the original numbering; splits are then told in it.
    index_field = "source_index" if rows and all(_is_index(row.get("source_index")) for row, _ in rows) else "_index"
    records: list[SourceRecord] = []
    times_s: list[float | None] = []
    positions: list[int] = []
    for row, where in rows:
        reason, record = _record(folder / "images", row, where, index_field)
        if record is None:
            skipped[reason] += 1
            continue
        records.append(replace(record, session=session_name(name, row.get("_session_id"))))
        stamp = number(row.get("_timestamp_ms"))
        times_s.append(None if stamp is None else stamp / 1000)
        positions.append(row["_index"])
    if not records:
        counts = ", ".join(f"{count} {reason}" for reason, count in skipped.items()) or "it is empty"
        raise DataError(f"{folder}: the tub has no record to use ({counts})")
    judged = clock.judge(times_s, positions, options.rate_hz or DRIVE_LOOP_HZ)
    return Source(
        name=name,
        identity=f"donkey tub {name} (labels sha256 {digest((manifest, *catalogs))}, full lock {options.max_steer_deg:g} deg)",
        index_field=index_field,
        rate_hz=judged.rate_hz,
        steering=SteeringSpec(kind="normalised", positive="right", max_road_wheel_deg=options.max_steer_deg),
        vehicle=VehicleSpec(name="donkeycar", wheelbase_m=options.wheelbase_m),
        records=[replace(record, time_s=float(time_s)) for record, time_s in zip(records, judged.time_s, strict=True)],
        skipped=skipped,
        notes=[judged.note, f"user/angle is taken as -1..1 of {options.max_steer_deg:g} degrees at the road wheel, positive right"],
        fov_deg=options.fov_deg,
    )


def _rows(catalogs: list[Path], deleted: set[int], skipped: Counter[str]) -> list[tuple[dict[str, Any], str]]:
    """The records that are not deleted, in the tub's order, each with where it stands."""
    found: dict[int, tuple[dict[str, Any], str]] = {}
    for catalog in catalogs:
        for row, where in _json_lines(catalog, skipped):
            index = row.get("_index")
            if not _is_index(index):
                raise DataError(f"{where}: the record has no `_index`, so this is no tub of version 2")
            if index in deleted:
                skipped["deleted in the tub"] += 1
            elif index in found:
                skipped["index used twice"] += 1
            else:
                found[index] = (row, where)
    return [found[index] for index in sorted(found)]


def _read_manifest(path: Path) -> tuple[list[Path], set[int]]:
    """Catalog files and deleted indexes."""
    if not path.is_file():
        raise DataError(f"{path}: no such file, so {path.parent} is no donkeycar tub of version 2")
    lines = [line for line, _ in _json_values(path)]
    catalog = lines[4] if len(lines) > 4 else None
    if not isinstance(catalog, dict) or not isinstance(catalog.get("paths"), list):
        raise DataError(f"{path}: the fifth line must be an object with the catalogs' `paths`; this is no tub of version 2")
    deleted = catalog.get("deleted_indexes", [])
    if not isinstance(deleted, list) or not all(_is_index(index) for index in deleted):
        raise DataError(f"{path}: `deleted_indexes` must be a list of numbers from 0 on")
    return [inside(path.parent, name, str(path)) for name in catalog["paths"]], set(deleted)


def _is_index(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _json_lines(path: Path, skipped: Counter[str]) -> Iterator[tuple[dict[str, Any], str]]:
    """The objects of a JSON-lines file, each with where it stands."""
    for value, where in _json_values(path, skipped):
        if not isinstance(value, dict):
            raise DataError(f"{where}: a record must be a JSON object")
        yield value, where


def _json_values(path: Path, skipped: Counter[str] | None = None) -> Iterator[tuple[Any, str]]:
    """The values of the lines; a damaged last one that has no end was cut off, and is passed over if there is where to count it."""
    lines = read_text(path).split("\n")
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        where = f"{path}, line {line}"
        try:
            yield json.loads(text), where
        except (ValueError, RecursionError) as error:
            if line == len(lines) > 1 and skipped is not None:
                skipped[CUT_OFF] += 1
                return
            raise DataError(f"{where}: not JSON ({error}). Repair or remove that line") from None


def _record(images: Path, record: dict[str, Any], where: str, index_field: str) -> tuple[str, SourceRecord | None]:
    """The record, or the reason why it is left out."""
    if not {"cam/image_array", "user/angle", "user/throttle"} <= record.keys():
        return "incomplete", None
    image = inside(images, record["cam/image_array"], where)
    angle, throttle = number(record["user/angle"]), number(record["user/throttle"])
    if angle is None or throttle is None:
        return "angle or throttle is no number", None
    if abs(angle) > 1 or abs(throttle) > 1:
        return "angle or throttle beyond [-1, 1]", None
    if record.get("user/mode", "user") != "user":
        return "not driven by the user", None
    return "", SourceRecord(record[index_field], where, image, 0.0, angle, throttle=max(throttle, 0.0), brake=max(-throttle, 0.0))
