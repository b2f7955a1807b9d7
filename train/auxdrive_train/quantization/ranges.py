"""The range of a map, by how often each value occurs in it: the absolute value that the largest
whole number stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np
from auxdrive.types import AnyArray, Float64

from auxdrive_train.quantization.weights import LARGEST

BINS = 2048
SHARES = np.linspace(0.3, 1.0, 71)
"""The ranges that are tried, as shares of the largest value that was seen."""


def measured_ranges(
    names: Collection[str], maps: Callable[[], Iterable[Mapping[str, AnyArray]]]
) -> dict[str, float]:
    """The range of each map with the least squared error (`best_range`). The frames are run twice:
    for the largest values, then for how often each value occurs.

    Args:
        names: of the maps.
        maps: runs all frames that calibrate, and gives each one's maps in float32 by their names.
    """
    largest = dict.fromkeys(names, 0.0)
    for found in maps():
        for name in names:
            largest[name] = max(largest[name], float(np.abs(found[name]).max()))
    counts = {name: np.zeros(BINS) for name in names}
    for found in maps():
        for name in names:
            counts[name] += occurrences(found[name], largest[name])
    return {name: best_range(counts[name], largest[name]) for name in names}


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
