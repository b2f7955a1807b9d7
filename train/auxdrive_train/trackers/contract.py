"""The contract between a run and its trackers.

A tracker is told where a run begins, of every epoch, and that the run has ended or was stopped. It
decides nothing: a training with trackers computes what it does without, and one that fails is left
out while training goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """The run that a tracker is told of.

    Attributes:
        folder: the run's; whatever a tracker writes goes there, under a name of its own.
        config: every setting, as JSON has it.
        step: optimiser steps that were done before: 0 in a new run. One that is resumed goes on
            from there, in the record that it had; what that holds of later steps did not count.

    Example:
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
        """The folder's own."""
        return self.folder.resolve().name


class Tracker(Protocol):
    """Is told of a run.

    Example:
        >>> from pathlib import Path
        >>> from auxdrive_train import TRACKERS, parse_config, train
        >>> class Printed:
        ...     def on_start(self, run):
        ...         print(f"{run.name}: {run.config['method']} from step {run.step} on")
        ...     def on_metrics(self, step, metrics):
        ...         print(step, "student/loss/total" in metrics)
        ...     def on_end(self):
        ...         print("over")
        >>> TRACKERS.add("printed", Printed)
        >>> config = {"data": "data", "epochs": 1, "batch_size": 16, "track": ["printed"]}
        >>> result = train(parse_config(config), Path("tracked"))
        tracked: baseline from step 0 on
        6 True
        over
        >>> TRACKERS.remove("printed")
    """

    def on_start(self, run: TrackedRun) -> None:
        """Training begins, or goes on."""

    def on_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """An epoch is over.

        Args:
            step: optimiser steps since the run's begin.
            metrics: all numbers of the epoch's line in `metrics.jsonl`, each behind the role that
                was trained: "student/loss/total", "teacher/val/ade_m".
        """

    def on_end(self) -> None:
        """Training has ended or was stopped; nothing follows."""
