"""The student's metrics for the card, with 95 % intervals if the data that they were measured on
are still there.

Legend: N samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from auxdrive.cards import Interval
from auxdrive.data.dataset import VALIDATION_SPLIT, Dataset
from auxdrive.data.division import training_parts
from auxdrive.data.sessions import Stretch
from auxdrive.errors import CheckFailed, DataError
from auxdrive.modalities import Modality
from auxdrive.runs import RunResult
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.evaluate import predict_roles
from auxdrive_train.engine.load import Run
from auxdrive_train.evaluation.intervals import metric_intervals, of_intervals
from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.tasks.metrics import metric_unit

from auxdrive_deploy.student_graph import student_of

AGREEMENT = 0.02
"""How much a main metric that is measured again may differ from the run's own, as a share, plus
0.001: another device adds in another order.
"""


@dataclass
class StudentMetrics:
    """The student's metrics for the card.

    Attributes:
        intervals: by '<split>/<metric>'.
        notes: how they were computed, one sentence per split, for people.
        not_recomputed: those of the notes that are about values taken over from training; the user
            should see them.
    """

    intervals: dict[str, Interval] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    not_recomputed: list[str] = field(default_factory=list)


def student_metrics(run: Run, result: RunResult) -> StudentMetrics:
    """Every finite metric of the student on every split that the run measured.

    Intervals are from a bootstrap over whole sessions, or over whole minutes if there are few
    sessions, since neighbouring frames are not independent (`auxdrive_train.evaluation.intervals`).
    If the data set is gone or has changed, the run's own values are used without intervals, and a
    note says so.

    Args:
        run: the loaded run.
        result: what it measured after training.

    Raises:
        CheckFailed: the main metric is not the one that the run recorded, so weights and result are
            not of the same run.
    """
    metrics = StudentMetrics()
    dataset, reason = same_data(run)
    for split, roles in result.metrics.items():
        recorded = {
            name: math.nan if value is None else float(value)
            for name, value in roles.get(STUDENT, {}).items()
        }
        if dataset is None:
            made = {
                name: Interval(value=value, unit=metric_unit(name))
                for name, value in recorded.items()
            }
            note = f"`{split}`: as measured after training, without intervals: {reason}."
            metrics.notes.append(note)
            metrics.not_recomputed.append(note)
        else:
            samples = _samples(run, dataset, split)
            network = {STUDENT: student_of(run)}
            predictions = predict_roles(network, samples, torch.device("cpu"))[STUDENT]
            made = metric_intervals(predictions, samples, run.card.steering, run.config.seed)
            _check_agreement(run, split, recorded, made)
            metrics.notes.append(
                f"`{split}`: {len(samples)} frames of {len(samples.episode_ids)} episode(s); "
                f"{of_intervals(samples)}."
            )
        metrics.intervals |= {
            f"{split}/{name}": value for name, value in made.items() if math.isfinite(value.value)
        }
    return metrics


def floor_of(result: RunResult, metrics: Iterable[str]) -> dict[str, dict[str, float]]:
    """The floor for the card: by kind, the metrics of predictions that need no network.

    Args:
        result: what the run measured.
        metrics: names '<split>/<metric>' of the student's metrics; others are left out.
    """
    made: dict[str, dict[str, float]] = {}
    for name in metrics:
        split, metric = name.split("/", 1)
        for kind, measured in result.floor.get(split, {}).items():
            value = measured.get(metric)
            if value is not None:
                made.setdefault(kind, {})[name] = value
    return made


def same_data(run: Run) -> tuple[Dataset | None, str]:
    """The data set that the run was trained on; or None, and why."""
    try:
        dataset = Dataset.open(run.config.data)
        if dataset.fingerprint() != run.record.dataset_sha256:
            return None, "the data set has changed since training"
    except DataError:
        return None, "the data set was not at hand when the bundle was made"
    return dataset, ""


def _samples(run: Run, dataset: Dataset, split: str) -> SampleSet:
    return rgb_samples(run, dataset, parts_of(run, dataset, split))


def rgb_samples(run: Run, dataset: Dataset, parts: Sequence[str | Stretch]) -> SampleSet:
    """The usable frames of some parts, as a run's student sees them.

    Args:
        run: that was trained on the data set.
        dataset: the data set.
        parts: episodes by name, or stretches of episodes.
    """
    return SampleSet.open(dataset, parts, run.task, (Modality.RGB,), run.config.history)


def parts_of(run: Run, dataset: Dataset, split: str) -> Sequence[str | Stretch]:
    """The episodes, or stretches of them, of a split that a run was measured on.

    Args:
        run: that was trained on the data set.
        dataset: the data set.
        split: its name, "val" for the validation part.
    """
    if split == VALIDATION_SPLIT:
        return training_parts(dataset, run.config.validation_every).validation
    return dataset.split(split)


def _check_agreement(
    run: Run, split: str, recorded: dict[str, float], made: dict[str, Interval]
) -> None:
    name = run.task.primary_metric
    then, now = recorded.get(name, math.nan), made[name].value
    if not abs(now - then) <= AGREEMENT * abs(then) + 1e-3:
        raise CheckFailed(
            f"{run.directory}: the student's {name} on '{split}' is {now:.4f}, result.json says "
            f"{then:.4f}. Its weights and its result "
            "are not of one training: finish the run again with --resume"
        )
