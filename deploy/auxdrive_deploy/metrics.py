"""The student's metrics for the card, with 95 % intervals wherever the data that they were measured
on are still at hand.

Legend: N samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from auxdrive.cards import Interval
from auxdrive.data.dataset import VALIDATION_SPLIT, Dataset
from auxdrive.data.division import training_parts
from auxdrive.errors import CheckFailed, DataError
from auxdrive.modalities import Modality
from auxdrive.runs import RunResult
from auxdrive.statistics import bootstrap_intervals
from auxdrive.types import Float32
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.evaluate import predict_roles
from auxdrive_train.engine.load import Run
from auxdrive_train.methods.contract import STUDENT

from auxdrive_deploy.student_graph import student_of

RESAMPLES = 1000
MAX_RESAMPLED = 20_000_000
"""Samples that all resamples together may hold; above, fewer resamples are drawn, never fewer than
200.
"""
MIN_GROUPS = 5
"""With fewer, the resamples are so few and alike that their spread says nothing; an interval from
them would be far too narrow.
"""
AGREEMENT = 0.02
"""A recomputed main metric may differ from the run's own by this share plus 0.001: another device
adds in another order.
"""


@dataclass
class StudentFigures:
    """intervals: '<split>/<metric>' -> value. notes: for people, how they were computed, one
    sentence per split. not_recomputed: those of the notes that tell of values taken over from
    training, which whoever exports should hear of.
    """

    intervals: dict[str, Interval] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    not_recomputed: list[str] = field(default_factory=list)


def student_figures(run: Run, result: RunResult) -> StudentFigures:
    """Every finite metric of the student on every split that the run measured.

    Intervals are those of a bootstrap over whole sessions, or whole minutes of few sessions, since
    frames near each other are not independent; a split of fewer than `MIN_GROUPS` has none. Where
    the data set is gone or has changed, the run's own values stand without intervals, and a note
    says so.

    Raises:
        CheckFailed: the recomputed main metric is not the one that the run recorded: its weights or
            its result belong to another run.
    """
    figures = StudentFigures()
    dataset, reason = _same_data(run)
    for split, roles in result.metrics.items():
        recorded = {
            name: math.nan if value is None else float(value)
            for name, value in roles.get(STUDENT, {}).items()
        }
        if dataset is None:
            made = {
                name: Interval(value=value, unit=_unit(name)) for name, value in recorded.items()
            }
            note = f"`{split}`: as measured after training, without intervals: {reason}."
            figures.notes.append(note)
            figures.not_recomputed.append(note)
        else:
            samples = _samples(run, dataset, split)
            said = predict_roles({STUDENT: student_of(run)}, samples, torch.device("cpu"))[STUDENT]
            made = bootstrap_metrics(run, said, samples)
            _check_agreement(run, split, recorded, made)
            figures.notes.append(
                f"`{split}`: {len(samples)} frames of {len(samples.episode_ids)} episode(s); "
                f"{_of_intervals(samples)}."
            )
        figures.intervals |= {
            f"{split}/{name}": value for name, value in made.items() if math.isfinite(value.value)
        }
    return figures


def floor_of(result: RunResult, metrics: Iterable[str]) -> dict[str, dict[str, float]]:
    """For the card: by kind the figures of what needs no network, for those of the metrics
    ('<split>/<metric>') that it has.
    """
    made: dict[str, dict[str, float]] = {}
    for name in metrics:
        split, metric = name.split("/", 1)
        for kind, figures in result.floor.get(split, {}).items():
            value = figures.get(metric)
            if value is not None:
                made.setdefault(kind, {})[name] = value
    return made


def bootstrap_metrics(run: Run, predictions: Float32, samples: SampleSet) -> dict[str, Interval]:
    """The task's metrics of predictions (N, *target_shape) with percentile intervals over resampled
    groups of frames that are independent of each other (`SampleSet.independent`; Efron 1979); no
    bounds for fewer than `MIN_GROUPS`.
    """
    task, steering = run.task, run.card.steering
    group_of, _ = samples.independent(MIN_GROUPS)
    return bootstrap_intervals(
        task.metrics(predictions, samples.target, steering),
        lambda index: task.metrics(predictions[index], samples.target[index], steering),
        group_of,
        resamples=min(RESAMPLES, max(200, MAX_RESAMPLED // len(samples))),
        seed=run.config.seed,
        min_groups=MIN_GROUPS,
        unit_of=_unit,
    )


def _same_data(run: Run) -> tuple[Dataset | None, str]:
    """The data set that the run was trained on, or None and why not."""
    try:
        dataset = Dataset.open(run.config.data)
        if dataset.fingerprint() != run.record.dataset_sha256:
            return None, "the data set has changed since training"
    except DataError:
        return None, "the data set was not at hand when the bundle was made"
    return dataset, ""


def _samples(run: Run, dataset: Dataset, split: str) -> SampleSet:
    parts = (
        training_parts(dataset, run.config.validation_every).validation
        if split == VALIDATION_SPLIT
        else dataset.split(split)
    )
    return SampleSet.open(dataset, parts, run.task, (Modality.RGB,))


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


def _of_intervals(samples: SampleSet) -> str:
    group_of, what = samples.independent(MIN_GROUPS)
    if len(np.unique(group_of)) < MIN_GROUPS:
        return f"no intervals: it is {what}, and {MIN_GROUPS} are needed at least"
    return f"95 % intervals from a bootstrap over {what}"


def _unit(metric: str) -> str:
    """The metrics' names carry their units; shares and R2 have none."""
    return next(
        (
            unit
            for suffix, unit in (("_deg", "deg"), ("_mps", "m/s"), ("_m", "m"))
            if metric.endswith(suffix)
        ),
        "",
    )
