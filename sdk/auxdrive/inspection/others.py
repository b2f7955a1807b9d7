"""Summaries of bundles and runs."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from pathlib import Path
from typing import Any

from auxdrive.bundle import parse_card
from auxdrive.errors import DataError

LAST_RECORDS = 5
_MAX_TEXT_BYTES = 1 << 20


def is_bundle(path: Path) -> bool:
    """Whether the folder has a bundle's card."""
    return (path / "card.json").is_file()


def is_run(path: Path) -> bool:
    """Whether the folder has a run's configuration."""
    return any((path / name).is_file() for name in ("config.yaml", "config.json"))


def summarise_bundle(path: Path) -> dict[str, Any]:
    """The card, and the state of every file: ok, changed, missing or extra. A damaged bundle is shown, not refused.

    Raises:
        BundleError: the card itself cannot be read.
    """
    card = parse_card(_bytes(path / "card.json"), str(path / "card.json"))
    files = {}
    for name, expected in sorted(card.files.items()):
        file = path / name
        inside = file.resolve().is_relative_to(path.resolve())
        files[name] = "leads out of the bundle" if not inside else "missing" if not file.is_file() else _state(file, expected)
    present = {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file() or file.is_symlink()}
    files |= dict.fromkeys(sorted(present - files.keys() - {"card.json"}), "extra, not in the card")
    broken = [f"{name}: {state}" for name, state in files.items() if state != "ok"]
    return {"kind": "bundle", "path": str(path), "card": card.model_dump(mode="json"), "files": files, "broken": broken}


def _state(file: Path, expected: str) -> str:
    try:
        with file.open("rb") as opened:
            actual = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "ok" if actual == expected else "changed: its SHA-256 is not the card's"


def summarise_run(path: Path) -> dict[str, Any]:
    """The configuration as text (nothing parses YAML here), the last records of `metrics.jsonl`, and the checkpoints.

    Raises:
        DataError: the configuration cannot be read.
    """
    config = path / "config.yaml" if (path / "config.yaml").is_file() else path / "config.json"
    text = _bytes(config).decode(errors="replace")
    count, last, broken = 0, deque[dict[str, Any]](maxlen=LAST_RECORDS), []
    metrics = path / "metrics.jsonl"
    if metrics.is_file():
        with metrics.open(encoding="utf-8", errors="replace") as file:
            for line, record in enumerate(file, start=1):
                try:
                    value = json.loads(record)
                except (ValueError, RecursionError):
                    broken.append(f"metrics.jsonl, line {line}: not JSON")
                    continue
                if isinstance(value, dict):
                    count += 1
                    last.append(value)
                else:
                    broken.append(f"metrics.jsonl, line {line}: no object")
    else:
        broken.append("there is no metrics.jsonl: no epoch was finished")
    checkpoints = sorted(file.name for file in (path / "checkpoints").glob("*.safetensors"))
    return {
        "kind": "run",
        "path": str(path),
        "config_file": config.name,
        "config": text,
        "records": count,
        "last_metrics": list(last),
        "checkpoints": checkpoints,
        "broken": broken,
    }


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > _MAX_TEXT_BYTES:
        raise DataError(f"{path}: larger than {_MAX_TEXT_BYTES >> 20} MiB; this is not what its name says")
    return data
