"""What a run writes down: `metrics.jsonl`, TensorBoard events, and a line on the terminal for each
epoch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from auxdrive.errors import DataError
from auxdrive.runs import RunFolder
from auxdrive.strict import plain
from torch.utils.tensorboard import SummaryWriter


class RunLog:
    """Appends one record per epoch. On a resume, what was written after the checkpoint is cut off,
    so nothing stands twice.
    """

    def __init__(self, folder: RunFolder, keep_bytes: int, step: int) -> None:
        self.path = folder.metrics_path
        with self.path.open("ab") as file:
            if file.tell() < keep_bytes:
                raise DataError(
                    f"{self.path} is shorter than its checkpoint says; it was changed or lost. "
                    "Choose another --out"
                )
            file.truncate(keep_bytes)
        self._events = SummaryWriter(
            str(folder.events_dir), purge_step=step + 1 if keep_bytes else None
        )

    def epoch(self, record: Mapping[str, Any], step: int) -> int:
        """Write one epoch's record; returns the log's length in bytes."""
        with self.path.open("ab") as file:
            file.write((json.dumps(plain(record), allow_nan=False) + "\n").encode())
            file.flush()
            # Before the checkpoint that counts on it.
            os.fsync(file.fileno())
            size = file.tell()
        for key, value in record.items():
            if isinstance(value, int | float) and key not in ("epoch", "step", "phase_index"):
                self._events.add_scalar(key, value, step)
        self._events.flush()
        return size

    def close(self) -> None:
        """Flush and close the event file."""
        self._events.close()
