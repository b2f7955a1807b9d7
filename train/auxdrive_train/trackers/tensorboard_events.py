"""TensorBoard: event files in the run's folder, shown by `tensorboard --logdir runs`."""

from __future__ import annotations

from collections.abc import Mapping

from auxdrive.runs import RunFolder
from torch.utils.tensorboard import SummaryWriter

from auxdrive_train.trackers.contract import TrackedRun


class TensorBoard:
    """A curve for each number."""

    def on_start(self, run: TrackedRun) -> None:
        """Begin a file. TensorBoard then ignores later steps of earlier files."""
        events = RunFolder(run.folder).events_dir
        again = events.is_dir() and any(events.iterdir())
        self._events = SummaryWriter(str(events), purge_step=run.step + 1 if again else None)

    def on_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write a point of each curve.

        Args:
            step: the points' place on the horizontal axis: optimiser steps since the run began.
            metrics: the value of each curve, by its name.
        """
        for name, value in metrics.items():
            self._events.add_scalar(name, value, step)
        self._events.flush()

    def on_end(self) -> None:
        """Close the file."""
        self._events.close()
