"""The training loop: it runs a method's phases and contains nothing of a particular method.

A resume is exact without any random state in the checkpoint: the order of samples, augmentation and
dropout depend only on (seed, phase, epoch, step). So a run that was killed repeats the epoch that
was cut off, bit for bit.
"""

from __future__ import annotations

import logging
import math
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from auxdrive.errors import DataError
from auxdrive.storage.reading import exists, read_bytes
from auxdrive.work import Shown, Unseen
from torch import Tensor

from auxdrive_train.engine import checkpoint as files
from auxdrive_train.engine.checkpoint import Checkpoint, refuse_foreign_tensors, snapshot
from auxdrive_train.engine.ended_roles import EndedRoles, primary_of
from auxdrive_train.engine.epoch import train_epoch
from auxdrive_train.engine.evaluate import examples, measure, predict_roles
from auxdrive_train.engine.gradients import said_of_clipping
from auxdrive_train.engine.log import RunLog
from auxdrive_train.engine.optimizers import Optimizers
from auxdrive_train.engine.prepare import Parts
from auxdrive_train.engine.progress import Progress
from auxdrive_train.methods.phases import Phase, PhaseRecord
from auxdrive_train.models.training_only import finished_networks
from auxdrive_train.trackers.told import Trackers

_LOG = logging.getLogger(__name__)


class Trainer:
    """Trains a run, from the start or from its last checkpoint.

    Args:
        parts: what the run is trained and measured with.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.config = parts.config
        self.progress = Progress()
        self.shown: Shown = Unseen()
        self._optimizers = Optimizers(parts.config, parts.folder.last_path.name)
        self._phase_best: dict[str, Tensor] = {}
        self._log: RunLog | None = None
        self.primary = primary_of(parts.method, parts.networks)
        self._ended = EndedRoles(parts.method, parts.networks)

    def resume(self) -> bool:
        """Load the last checkpoint, if there is one. Returns whether there is.

        Raises:
            DataError: the checkpoint is damaged, or belongs to another config.
        """
        path = self.parts.folder.last_path
        if not exists(path):
            self._refuse_lost_epochs(path)
            return False
        stored = files.load(path)
        if stored.fingerprint != self.parts.fingerprint:
            raise DataError(
                f"{path} was made with another config or other data; resume with the run's own, or "
                "choose another --out"
            )
        files.restore(self.parts.networks, stored.networks, str(path))
        if stored.phase_best:
            refuse_foreign_tensors(self.parts.networks.state_dict(), stored.phase_best, str(path))
        self._ended.take_up(stored.roles, str(path))
        self.progress = stored.progress
        self._phase_best = stored.phase_best
        self._optimizers.take_up(stored.optimizers)
        return True

    def _refuse_lost_epochs(self, path: Path) -> None:
        """Without a checkpoint, the log may have one line at most: a run that is killed in its
        first epoch has none yet. More lines mean that the checkpoint was lost.
        """
        log = self.parts.folder.metrics_path
        if exists(log) and len(read_bytes(log, 1 << 30).splitlines()) > 1:
            raise DataError(
                f"{path} is missing, but {log} tells of finished epochs; put the checkpoint back, "
                "or choose another --out"
            )

    def fit(self, shown: Shown) -> Progress:
        """Run all remaining phases.

        Args:
            shown: shows every epoch.

        Returns:
            How far the run is: finished.
        """
        self.shown = shown
        shown.found(sum(record.epochs for record in self.progress.history) + self.progress.epoch)
        if self.parts.fabric.is_global_zero:
            self._log = RunLog(
                self.parts.folder,
                self.progress.log_bytes,
                self.progress.step,
                self.config.model_dump(mode="json"),
                Trackers(self.config.track),
            )
        try:
            while (phase := self.parts.method.next_phase(self.progress.history)) is not None:
                self._run_phase(phase)
            self.progress.finished = True
            self._save()
        finally:
            if self._log is not None:
                self._log.close()
        return self.progress

    def epochs_expected(self) -> int | None:
        """The number of epochs in all phases, as far as the method can tell now: as if no phase is
        left out or ends early. None if the method has no end.
        """
        history = self.progress.history
        coming = self.parts.method.phases_to_come(history)
        if coming is None:
            return None
        return sum(record.epochs for record in history) + sum(phase.epochs for phase in coming)

    def _run_phase(self, phase: Phase) -> None:
        if self.progress.epoch == 0 and phase.begin is not None:
            device = self.parts.fabric.device
            phase.begin(
                self.parts.networks,
                lambda modality: examples(self.parts.train, modality).to(device),
            )
        if self.progress.epoch == 0:
            self._measure_ranges(phase)
            if self.parts.average is not None:
                self.parts.average.begin()
        trained = [self.parts.networks.get_submodule(name) for name in phase.trains]
        self.parts.networks.requires_grad_(False)
        for module in trained:
            module.requires_grad_(True)
        optimizer = self._optimizers.of(phase, self.progress.phase, trained)
        # A phase that keeps its last weights never ends early: a round of SAMD has k epochs.
        while self.progress.epoch < phase.epochs and not (phase.keep == "best" and self._stalled()):
            record = train_epoch(self.parts, phase, trained, optimizer, self.progress, self.shown)
            self._finish_epoch(phase, record)
        self._finish_phase(phase)

    def _stalled(self) -> bool:
        values, patience = self.progress.watched, self.config.early_stop
        return (
            patience > 0 and len(values) > patience and self._best_epoch() < len(values) - patience
        )

    def _finish_epoch(self, phase: Phase, record: dict[str, float]) -> None:
        if self.parts.fabric.world_size > 1:
            # Until now each process has its own batch-norm statistics; all take the first one's.
            for buffer in self.parts.networks.buffers():
                buffer.copy_(self.parts.fabric.broadcast(buffer, src=0))
        self._measure_ranges(phase)
        average = self.parts.average
        with nullcontext() if average is None else average.in_place():
            value = self._judge_epoch(phase, record)
        self._save()
        alone = phase.epochs == self.epochs_expected()
        self.shown.done(
            1,
            *(() if alone else (f"{phase.name} {self.progress.epoch}/{phase.epochs}",)),
            f"loss {record['loss/total']:.4f}",
            f"{self.parts.method.task.primary_metric} {value:.3f}",
        )

    def _judge_epoch(self, phase: Phase, record: dict[str, float]) -> float:
        """Validate the networks as they are, log the epoch, and store them where it is the best.

        Args:
            phase: the epoch's.
            record: what the epoch gave for the log.

        Returns:
            The watched role's primary metric.
        """
        value, metrics = self._validate(phase.watch)
        self.progress.watched.append(value)
        last = self.config.choose == "last"
        newest = len(self.progress.watched) - 1
        if self._best_epoch() == newest and phase.keep == "best" and not last:
            self._phase_best = snapshot(self.parts.networks)
        self.progress.epoch += 1
        improved = phase.watch == self.primary and (last or self._improves(value))
        if improved:
            self.progress.best, self.progress.best_phase, self.progress.best_epoch = (
                value,
                phase.name,
                self.progress.epoch,
            )
        line = {
            "phase": phase.name,
            "phase_index": self.progress.phase,
            "epoch": self.progress.epoch,
            "step": self.progress.step,
        }
        line |= {
            **record,
            **{f"val/{name}": number for name, number in metrics.items()},
            "role": phase.watch,
        }
        if self._log is not None:
            self.progress.log_bytes = self._log.epoch(line, self.progress.step)
        if improved:
            self._write(self.parts.folder.best_path, to_resume=False)
        return value

    def _measure_ranges(self, phase: Phase) -> None:
        """Measure the ranges of the fake-quantised student, if the phase trains it."""
        found = self.parts.quantization
        if found is not None and found.name in phase.trains:
            found.measure()

    def _validate(self, role: str) -> tuple[float, dict[str, float]]:
        method = self.parts.method
        roles = {role: method.roles(self.parts.networks)[role]}
        found = self.parts.quantization
        with nullcontext() if found is None else found.quantizer.simulated():
            predictions = predict_roles(roles, self.parts.validation, self.parts.fabric.device)
        metrics = measure(
            roles, predictions, self.parts.validation, self.parts.validation.card.steering
        )[role]
        return metrics[method.task.primary_metric], metrics

    def _best_epoch(self) -> int:
        """Index in `watched` of the best value, the first of equals. NaN is never best, unless all
        are NaN.
        """
        sign = 1.0 if self.parts.method.task.higher_is_better else -1.0
        return int(np.argmax(np.nan_to_num(np.asarray(self.progress.watched) * sign, nan=-np.inf)))

    def _improves(self, value: float) -> bool:
        best = self.progress.best
        if best is None or (math.isnan(best) and not math.isnan(value)):
            return True
        return value > best if self.parts.method.task.higher_is_better else value < best

    def _finish_phase(self, phase: Phase) -> None:
        if self._phase_best:
            files.restore(self.parts.networks, self._phase_best, "the phase's best weights")
        elif self.parts.average is not None:
            self.parts.average.put()
        self._say_clipped(phase)
        if phase.watch != self.primary:
            self._ended.keep(phase.watch)
        watched = self.progress.watched
        best = watched[self._best_epoch()]
        self.progress.history.append(
            PhaseRecord(phase.name, len(watched), phase.watch, best, watched[-1])
        )
        self._optimizers.end(phase, self.progress.phase)
        self.progress.phase += 1
        self.progress.epoch, self.progress.watched, self._phase_best = 0, [], {}
        self.progress.clipped = self.progress.phase_steps = 0
        self._save()
        if (total := self.epochs_expected()) is not None:
            self.shown.expect(total)

    def _say_clipped(self, phase: Phase) -> None:
        """Tell the user, once in a run, if most steps of a phase were clipped: clip_norm, and not
        lr, then decides how long the steps are.
        """
        clipped, steps = self.progress.clipped, self.progress.phase_steps
        if self.progress.said_clipped or 2 * clipped <= steps:
            return
        self.progress.said_clipped = True
        if self.parts.fabric.is_global_zero:
            _LOG.info(said_of_clipping(phase.name, clipped, steps, self.config.clip_norm))

    def _save(self) -> None:
        self._write(self.parts.folder.last_path, to_resume=True)

    def _write(self, path: Path, to_resume: bool) -> None:
        """Write a checkpoint.

        Args:
            path: the file.
            to_resume: whether it holds all that a resume needs, or only the networks, to be
                measured, exported and driven.
        """
        if not self.parts.fabric.is_global_zero:
            return
        networks = self.parts.networks if to_resume else finished_networks(self.parts.networks)
        stored = Checkpoint(snapshot(networks), self.progress, self.parts.fingerprint)
        stored.roles = self._ended.changed_since()
        if to_resume:
            stored.phase_best = self._phase_best
            stored.optimizers = self._optimizers.states()
        files.save(path, stored)
        _LOG.debug(f"stored {path}")
