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
from auxdrive.errors import UsageError
from auxdrive.modalities import Modality
from auxdrive.runs import RunResult
from auxdrive.types import Float32, UInt8
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.load import Run
from auxdrive_train.quantization.calibration import calibration_samples, spread

from auxdrive_deploy.metrics import parts_of, rgb_samples, same_data

HELD_OUT = 1024
"""The most frames on which a precision is judged, evenly spread."""


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
        images: N of uint8 (H, W, 3), or (F, H, W, 3) for a student that sees F images at once, read
            when they are asked for.
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
        places = spread(len(self), count)
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
    samples = rgb_samples(run, dataset, parts)
    return _frames(samples.chosen(spread(len(samples), HELD_OUT)))


def calibration_frames(run: Run, count: int) -> Frames:
    """Frames of the training part, chosen over steering, speed and light (see
    `auxdrive_train.quantization.calibration`).

    Args:
        run: that is exported.
        count: how many.

    Raises:
        UsageError: the data set is gone or has changed.
    """
    dataset = _dataset(run)
    every = run.config.validation_every
    return _frames(calibration_samples(dataset, every, run.task, count, run.config.history))


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
