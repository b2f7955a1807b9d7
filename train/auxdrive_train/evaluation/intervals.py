"""The task's metrics of a sample set with 95 % intervals, as cards and evaluations show them."""

from __future__ import annotations

import numpy as np
from auxdrive.cards import Interval
from auxdrive.statistics import bootstrap_intervals
from auxdrive.steering import SteeringSpec
from auxdrive.types import Float32

from auxdrive_train.data.samples import SampleSet
from auxdrive_train.tasks.metrics import metric_unit

RESAMPLES = 1000
MAX_RESAMPLED = 20_000_000
"""Largest number of samples in all resamples together. For large sets fewer resamples are drawn, at
least 200.
"""
MIN_GROUPS = 5
"""With fewer groups the resamples are so few and so alike that an interval would be far too narrow;
then none is given.
"""


def metric_intervals(
    predictions: Float32, samples: SampleSet, steering: SteeringSpec, seed: int
) -> dict[str, Interval]:
    """The task's metrics with percentile intervals (bootstrap, Efron 1979). Whole groups of frames
    that are independent of each other are resampled (`SampleSet.independent`). With fewer than
    `MIN_GROUPS` groups, metrics have no bounds.

    Args:
        predictions: (N, *label_shape) in physical units, in the samples' order.
        samples: what was predicted.
        steering: the data's steering limits, by which angles are judged.
        seed: seed of the resampling.
    """
    task = samples.task
    group_of, _ = samples.independent(MIN_GROUPS)
    return bootstrap_intervals(
        task.metrics(predictions, samples.label, steering),
        lambda index: task.metrics(predictions[index], samples.label[index], steering),
        group_of,
        resamples=min(RESAMPLES, max(200, MAX_RESAMPLED // len(samples))),
        seed=seed,
        min_groups=MIN_GROUPS,
        unit_of=metric_unit,
    )


def of_intervals(samples: SampleSet) -> str:
    """A sentence on what the intervals are over, or why there are none."""
    group_of, what = samples.independent(MIN_GROUPS)
    if len(np.unique(group_of)) < MIN_GROUPS:
        return f"no intervals: it is {what}, and {MIN_GROUPS} are needed at least"
    return f"95 % intervals from a bootstrap over {what}"
