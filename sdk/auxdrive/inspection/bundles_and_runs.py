"""Summaries of bundles and runs."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from auxdrive.bundles import parse_card
from auxdrive.bundles.files import read_named
from auxdrive.bundles.layout import CARD_NAME, is_left_by_others
from auxdrive.bundles.transport import LINK_CURE
from auxdrive.errors import BundleError, DataError
from auxdrive.storage.reading import (
    entries,
    exists,
    is_file,
    is_folder,
    open_regular,
    read_bytes,
    refusals,
)
from auxdrive.strict import parse_object

LAST_RECORDS = 5
_MAX_TEXT_BYTES = 1 << 20


def is_bundle(path: Path) -> bool:
    """Whether the folder has a bundle's card."""
    return is_file(path / "card.json")


def is_run(path: Path) -> bool:
    """Whether the folder has a run's configuration."""
    return any(is_file(path / name) for name in ("config.yaml", "config.json"))


def summarise_bundle(path: Path) -> dict[str, Any]:
    """The card, and the state of every file: ok, changed, missing or extra. A damaged bundle is
    shown, not refused.

    Raises:
        BundleError: the card itself cannot be read.
    """
    card = parse_card(_bytes(path / "card.json"), str(path / "card.json"))
    files = {name: _state(path, name, expected) for name, expected in sorted(card.files.items())}
    present = {
        str(file.relative_to(path)) for file in _within(path) if file.is_symlink() or is_file(file)
    }
    present = {name for name in present if not any(map(is_left_by_others, Path(name).parts))}
    for name in sorted(present - files.keys()):
        if (path / name).is_symlink():
            files[name] = LINK_CURE
        elif name != CARD_NAME:
            files[name] = "extra, not in the card"
    broken = [f"{name}: {state}" for name, state in files.items() if state != "ok"]
    return {
        "kind": "bundle",
        "path": str(path),
        "card": card.model_dump(mode="json"),
        "files": files,
        "broken": broken,
        "doubts": [],
    }


def _within(folder: Path) -> Iterator[Path]:
    """Everything under a folder; links to folders are told, not followed."""
    for entry in entries(folder):
        yield entry
        if is_folder(entry) and not entry.is_symlink():
            yield from _within(entry)


def _state(root: Path, name: str, expected: str) -> str:
    """What `verify` would say of a file of the card; a link on the way to it is none of the
    bundle's files.
    """
    way = [root / name, *(root / folder for folder in PurePosixPath(name).parents if folder.name)]
    if any(part.is_symlink() for part in way):
        return LINK_CURE
    if not exists(root / name):
        return "missing"
    try:
        read_named(root, name, expected)
    except BundleError as error:
        return str(error).removeprefix(f"{root / name}: ")
    return "ok"


class PhaseResult(BaseModel):
    """A finished phase in `result.json`; best and last are the watched view's main metric on the
    validation part.
    """

    name: str
    epochs: int
    watch: str
    best: float | None
    last: float | None


class RunResult(BaseModel):
    """What a finished run's `result.json` must hold to be shown.

    metrics: split -> view -> metric -> value. floor: split -> kind -> metric -> value, of what
    needs no network; runs of before it existed have none.
    """

    model_config = ConfigDict(extra="allow")

    method: str
    best: dict[str, str | int | float | None]
    phases: tuple[PhaseResult, ...]
    steps: int
    trained_s: float
    metrics: dict[str, dict[str, dict[str, float | None]]]
    floor: dict[str, dict[str, dict[str, float | None]]] = {}


def summarise_run(path: Path) -> dict[str, Any]:
    """The configuration as text (nothing parses YAML here), `result.json` (None: not finished, or
    damaged), `run.json`, the name of the data set, the last records of `metrics.jsonl`, and the
    checkpoints. What is damaged is listed, not refused.

    Raises:
        DataError: the configuration cannot be read.
    """
    config = path / "config.yaml" if is_file(path / "config.yaml") else path / "config.json"
    text = _bytes(config).decode(errors="replace")
    broken: list[str] = []
    doubts: list[str] = []
    result, record, card = (
        _json_object(path / name, broken) for name in ("result.json", "run.json", "dataset.json")
    )
    if result is not None:
        result = _checked(result, broken)
    count, last = _last_records(path / "metrics.jsonl", broken, doubts)
    return {
        "kind": "run",
        "path": str(path),
        "config_file": config.name,
        "config": text,
        "finished": is_file(path / "result.json"),
        "result": result,
        "record": record or {},
        "data": (card or {}).get("name"),
        "records": count,
        "last_metrics": last,
        "checkpoints": [
            file.name for file in entries(path / "checkpoints") if file.suffix == ".safetensors"
        ],
        "broken": broken,
        "doubts": doubts,
    }


def _json_object(path: Path, broken: list[str]) -> dict[str, Any] | None:
    """A JSON object from a file; None where there is no file, and where there is no object, which
    is then listed.
    """
    if not exists(path):
        return None
    try:
        return parse_object(_bytes(path), path.name)
    except DataError as error:
        broken.append(str(error))
        return None


def _checked(result: dict[str, Any], broken: list[str]) -> dict[str, Any] | None:
    try:
        return RunResult.model_validate(result).model_dump(mode="python")
    except ValidationError as error:
        first = error.errors()[0]
        broken.append(
            f"result.json: {'.'.join(map(str, first['loc']))}: {first['msg']} "
            f"({error.error_count()} mistakes)"
        )
        return None


def _last_records(
    path: Path, broken: list[str], doubts: list[str]
) -> tuple[int, list[dict[str, Any]]]:
    """(number of records, the last `LAST_RECORDS` of them); lines that are no JSON objects are
    listed. A last line without an end is being written, or was when the run was killed.
    """
    if not exists(path):
        doubts.append("there is no metrics.jsonl: no epoch was finished")
        return 0, []
    count, last = 0, deque[dict[str, Any]](maxlen=LAST_RECORDS)
    with open_regular(path) as file, refusals(path):
        for line, record in enumerate(iter(lambda: file.readline(_MAX_TEXT_BYTES), b""), start=1):
            try:
                value = json.loads(record)
            except (ValueError, RecursionError):  # ValueError: also what is no UTF-8
                (broken if record.endswith(b"\n") else doubts).append(
                    f"metrics.jsonl, line {line}: not JSON"
                )
                continue
            if isinstance(value, dict):
                count += 1
                last.append(value)
            else:
                broken.append(f"metrics.jsonl, line {line}: no object")
    return count, list(last)


def _bytes(path: Path) -> bytes:
    return read_bytes(path, _MAX_TEXT_BYTES)
