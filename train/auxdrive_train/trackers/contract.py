"""The contract between a run and its trackers.

A tracker is called when a run begins, after every epoch, and when the run ends or is stopped. It
influences nothing: training computes the same with and without trackers, and a tracker that fails
is dropped while training goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """The run that a tracker records.

    Attributes:
        folder: the run's folder; whatever a tracker writes goes there, under a name of its own.
        config: every setting, as in JSON.
        step: optimiser steps done so far; 0 for a new run. A run that is resumed goes on from there
            in its existing record, and later steps in that record no longer count.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_train import TrackedRun
        >>> TrackedRun(Path("runs/samd"), {"method": "samd"}, step=0).name
        'samd'
    """

    folder: Path
    config: Mapping[str, Any]
    step: int

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.folder.resolve().name


class Tracker(Protocol):
    """Records a run.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_train import TrackedRun
        >>> class Printed:
        ...     def on_start(self, run):
        ...         print(run.name, run.config["method"])
        ...
        ...     def on_metrics(self, step, metrics):
        ...         print(step, metrics["student/loss/total"])
        ...
        ...     def on_end(self):
        ...         print("over")
        >>> tracker = Printed()
        >>> tracker.on_start(TrackedRun(Path("runs/samd"), {"method": "samd"}, step=0))
        samd samd
        >>> tracker.on_metrics(10, {"student/loss/total": 0.5})
        10 0.5
    """

    def on_start(self, run: TrackedRun) -> None:
        """Called when training begins or is resumed."""

    def on_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Called after an epoch.

        Args:
            step: optimiser steps since the run began.
            metrics: all numbers of the epoch's line in `metrics.jsonl`. Names begin with the role
                that was trained: "student/loss/total", "teacher/val/ade_m".
        """

    def on_end(self) -> None:
        """Called last, when training has ended or was stopped."""
