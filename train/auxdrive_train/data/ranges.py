"""What the ego inputs of the training samples held, for the bundle's card: a vehicle is told when
it asks for something else.
"""

from __future__ import annotations

import numpy as np
import torch
from auxdrive.cards import InputRange

from auxdrive_train.data.samples import SampleSet


def input_ranges(samples: SampleSet, mirrored: bool) -> dict[str, InputRange]:
    """By name of the ego input: the least and the largest value of each column over all training
    samples.

    Args:
        samples: those that training shows. mirrored: whether it shows their mirror images too,
            which then count. Noise does not: a speed that was drawn beyond all recordings comes
            with a picture of another speed.
    """
    ego = samples.ego
    if mirrored:
        ego = np.concatenate([ego, samples.task.mirror_ego(torch.from_numpy(ego)).numpy()])
    found, column = {}, 0
    for spec in samples.task.ego_inputs:
        columns = ego[:, column : column + int(spec.shape[-1])]
        found[spec.name] = InputRange(
            low=tuple(columns.min(axis=0).tolist()), high=tuple(columns.max(axis=0).tolist())
        )
        column += columns.shape[1]
    return found
