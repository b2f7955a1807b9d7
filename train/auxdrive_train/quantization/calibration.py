"""Recorded frames of the training part that give the ranges of maps, chosen over steering, speed
and light.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from auxdrive.cards import HistorySpec
from auxdrive.data.dataset import Dataset
from auxdrive.data.division import training_parts
from auxdrive.history import current
from auxdrive.modalities import Modality
from auxdrive.types import Float64
from numpy.typing import NDArray

from auxdrive_train.data.samples import SampleSet
from auxdrive_train.tasks.base import Task

CALIBRATION_FRAMES = 128
"""How many frames calibrate where nothing else is asked for."""
LEVELS = 4
"""Steering, speed and light are each divided into so many levels of one width."""
MOST_CANDIDATES = 4096
"""Frames are chosen among so many of the training part, evenly spread."""
EVERY_PIXEL = 8
"""The light of a frame is the mean of every eighth pixel of every eighth row."""


def calibration_samples(
    dataset: Dataset, validation_every: int, task: Task, count: int, history: HistorySpec
) -> SampleSet:
    """Frames of the training part, chosen over steering, speed and light (see `choose`).

    Args:
        dataset: the data set.
        validation_every: of the run's settings, which divides it.
        task: what is predicted.
        count: how many.
        history: which images the student sees at once.
    """
    parts = training_parts(dataset, validation_every).train
    samples = SampleSet.open(dataset, parts, task, (Modality.RGB,), history)
    samples = samples.chosen(spread(len(samples), MOST_CANDIDATES))
    return samples.chosen(choose(_conditions(dataset, samples), count))


def choose(conditions: Sequence[Float64], count: int) -> NDArray[np.intp]:
    """Frames that cover all conditions as evenly as can be.

    The least and the largest value of each condition come first, then the combinations of levels in
    turn, one frame each, until there are enough; those of one combination are evenly spread in
    time. So a rare sharp turn at dusk is there as well as a straight road at noon.

    Args:
        conditions: for each condition its value in every frame, (N,), in the order of time; NaN
            where it is not known.
        count: how many frames, 1 or more.

    Returns:
        The numbers of min(count, N) frames, in increasing order.
    """
    frames = len(conditions[0])
    if count >= frames:
        return np.arange(frames)
    chosen = list(dict.fromkeys(_extremes(conditions)))[:count]
    taken = np.zeros(frames, np.bool_)
    taken[chosen] = True
    levels = np.stack([_levels(each) for each in conditions], axis=1)
    cell_of = np.unique(levels, axis=0, return_inverse=True)[1].reshape(-1)
    cells = [np.flatnonzero((cell_of == cell) & ~taken) for cell in range(int(cell_of.max()) + 1)]
    shares = _shares([len(cell) for cell in cells], count - len(chosen))
    for cell, share in zip(cells, shares, strict=True):
        chosen += cell[spread(len(cell), share)].tolist()
    return np.sort(np.array(chosen, np.intp))


def _extremes(conditions: Sequence[Float64]) -> list[int]:
    found = []
    for values in conditions:
        if (known := np.isfinite(values)).any():
            found.append(int(np.where(known, values, np.inf).argmin()))
            found.append(int(np.where(known, values, -np.inf).argmax()))
    return found


def _levels(values: Float64) -> NDArray[np.intp]:
    """The level of each value, 0 to LEVELS - 1; LEVELS where it is not known."""
    known = np.isfinite(values)
    levels = np.full(len(values), LEVELS, np.intp)
    if known.any():
        low, high = float(values[known].min()), float(values[known].max())
        share = (values[known] - low) / max(high - low, 1e-12)
        levels[known] = np.minimum((share * LEVELS).astype(np.intp), LEVELS - 1)
    return levels


def _shares(sizes: Sequence[int], count: int) -> list[int]:
    """How many each cell gives: one in turn, as long as it has any left."""
    shares = [0] * len(sizes)
    while count > 0:
        open_ones = [cell for cell, size in enumerate(sizes) if shares[cell] < size]
        for cell in open_ones[:count]:
            shares[cell] += 1
        count -= len(open_ones[:count])
    return shares


def spread(size: int, count: int) -> NDArray[np.intp]:
    """At most so many places, evenly spread.

    Args:
        size: how many places there are, numbered from 0.
        count: how many are wanted.
    """
    count = min(size, count)
    return (2 * np.arange(count, dtype=np.intp) + 1) * size // max(2 * count, 1)


def _conditions(dataset: Dataset, samples: SampleSet) -> list[Float64]:
    steer, speed = np.empty(len(samples)), np.empty(len(samples))
    for number, name in enumerate(samples.episode_ids):
        rows = samples.episode_of == number
        state = dataset.episode(name).state[samples.frame_of[rows]]
        steer[rows], speed[rows] = state["steer_rad"], state["speed_mps"]
    light = [_light_of(samples, place) for place in range(len(samples))]
    return [steer, speed, np.array(light)]


def _light_of(samples: SampleSet, place: int) -> float:
    """The mean of the pixels of a frame that are looked at."""
    frames = samples.gather(np.array([place], np.int64)).frames[Modality.RGB]
    image = current(frames)[0].numpy()
    return float(image[::EVERY_PIXEL, ::EVERY_PIXEL].mean())
