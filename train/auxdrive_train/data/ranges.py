"""The ranges of the ego inputs in training, for the bundle's card: a vehicle that feeds values
outside them is warned.
"""

from __future__ import annotations

import numpy as np
from auxdrive.cards import InputRange

from auxdrive_train.data.samples import SampleSet


def input_ranges(samples: SampleSet, mirrored: bool) -> dict[str, InputRange]:
    """For each ego input the smallest and largest value of each column over all training samples.

    Noise is not counted: a speed beyond all recordings that noise produced comes with the image of
    another speed.

    Args:
        samples: the training samples.
        mirrored: whether training also shows mirrored samples, which then count too.
    """
    rows, layout = samples.ego, samples.task.ego
    if mirrored:
        rows = np.concatenate([rows, layout.mirror(rows.copy())])
    return {
        name: InputRange(
            low=tuple(rows[:, columns].min(axis=0).tolist()),
            high=tuple(rows[:, columns].max(axis=0).tolist()),
        )
        for name, columns in layout.columns.items()
    }
