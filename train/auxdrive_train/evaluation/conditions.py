"""The frames of a sample set by what the vehicle did: how fast it drove, how far it steered.

Legend: N samples.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from auxdrive.data.camera_faults import STANDING_MPS
from auxdrive.data.dataset import Dataset
from auxdrive.inspection.summary import STRAIGHT_DEG
from auxdrive.types import Float64
from numpy.typing import NDArray

from auxdrive_train.data.samples import SampleSet

SPEEDS_MPS = (STANDING_MPS, 5.0, 10.0)
"""Where one band of speeds ends and the next begins."""
ANGLES_DEG = (STRAIGHT_DEG, 5.0, 15.0)
"""The same of road-wheel angles, left and right alike."""


def conditions(dataset: Dataset, samples: SampleSet) -> dict[str, NDArray[np.bool_]]:
    """By condition, such as "speed below 5 m/s", the samples (N,) that it holds for; conditions
    without a sample are left out. A frame without a speed is in no band of speeds.

    Args:
        dataset: that the samples are of.
        samples: any of its frames.
    """
    speed_mps = _of_state(dataset, samples, "speed_mps")
    angle_deg = np.abs(np.degrees(_of_state(dataset, samples, "steer_rad")))
    return {
        **_bands("speed", speed_mps, SPEEDS_MPS, "m/s"),
        **_bands("steering", angle_deg, ANGLES_DEG, "°"),
    }


def _of_state(dataset: Dataset, samples: SampleSet, field: str) -> Float64:
    """A field of the recorded state for each sample, (N,)."""
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
