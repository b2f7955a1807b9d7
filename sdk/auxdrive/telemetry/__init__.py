"""Telemetry: what a `DrivingLoop` saw, predicted and commanded, written while it drives. A format
is one file of this folder and one row of `TELEMETRY`.

Unlike other files of auxdrive, which appear whole or not at all, these grow: what was written
before a crash is there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from auxdrive.registry import Registry, subclass_of

if TYPE_CHECKING:
    from auxdrive.telemetry.base import TelemetryFile

TELEMETRY: Registry[type[TelemetryFile]] = Registry(
    "telemetry format",
    "auxdrive.telemetry",
    {
        "jsonl": "auxdrive.telemetry.json_lines:JsonLinesFile",
        "mcap": "auxdrive.telemetry.mcap_file:McapFile",
    },
    check=subclass_of("auxdrive.telemetry.base:TelemetryFile"),
)
"""Formats, by the ending of the file's name."""


def open_telemetry(path: str | os.PathLike[str]) -> TelemetryFile:
    """Begin a telemetry file.

    Args:
        path: of the file, which must be new: a drive cannot be repeated. The ending of the name
            says the format.

    Raises:
        UsageError: the name ends otherwise, the file exists, or its folder does not.
        MissingExtra: MCAP needs the extra `mcap`.
        DataError: the disk refuses.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive.telemetry import open_telemetry
        >>> with open_telemetry("drive.jsonl") as telemetry:
        ...     telemetry.record("control", 12.5, {"brake": 1.0})
        >>> print(Path("drive.jsonl").read_text().strip())
        {"kind": "control", "time_s": 12.5, "brake": 1.0}
    """
    from auxdrive.errors import MissingExtra, UsageError
    from auxdrive.extras import EXTRA_OF_MODULE
    from auxdrive.storage.reading import exists, is_folder, refusals

    where = Path(path)
    if exists(where):
        raise UsageError(f"{where}: is there already; a drive cannot be repeated: give a new name")
    if not is_folder(where.parent):
        raise UsageError(f"{where}: there is no directory {where.parent}")
    name = where.suffix.lower().removeprefix(".")
    if not name:
        raise UsageError(f"{where}: the name must end in {' or '.join(f'.{n}' for n in TELEMETRY)}")
    try:
        form = TELEMETRY[name]
    except ModuleNotFoundError as error:
        extra = EXTRA_OF_MODULE.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        raise MissingExtra(f"telemetry as .{name}", extra) from error
    with refusals(where, "cannot be written"):
        return form(where)
