"""Measurements that are kept with a bundle, in its folder `bench`: a file for each machine.

No card names them, and no hash or signature covers them: opening, `verify` and prediction pass that
folder over. Whoever may write into the bundle may write anything there, so it is read strictly.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from auxdrive.bench.record import BenchReport
from auxdrive.bundles import Bundle
from auxdrive.bundles.layout import MEASURED
from auxdrive.errors import AuxdriveError, DataError, UsageError
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import entries, is_folder, make_folder, read_bytes
from auxdrive.strict import dump_json, parse_model

MOST = 64
"""The most measurements that are shown."""
MAX_BYTES = 4 << 20
_WORD = re.compile(r"[a-z0-9]+")


def check_attachable(bundle: Bundle) -> None:
    """Refuse a bundle that nothing can be attached to, before anything is measured.

    Raises:
        UsageError: its folder may not be written into, or there is a link in the place.
    """
    folder = bundle.path / MEASURED
    if folder.is_symlink():
        raise UsageError(f"--attach: {folder} is a link; remove it")
    if not os.access(folder if is_folder(folder) else bundle.path, os.W_OK):
        raise UsageError(
            f"--attach: {bundle.path} may not be written into; measure a copy of it, or write the "
            "result elsewhere by --out"
        )


def attach(bundle: Bundle, report: BenchReport) -> Path:
    """Keep a measurement with its bundle, in the place of an earlier one of the same machine. No
    file that the card names is touched.

    Args:
        bundle: that was measured.
        report: what was measured.

    Returns:
        The file.

    Raises:
        UsageError: as `check_attachable`.
        DataError: the disk refuses.
    """
    check_attachable(bundle)
    folder = bundle.path / MEASURED
    make_folder(folder)
    file = folder / f"{machine_name(report)}.json"
    write_atomic(file, dump_json(report.model_dump(mode="json")))
    return file


def machine_name(report: BenchReport) -> str:
    """A name for the machine of a report: its processor, and some digits that tell it from others
    with the same one.
    """
    facts = {name: report.machine.get(name) for name in ("processor", "cpus", "memory_gib")}
    facts["accelerators"] = report.machine.get("accelerators")
    words = _WORD.findall(str(facts["processor"]).lower())[:6]
    digits = hashlib.sha256(dump_json(facts)).hexdigest()[:8]
    return "-".join([*words, digits])[:80]


def attached(path: Path) -> tuple[list[BenchReport], list[str]]:
    """The measurements that are kept in a bundle's folder, and a sentence for each file that is
    none.

    Args:
        path: the bundle's directory.
    """
    folder = path / MEASURED
    if folder.is_symlink():
        return [], [f"{MEASURED}: a link, which is not followed"]
    if not is_folder(folder):
        return [], []
    found: list[BenchReport] = []
    doubts = list[str]()
    for file in _files(folder, doubts):
        try:
            data = read_bytes(file, MAX_BYTES, DataError, follow=False)
            found.append(parse_model(data, BenchReport, f"{MEASURED}/{file.name}"))
        except AuxdriveError as error:
            doubts.append(str(error).split("\n")[0])
    return found, doubts


def _files(folder: Path, doubts: list[str]) -> Iterator[Path]:
    files = entries(folder)
    if len(files) > MOST:
        doubts.append(f"{MEASURED}: holds {len(files)} files, of which {MOST} are read")
    yield from files[:MOST]
