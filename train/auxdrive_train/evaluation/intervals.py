"""The task's metrics of a sample set with 95 % intervals, as cards and evaluations state them."""

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
"""Samples that all resamples together may hold; above, fewer resamples are drawn, never fewer than
200.
"""
MIN_GROUPS = 5
"""With fewer, the resamples are so few and alike that their spread says nothing; an interval from
them would be far too narrow.
"""


def metric_intervals(
    predictions: Float32, samples: SampleSet, steering: SteeringSpec, seed: int
) -> dict[str, Interval]:
    """The task's metrics of predictions (N, *label_shape) with percentile intervals over resampled
    groups of frames that are independent of each other (`SampleSet.independent`; Efron 1979); no
    bounds for fewer than `MIN_GROUPS`.

    Args:
        predictions: in physical units, in the samples' order.
        samples: what was predicted.
        steering: of the data, by which angles are judged.
        seed: of the drawing.
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
    """What the intervals are over, or why there are none, for people."""
    group_of, what = samples.independent(MIN_GROUPS)
    if len(np.unique(group_of)) < MIN_GROUPS:
        return f"no intervals: it is {what}, and {MIN_GROUPS} are needed at least"
    return f"95 % intervals from a bootstrap over {what}"
