"""The ranges of maps on recorded frames: the absolute value that the largest whole number stands
for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from auxdrive.cards import TensorSpec
from auxdrive.types import AnyArray, Float64

from auxdrive_deploy.precisions.frames import Frames
from auxdrive_deploy.precisions.int8 import LARGEST
from auxdrive_deploy.precisions.watching import watched

BINS = 2048
SHARES = np.linspace(0.3, 1.0, 71)
"""The ranges that are tried, as shares of the largest value that was seen."""


def measure_ranges(
    model: bytes,
    shapes: Mapping[str, tuple[int, ...]],
    inputs: Sequence[TensorSpec],
    frames: Frames,
) -> dict[str, float]:
    """The range of each map with the least squared error (`best_range`). The frames are run twice:
    for the largest values, then for how often each value occurs.

    Args:
        model: the graph in float32.
        shapes: of the maps, for one frame, by name.
        inputs: of the graph.
        frames: that calibrate.
    """
    largest = dict.fromkeys(shapes, 0.0)
    for maps in watched(model, shapes, inputs, frames):
        for name, values in maps.items():
            largest[name] = max(largest[name], float(np.abs(values).max()))
    counts = {name: np.zeros(BINS) for name in shapes}
    for maps in watched(model, shapes, inputs, frames):
        for name, values in maps.items():
            counts[name] += occurrences(values, largest[name])
    return {name: best_range(counts[name], largest[name]) for name in shapes}


def occurrences(values: AnyArray, largest: float) -> Float64:
    """How many absolute values lie in each of `BINS` bins from 0 to the largest, (BINS,). Zeros are
    left out: they are kept exactly, whatever the range.

    Args:
        values: of a map, of any shape.
        largest: the upper end of the last bin.
    """
    if not largest > 0:
        return np.zeros(BINS)
    places = (np.abs(values[values != 0]) * np.float32(BINS / largest)).astype(np.int64)
    return np.bincount(np.minimum(places, BINS - 1), minlength=BINS).astype(np.float64)


def best_range(counts: Float64, largest: float) -> float:
    """The range with the least squared error: what lies within is rounded (a twelfth of a step
    squared, on average), what lies outside is cut off.

    Args:
        counts: as `occurrences` gives them.
        largest: the upper end of the last bin.

    Returns:
        A share of `largest`; 0 where that is 0.
    """
    centres = (np.arange(BINS) + 0.5) * largest / BINS
    best, least = largest, np.inf
    for share in SHARES[::-1]:
        end = float(share) * largest
        within = centres <= end
        rounded = counts[within].sum() * (end / LARGEST) ** 2 / 12
        error = float(rounded + (counts[~within] * (centres[~within] - end) ** 2).sum())
        if error < least:
            best, least = end, error
    return best
