"""What a run logs for each epoch: a line of `metrics.jsonl`, which trackers are given too."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from auxdrive.errors import DataError
from auxdrive.runs import RunFolder
from auxdrive.strict import plain

from auxdrive_train.trackers.contract import TrackedRun
from auxdrive_train.trackers.told import Trackers

_COUNTS = ("epoch", "step", "phase_index")


class RunLog:
    """Appends one record per epoch. On a resume, it cuts off what was logged after the checkpoint,
    so that no epoch is logged twice.

    Args:
        folder: the run's folder.
        keep_bytes: length of `metrics.jsonl` at the checkpoint.
        step: optimiser steps done at the checkpoint.
        config: the run's settings, for trackers.
        trackers: are given each record.

    Raises:
        DataError: `metrics.jsonl` is shorter than at the checkpoint.
    """

    def __init__(
        self,
        folder: RunFolder,
        keep_bytes: int,
        step: int,
        config: Mapping[str, Any],
        trackers: Trackers,
    ) -> None:
        self.path = folder.metrics_path
        with self.path.open("ab") as file:
            if file.tell() < keep_bytes:
                raise DataError(
                    f"{self.path} is shorter than its checkpoint says; it was changed or lost. "
                    "Choose another --out"
                )
            file.truncate(keep_bytes)
        self._trackers = trackers
        trackers.on_start(TrackedRun(folder.path, config, step))

    def epoch(self, record: Mapping[str, Any], step: int) -> int:
        """Write the record of an epoch, and pass its numbers to the trackers.

        Args:
            record: its numbers and texts by name, among them `role`, the role that was trained and
                validated. Numbers that are not finite become null in the file.
            step: optimiser steps since the run began.

        Returns:
            The length of `metrics.jsonl` in bytes, with this line.
        """
        with self.path.open("ab") as file:
            file.write((json.dumps(plain(record), allow_nan=False) + "\n").encode())
            file.flush()
            # The checkpoint that is written next relies on it.
            os.fsync(file.fileno())
            size = file.tell()
        self._trackers.on_metrics(step, curves(record))
        return size

    def close(self) -> None:
        """Tell the trackers that nothing follows."""
        self._trackers.on_end()


def curves(record: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of an epoch's record, each behind the role that was trained: what one curve shows
    is of one network.
    """
    return {
        f"{record['role']}/{key}": value
        for key, value in record.items()
        if isinstance(value, int | float) and key not in _COUNTS
    }
