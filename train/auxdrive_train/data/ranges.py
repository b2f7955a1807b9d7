"""What the ego inputs of the training samples held, for the bundle's card: a vehicle is told when
it asks for something else.
"""

from __future__ import annotations

import numpy as np
from auxdrive.cards import InputRange

from auxdrive_train.data.samples import SampleSet


def input_ranges(samples: SampleSet, mirrored: bool) -> dict[str, InputRange]:
    """By name of the ego input: the least and the largest value of each column over all training
    samples.

    Args:
        samples: those that training shows. mirrored: whether it shows their mirror images too,
            which then count. Noise does not: a speed that was drawn beyond all recordings comes
            with an image of another speed.
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
