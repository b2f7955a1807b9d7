"""The files of a donkeycar tub, version 2, and the records in them, even if parts were lost.

As in donkeycar/parts/datastore_v2.py: `manifest.json` has five JSON lines, which are names of the
inputs, their types, metadata, session data, and {"paths": catalogs, "current_index", "max_len",
"deleted_indexes"}. A catalog is a file of JSON lines, one per record.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auxdrive.errors import DataError
from auxdrive.storage.reading import entries, is_file, is_folder

from auxdrive_train.ingest.lines import Damage, Line, cut_off, read_lines
from auxdrive_train.ingest.source import inside

MANIFEST_NAME = "manifest.json"
IMAGE = "cam/image_array"
_CATALOG = re.compile(r"catalog_(\d+)\.catalog")
_LARGEST_INDEX = 2**53  # a float64 holds every integer up to here
# most records that a single damaged line can have replaced; a system buffers far fewer
_LONGEST_HOLE = 10_000


@dataclass(slots=True)
class TubFiles:
    """The files of a tub.

    Attributes:
        manifest: path of `manifest.json`.
        catalogs: in the order in which they were written.
        deleted: indexes of deleted records.
        unlisted: catalogs that the manifest does not name.
        notes: what a person should know.
    """

    manifest: Path
    catalogs: list[Path]
    deleted: set[int]
    unlisted: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Row:
    """A record as the catalog has it.

    Attributes:
        index: the record's number.
        values: by key.
        file: the catalog.
        line: its line there.
    """

    index: int
    values: dict[str, Any]
    file: Path
    line: int

    @property
    def where(self) -> str:
        """File and line, for messages."""
        return f"{self.file}, line {self.line}"


def find_files(folder: Path) -> TubFiles:
    """The tub's files. Catalogs are also found by their names, since a manifest that was damaged or
    written anew does not list all.

    Raises:
        DataError: there is no folder, or it has no catalogs; the message says what it is instead,
            if that is clear.
    """
    if not is_folder(folder):
        raise DataError(f"{folder}: no such folder")
    manifest = folder / MANIFEST_NAME
    listed, deleted, notes = _read_manifest(manifest)
    there = {
        path
        for path in _catalogs(folder)
        if is_file(path) and inside(folder, path.name) is not None
    }
    named = [(name, inside(folder, name)) for name in listed or ()]
    for name, path in named:
        if path is None or not is_file(path):
            notes.append(f"{manifest} lists the catalog {name!r}, which is not in the folder")
    known = {path for _, path in named if path is not None and is_file(path)}
    if not there | known:
        raise DataError(_no_tub(folder))
    catalogs = sorted(there | known, key=_writing_order)
    unlisted = [] if listed is None else [path for path in catalogs if path not in known]
    return TubFiles(manifest, catalogs, deleted, unlisted, notes)


def _writing_order(catalog: Path) -> tuple[bool, int, str]:
    """Sort key of catalogs. Copies with other names come first, so that what donkeycar itself wrote
    counts as the later record.
    """
    match = _CATALOG.fullmatch(catalog.name)
    return match is not None, int(match[1][:18]) if match else 0, catalog.name


def _catalogs(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if path.match("catalog_*.catalog")]


def _no_tub(folder: Path) -> str:
    inner = entries(folder)
    if any(path.name == "meta.json" or path.match("record_*.json") for path in inner):
        return (
            f"{folder}: is a donkeycar tub of version 1; convert it with donkeycar's "
            "convert_to_tub_v2.py first"
        )
    tubs = [path.name for path in inner if is_folder(path) and _catalogs(path)]
    hint = (
        f". Its folders {', '.join(tubs[:5])}{' ...' if len(tubs) > 5 else ''} hold catalogs: name "
        "them one by one"
        if tubs
        else ""
    )
    return (
        f"{folder}: no catalog_*.catalog in it, so it is no donkeycar tub of version 2, or an "
        f"empty one{hint}"
    )


def _read_manifest(path: Path) -> tuple[list[object] | None, set[int], list[str]]:
    """The catalogs that the manifest lists (None if it does not), the deleted indexes, and notes on
    what is wrong with it.
    """
    lost = (
        "; the catalogs are found by their names, and which records were deleted in the tub is not "
        "known"
    )
    if not is_file(path):
        return None, set(), [f"{path}: no such file{lost}"]
    found: dict[str, Any] | None = None
    try:
        lines = list(read_lines(path))
    except DataError as error:
        return None, set(), [f"{error}{lost}"]
    for line in lines:
        value, _ = _parsed(line)
        if isinstance(value, dict) and isinstance(value.get("paths"), list):
            # found by its key, since lines before it may be missing
            found = value
    if found is None:
        return None, set(), [f"{path}: damaged, no line lists the catalogs' `paths`{lost}"]
    given = found.get("deleted_indexes", [])
    indexes = [as_index(value) for value in given] if isinstance(given, list) else [None]
    deleted = {index for index in indexes if index is not None}
    none = sum(index is None for index in indexes)
    return (
        found["paths"],
        deleted,
        [f"{path}: {none} of `deleted_indexes` are no indexes and were passed over"]
        if none
        else [],
    )


def as_index(value: object) -> int | None:
    """The value as an index, also if it was written as 3.0; None if it is not one."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value <= _LARGEST_INDEX
        or value != int(value)
    ):
        return None
    return int(value)


def _parsed(line: Line) -> tuple[object, str]:
    """The line's value, and what is wrong with it (empty if nothing)."""
    try:
        return json.loads(line.text.decode()), ""
    except UnicodeDecodeError:
        return None, "not UTF-8 text"
    except RecursionError:
        return None, "not JSON (nested too deep)"
    except ValueError as error:
        kind = "NUL bytes, left by a power cut" if b"\0" in line.text else "not JSON"
        return None, kind if kind != "not JSON" else f"not JSON ({_short(error)})"


def _short(error: ValueError) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)[:80]


def read_rows(files: TubFiles, damage: Damage, skipped: Counter[str]) -> list[Row]:
    """The records that are not deleted, sorted by index. Of records with the same index, the later
    one is kept.

    An index is used again if the manifest, which counts them, was lost in a power cut; the image of
    the earlier record was then overwritten. If the later record is itself a damaged line, neither
    is kept. Likewise, of records with different indexes that name the same image, the later one is
    kept.

    Args:
        files: the tub's files.
        damage: damaged lines are noted here.
        skipped: counts other records that are left out, by reason.
    """
    found: dict[int, Row] = {}
    index_of: dict[str, int] = {}  # by image, that of the later record
    for catalog in files.catalogs:
        for row, lost in _walk(catalog, damage, skipped):
            for index in lost:
                if found.pop(index, None) is not None:
                    skipped["index used twice, and the later record is damaged"] += 1
            if row is not None:
                if row.index in found:
                    skipped["index used again by a later record"] += 1
                found[row.index] = row
                image = row.values.get(IMAGE)
                before = index_of.get(image, row.index) if isinstance(image, str) else row.index
                if (
                    before != row.index
                    and before in found
                    and found[before].values.get(IMAGE) == image
                ):
                    del found[before]
                    skipped["image named again by a later record"] += 1
                if isinstance(image, str):
                    index_of[image] = row.index
    deleted = files.deleted & found.keys()
    if deleted:
        skipped["deleted in the tub"] += len(deleted)
    for catalog in files.unlisted:
        count = sum(row.file == catalog for row in found.values())
        files.notes.append(
            f"{catalog}: the manifest does not list it; its {count} records are read all the same"
        )
    return [found[index] for index in sorted(found.keys() - deleted)]


def _walk(
    catalog: Path, damage: Damage, skipped: Counter[str]
) -> Iterator[tuple[Row | None, range]]:
    """Each record of a catalog, with the indexes that damaged lines before it may have had; at the
    end None, with the indexes that damaged lines after the last record may have had.
    """
    before, damaged = -1, 0
    for line in read_lines(catalog):
        damage.lines += 1
        value, wrong = _parsed(line)
        index = as_index(value.get("_index")) if isinstance(value, dict) else None
        if isinstance(value, dict) and index is not None:
            yield Row(index, value, catalog, line.number), _hole(before, damaged, index)
            before, damaged = index, 0
            continue
        damaged += 1
        if wrong and cut_off(line, skipped):
            continue
        damage.add(
            catalog,
            line.number,
            wrong
            or ("a record without `_index`" if isinstance(value, dict) else "not a JSON object"),
        )
    yield None, _hole(before, damaged, before + 1 + damaged)


def _hole(before: int, damaged: int, after: int) -> range:
    """The indexes that damaged lines between two records may have had.

    Args:
        before: index of the record before.
        damaged: number of damaged lines.
        after: index of the record after.
    """
    if not damaged or before < 0:
        return range(0)
    return (
        range(max(before + 1, after - _LONGEST_HOLE), after)
        if before < after
        else range(after - damaged, after)
    )
