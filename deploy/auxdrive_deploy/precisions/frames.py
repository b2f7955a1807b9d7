"""Recorded frames for a precision: those of the training part that calibrate it, and those that
took part in nothing, on which it is judged.

Legend: N frames, H, W rows and columns of the camera, E ego inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.data.division import training_parts
from auxdrive.errors import UsageError
from auxdrive.modalities import Modality
from auxdrive.runs import RunResult
from auxdrive.types import AnyArray, Float32, Float64, UInt8
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.load import Run
from numpy.typing import NDArray

from auxdrive_deploy.metrics import parts_of, same_data

LEVELS = 4
"""Steering, speed and light are each divided into so many levels of one width."""
MOST_CANDIDATES = 4096
"""Frames are chosen among so many of the training part, evenly spread."""
HELD_OUT = 1024
"""The most frames on which a precision is judged, evenly spread."""
EVERY_PIXEL = 8
"""The light of a frame is the mean of every eighth pixel of every eighth row."""


class _Images(Sequence[UInt8]):
    """The images of samples, read one at a time."""

    def __init__(self, samples: SampleSet) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: Any) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        batch = self._samples.gather(np.array([index % len(self)], np.int64))
        return batch.frames[Modality.RGB][0].numpy()


@dataclass(frozen=True)
class Frames:
    """Recorded frames.

    Attributes:
        images: N of uint8 (H, W, 3), read when they are asked for.
        ego: float32 (N, E), the ego inputs.
        labels: float32 (N, *label_shape), what was recorded.
    """

    images: Sequence[UInt8]
    ego: Float32
    labels: Float32

    def __len__(self) -> int:
        """How many frames there are."""
        return len(self.images)

    def few(self, count: int) -> Frames:
        """At most so many of them, evenly spread."""
        places = _spread(len(self), count)
        images = [self.images[place] for place in places]
        return Frames(images, self.ego[places], self.labels[places])


def held_out_frames(run: Run, result: RunResult) -> Frames:
    """Frames of the validation part and of the further splits that the run was measured on.

    Args:
        run: that is exported.
        result: what it measured.

    Raises:
        UsageError: the data set is gone or has changed.
    """
    dataset = _dataset(run)
    parts = [part for split in result.metrics for part in parts_of(run, dataset, split)]
    samples = SampleSet.open(dataset, parts, run.task, (Modality.RGB,))
    return _frames(samples.chosen(_spread(len(samples), HELD_OUT)))


def calibration_frames(run: Run, count: int) -> Frames:
    """Frames of the training part, chosen over steering, speed and light (see `choose`).

    Args:
        run: that is exported.
        count: how many.

    Raises:
        UsageError: the data set is gone or has changed.
    """
    dataset = _dataset(run)
    parts = training_parts(dataset, run.config.validation_every).train
    samples = SampleSet.open(dataset, parts, run.task, (Modality.RGB,))
    samples = samples.chosen(_spread(len(samples), MOST_CANDIDATES))
    return _frames(samples.chosen(choose(_conditions(dataset, samples), count)))


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
        chosen += cell[_spread(len(cell), share)].tolist()
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


def _spread(size: int, count: int) -> NDArray[np.intp]:
    """At most `count` of `size` places, evenly spread."""
    count = min(size, count)
    return (2 * np.arange(count, dtype=np.intp) + 1) * size // max(2 * count, 1)


def _conditions(dataset: Dataset, samples: SampleSet) -> list[Float64]:
    steer, speed = np.empty(len(samples)), np.empty(len(samples))
    for number, name in enumerate(samples.episode_ids):
        rows = samples.episode_of == number
        state = dataset.episode(name).state[samples.frame_of[rows]]
        steer[rows], speed[rows] = state["steer_rad"], state["speed_mps"]
    light = [float(_thinned(image).mean()) for image in _Images(samples)]
    return [steer, speed, np.array(light)]


def _thinned(image: AnyArray) -> AnyArray:
    return image[::EVERY_PIXEL, ::EVERY_PIXEL]


def _frames(samples: SampleSet) -> Frames:
    return Frames(_Images(samples), samples.ego, samples.label)


def _dataset(run: Run) -> Dataset:
    dataset, reason = same_data(run)
    if dataset is None:
        raise UsageError(
            f"{run.directory}: a precision is calibrated and judged on the recorded frames of "
            f"{run.config.data}, and {reason}. Export without --precision, or where the data are"
        )
    return dataset
