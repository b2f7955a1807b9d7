"""Summaries of bundles and runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from auxdrive.bundles import parse_card
from auxdrive.bundles.files import read_named, sha256
from auxdrive.bundles.layout import CARD_NAME, is_passed_over
from auxdrive.bundles.transport import LINK_CURE
from auxdrive.errors import BundleError, DataError
from auxdrive.inspection.provenance import chain_of
from auxdrive.mistakes import mistakes_of
from auxdrive.runs import RunFolder, RunRecord, RunResult, ValidationRecord
from auxdrive.signatures.check import Claim, who_signed
from auxdrive.storage.reading import (
    entries,
    exists,
    is_file,
    is_folder,
    read_bytes,
)
from auxdrive.strict import Strict, parse_object

LAST_RECORDS = 5
_MAX_TEXT_BYTES = 1 << 20


def is_bundle(path: Path) -> bool:
    """Whether the folder has a bundle's card."""
    return is_file(path / "card.json")


def is_run(path: Path) -> bool:
    """Whether the folder has a run's config."""
    return RunFolder(path).is_run


def summarise_bundle(path: Path) -> dict[str, Any]:
    """Summarise a bundle: its card, the state of every file (ok, changed, missing or extra), the
    chain from its data to its signature, and the measurements that are kept with it. A damaged
    bundle is summarised too.

    Raises:
        BundleError: the card cannot be read.
    """
    data = _bytes(path / CARD_NAME)
    card, card_sha256 = parse_card(data, str(path / CARD_NAME)), sha256(data)
    measured, doubts = _measured(path, card_sha256)
    files = {name: _state(path, name, expected) for name, expected in sorted(card.files.items())}
    present = {
        str(file.relative_to(path)) for file in _within(path) if file.is_symlink() or is_file(file)
    }
    present = {name for name in present if not is_passed_over(name)}
    for name in sorted(present - files.keys()):
        if (path / name).is_symlink():
            files[name] = LINK_CURE
        elif name != CARD_NAME:
            files[name] = "extra, not in the card"
    broken = [f"{name}: {state}" for name, state in files.items() if state != "ok"]
    signed = _signed(path, {**card.files, CARD_NAME: card_sha256}, broken)
    return {
        "kind": "bundle",
        "path": str(path),
        "card": card.model_dump(mode="json"),
        "files": files,
        "provenance": [link._asdict() for link in chain_of(card, card_sha256, signed)],
        "measured": measured,
        "broken": broken,
        "doubts": doubts,
    }


def _signed(path: Path, hashes: dict[str, str], broken: list[str]) -> Claim:
    """By whom a bundle is said to be signed.

    Args:
        path: the bundle's directory.
        hashes: the SHA-256 of each of its files, by relative path.
        broken: gets a sentence where there is a signature that cannot hold.
    """
    try:
        return who_signed(path, hashes)
    except BundleError as error:
        broken.append(str(error))
        return Claim("broken")


def _measured(path: Path, card_sha256: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The measurements that are kept with a bundle, and a sentence for each that cannot be read or
    is of another bundle.

    Args:
        path: the bundle's directory.
        card_sha256: of its card.
    """
    from auxdrive.bench.attached import attached

    found, doubts = attached(path)
    own = [report for report in found if report.bundle_sha256 == card_sha256]
    doubts += [
        f"the measurement of {report.time} is of another bundle, whose card has the SHA-256 "
        f"{report.bundle_sha256}"
        for report in found
        if report.bundle_sha256 != card_sha256
    ]
    return [report.model_dump(mode="json") for report in own], doubts


def _within(folder: Path) -> Iterator[Path]:
    """Everything under a folder. Links to folders are listed but not followed."""
    for entry in entries(folder):
        yield entry
        if is_folder(entry) and not entry.is_symlink():
            yield from _within(entry)


def _state(root: Path, name: str, expected: str) -> str:
    """The state of a file that the card names: "ok", or what `auxdrive verify` would say.

    Args:
        root: the bundle's directory.
        name: the file's path within it. A link anywhere on that path is an error.
        expected: the SHA-256 that the card gives.
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


def summarise_run(path: Path) -> dict[str, Any]:
    """Summarise a run: the config as text (nothing parses YAML here), `result.json` (None where the
    run is not finished or the file is damaged), `run.json` and `validation.json` (None where there
    is none or it is damaged), the name of the data set, the last records of `metrics.jsonl`, and
    the checkpoints. Damage is listed.

    Raises:
        DataError: the config cannot be read.
    """
    folder = RunFolder(path)
    text = _bytes(folder.config_path).decode(errors="replace")
    broken: list[str] = []
    doubts: list[str] = []
    result = _model(folder.result_path, RunResult, broken)
    record = _model(folder.record_path, RunRecord, broken)
    validation = _model(folder.validation_path, ValidationRecord, broken)
    broken += _lost_examples(folder, validation)
    card = _json_object(folder.card_path, broken)
    count, last = _last_epochs(folder, broken, doubts)
    return {
        "kind": "run",
        "path": str(path),
        "config_file": folder.config_path.name,
        "config": text,
        "finished": folder.is_finished,
        "result": result,
        "record": record,
        "validation": validation,
        "data": (card or {}).get("name"),
        "records": count,
        "last_metrics": last,
        "checkpoints": [
            file.name for file in entries(folder.checkpoints_dir) if file.suffix == ".safetensors"
        ],
        "broken": broken,
        "doubts": doubts,
    }


def _lost_examples(folder: RunFolder, validation: dict[str, Any] | None) -> Iterator[str]:
    """A sentence for each example whose image is missing."""
    for each in (validation or {}).get("examples", ()):
        image = folder.example_path(each["name"])
        if not is_file(image):
            yield f"{image.name}: the image of an example is missing"


def _json_object(path: Path, broken: list[str]) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is no file, or no object in it.

    Args:
        path: of the file.
        broken: gets a sentence where the file holds no object.
    """
    if not exists(path):
        return None
    try:
        return parse_object(_bytes(path), path.name)
    except DataError as error:
        broken.append(str(error))
        return None


def _model(path: Path, model: type[Strict], broken: list[str]) -> dict[str, Any] | None:
    """The JSON object in a file that must fit a model; None where there is none.

    Args:
        path: of the file.
        model: that it must fit.
        broken: gets a sentence with the first mistake where it does not.
    """
    found = _json_object(path, broken)
    if found is None:
        return None
    try:
        return model.model_validate(found).model_dump(mode="json")
    except ValidationError as error:
        broken.append(
            f"{path.name}: {mistakes_of(error, model)[0]} ({error.error_count()} mistakes)"
        )
        return None


def _last_epochs(
    folder: RunFolder, broken: list[str], doubts: list[str]
) -> tuple[int, list[dict[str, Any]]]:
    """The last records of `metrics.jsonl`.

    Args:
        folder: of the run.
        broken: gets a sentence for each line that is no JSON object.
        doubts: gets one where there is no file, or where the last line is incomplete: it is being
            written, or the run was killed while it was.

    Returns:
        How many records there are, and the last `LAST_RECORDS` of them.
    """
    name = folder.metrics_path.name
    if not exists(folder.metrics_path):
        doubts.append(f"there is no {name}: no epoch was finished")
        return 0, []
    count, last = 0, deque[dict[str, Any]](maxlen=LAST_RECORDS)
    for number, (line, record) in enumerate(folder.epoch_lines(), start=1):
        if record is None:
            found = broken if line.endswith(b"\n") else doubts
            found.append(f"{name}, line {number}: no JSON object")
        else:
            count += 1
            last.append(record)
    return count, list(last)


def _bytes(path: Path) -> bytes:
    return read_bytes(path, _MAX_TEXT_BYTES)
