"""Telemetry as JSON lines, without images. A line is written at once, so that after a crash all but
the last one are whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from auxdrive.strict import plain
from auxdrive.telemetry.base import TelemetryFile


class JsonLinesFile(TelemetryFile):
    """A line for each record: `kind`, `time_s` and its values."""

    def record(self, kind: str, time_s: float, values: Mapping[str, Any]) -> None:
        """Write a line.

        Args:
            kind: see `TelemetryFile.record`.
            time_s: see there.
            values: see there.
        """
        line = json.dumps(plain({"kind": kind, "time_s": time_s, **values}), allow_nan=False)
        self._file.write(line.encode("ascii") + b"\n")
        self._file.flush()
