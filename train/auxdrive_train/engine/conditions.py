"""Metrics by what the vehicle did, how fast it drove, how far it steered, by the conditions in
which the data were recorded, and by what kept the expert from driving faster.

Legend: N samples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.data.plan import HELD_BY, holding
from auxdrive.inspection.summary import STRAIGHT_DEG
from auxdrive.runs import Condition, Metrics
from auxdrive.standing import STANDING_MPS
from auxdrive.types import Float32, Float64
from numpy.typing import NDArray

from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.floor import MetricValues, of_constants

SPEEDS_MPS = (STANDING_MPS, 5.0, 10.0)
"""Limits between the bands of speed."""
ANGLES_DEG = (STRAIGHT_DEG, 5.0, 15.0)
"""Limits between the bands of the road-wheel angle, left and right alike."""


def conditions(dataset: Dataset, samples: SampleSet) -> dict[str, NDArray[np.bool_]]:
    """For each condition, such as "speed below 5 m/s", the samples for which it holds. Conditions
    without samples are left out. A sample whose speed was not recorded is in no band of speed, and
    those of data sets that name no conditions in none of theirs.

    Args:
        dataset: the data set that the samples are from.
        samples: the samples to sort.

    Returns:
        By condition, bool (N,).
    """
    speed_mps = _of_state(dataset, samples, "speed_mps")
    angle_deg = np.abs(np.degrees(_of_state(dataset, samples, "steer_rad")))
    return {
        **_bands("speed", speed_mps, SPEEDS_MPS, "m/s"),
        **_bands("steering angle", angle_deg, ANGLES_DEG, "°"),
        **_recorded_in(dataset, samples),
        **_held_by(dataset, samples),
    }


def _recorded_in(dataset: Dataset, samples: SampleSet) -> dict[str, NDArray[np.bool_]]:
    named = [dataset.origin(name).condition for name in samples.episode_ids]
    of_sample = np.array(named, dtype=np.str_)[samples.episode_of]
    found = {f"condition {name}": of_sample == name for name in dict.fromkeys(named) if name}
    return {name: rows for name, rows in found.items() if rows.any()}


def _held_by(dataset: Dataset, samples: SampleSet) -> dict[str, NDArray[np.bool_]]:
    """The samples by what kept the expert from driving faster, where recordings tell."""
    which = np.full(len(samples), -1)
    for place, name in enumerate(samples.episode_ids):
        plan = dataset.episode(name).plan
        if plan is not None:
            rows = samples.episode_of == place
            which[rows] = holding(plan[samples.frame_of[rows]])
    found = {f"held by {name.replace('_', ' ')}": which == i for i, name in enumerate(HELD_BY)}
    return {name: rows for name, rows in found.items() if rows.any()}


def _of_state(dataset: Dataset, samples: SampleSet, field: str) -> Float64:
    """One field of the recorded state for each sample, (N,)."""
    values = np.full(len(samples), np.nan)
    for place, name in enumerate(samples.episode_ids):
        rows = samples.episode_of == place
        values[rows] = dataset.episode(name).state[field][samples.frame_of[rows]]
    return values


def _bands(
    what: str, values: Float64, edges: tuple[float, ...], unit: str
) -> dict[str, NDArray[np.bool_]]:
    found = {f"{what} below {edges[0]:g} {unit}": values < edges[0]}
    for low, high in pairwise(edges):
        found[f"{what} {low:g} to {high:g} {unit}"] = (values >= low) & (values < high)
    found[f"{what} from {edges[-1]:g} {unit}"] = values >= edges[-1]
    return {name: rows for name, rows in found.items() if rows.any()}


def by_condition(
    dataset: Dataset,
    samples: SampleSet,
    predictions: Float32,
    constants: Mapping[str, Float64],
) -> dict[str, Condition]:
    """By condition the metrics of predictions (N, *label_shape) and of the best constants.

    Args:
        dataset: that the samples are of.
        samples: what was predicted.
        predictions: in physical units, in the samples' order.
        constants: by metric, from `auxdrive_train.engine.floor.best_constants`.
    """
    steering = dataset.card.steering
    made = {}
    for name, rows in conditions(dataset, samples).items():
        part = samples.chosen(rows)
        made[name] = Condition(
            frames=len(part),
            metrics=finite(samples.task.metrics(predictions[rows], part.label, steering)),
            constant=finite(of_constants(part, constants, steering)),
        )
    return made


def finite(metrics: MetricValues) -> Metrics:
    """The metrics as they are stored: None for what is no number."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}
