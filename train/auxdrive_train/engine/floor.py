"""The floor: metrics of predictions that need no network. A trained network must beat them before
its metrics mean anything.

Legend: N samples, P pixels of a small image, E ego inputs, X of both together.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from auxdrive.cards import PreprocessingSpec
from auxdrive.history import current
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import Float32, Float64
from numpy.typing import NDArray

from auxdrive_train.data.loader import Loader
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.models.inputs import ModalityInput
from auxdrive_train.models.vectors import VectorInput
from auxdrive_train.tasks.metrics import higher_is_better

MetricValues = dict[str, float]
QUANTILES = np.linspace(0.0, 1.0, 41)
IMAGE_SIZE = (12, 32)
NEIGHBOURS = 5
MOST_KNOWN = 2000
MOST_ASKED = 1000
_BATCH = 128


def floors(
    train: SampleSet,
    splits: Mapping[str, SampleSet],
    main: Modality,
    preprocessing: PreprocessingSpec,
    steering: SteeringSpec,
) -> dict[str, dict[str, MetricValues]]:
    """For each split, the metrics of three predictions that need no network.

    - `constant`: for each metric, the constant that is best for it on the training samples.
      Candidates are the labels' mean, their median, and, if the label is a single number, 41 of
      their quantiles.
    - `ego`: a linear function of the ego inputs, fitted by least squares; it does not see the
      image. Only for tasks with ego inputs.
    - `neighbours`: the mean label of the five nearest training samples, by the current image at
      12x32 (or by the vector) and the ego inputs, both standardised. It knows at most 2,000
      training samples and predicts at most 1,000 of a split, both evenly spread.

    Args:
        train: the training samples that the predictions are fitted to.
        splits: the samples to measure on, by name.
        main: the modality that `neighbours` compares.
        preprocessing: its crop.
        steering: the data's steering limits, which the metrics of angles need.

    Returns:
        By split and kind (`constant`, ...), the metrics.
    """
    constants = best_constants(train, steering)
    neighbours = _Neighbours(train, _small_input(main, train, preprocessing))
    made: dict[str, dict[str, MetricValues]] = {}
    for name, samples in splits.items():
        rows = {"constant": of_constants(samples, constants, steering)}
        if train.ego.shape[1]:
            rows["ego"] = of_ego(train, samples, steering)
        asked = _spread(len(samples), MOST_ASKED)
        rows["neighbours"] = samples.task.metrics(
            neighbours.predict(samples, asked), samples.label[asked], steering
        )
        made[name] = rows
    return made


def best_constants(train: SampleSet, steering: SteeringSpec) -> dict[str, Float64]:
    """For each metric, the constant (*label_shape) that is best for it on these samples. Candidates
    are the labels' mean, their median, and, if the label is a single number, 41 of their quantiles.

    Args:
        train: the samples that the constants are fitted to, at least one.
        steering: the data's steering limits, which the metrics of angles need.

    Returns:
        By metric, (*label_shape) in physical units.
    """
    label = train.label.astype(np.float64)
    candidates = [label.mean(axis=0), np.median(label, axis=0)]
    if label[0].size == 1:
        candidates += list(np.quantile(label, QUANTILES, axis=0))
    measured = [_of_constant(train, candidate, steering) for candidate in candidates]
    best = {}
    for metric in measured[0]:
        sign = 1.0 if higher_is_better(metric) else -1.0
        best[metric] = candidates[int(np.argmax([sign * each[metric] for each in measured]))]
    return best


def of_constants(
    samples: SampleSet, constants: Mapping[str, Float64], steering: SteeringSpec
) -> MetricValues:
    """Each metric, measured for the constant that was chosen for it.

    Args:
        samples: the samples to measure on.
        constants: by metric, (*label_shape) in physical units; from `best_constants`.
        steering: the data's steering limits, which the metrics of angles need.

    Returns:
        By metric; R2 is left out if the labels do not vary.
    """
    metrics = {}
    for metric, value in constants.items():
        measured = _of_constant(samples, value, steering)
        if metric in measured:  # R2 is left out if the labels do not vary
            metrics[metric] = measured[metric]
    return metrics


def of_ego(train: SampleSet, samples: SampleSet, steering: SteeringSpec) -> MetricValues:
    """The metrics of a linear function of the ego inputs, fitted by least squares.

    Args:
        train: the samples that it is fitted to.
        samples: the samples to measure on.
        steering: the data's steering limits, which the metrics of angles need.
    """
    label = train.label.reshape(len(train), -1).astype(np.float64)
    fit = np.linalg.lstsq(_design(train), label, rcond=None)[0]
    linear = (_design(samples) @ fit).reshape(samples.label.shape)
    return samples.task.metrics(linear, samples.label, steering)


def _of_constant(samples: SampleSet, value: Float64, steering: SteeringSpec) -> MetricValues:
    return samples.task.metrics(
        np.broadcast_to(value, samples.label.shape), samples.label, steering
    )


def _design(samples: SampleSet) -> Float64:
    """(N, E + 1): the ego inputs and a column of ones."""
    return np.concatenate([samples.ego.astype(np.float64), np.ones((len(samples), 1))], axis=1)


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` of the numbers 0 .. count - 1, evenly spread."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def _small_input(
    main: Modality, train: SampleSet, preprocessing: PreprocessingSpec
) -> ModalityInput | VectorInput:
    """What makes small images of the main modality's frames, or standard vectors."""
    if not main.is_vector:
        return ModalityInput(main, preprocessing.model_copy(update={"size": IMAGE_SIZE}))
    vectors = train.vectors(main)
    made = VectorInput(main, vectors.shape[1])
    made.take(vectors)
    return made


class _Neighbours:
    """Training samples as points (N, X). The image's columns and the ego inputs' columns are scaled
    so that each group has a total variance of one.
    """

    def __init__(self, train: SampleSet, image: ModalityInput | VectorInput) -> None:
        self._image = image
        known = _spread(len(train), MOST_KNOWN)
        images, ego = self._read(train, known)
        self._mean, self._ego_mean = images.mean(axis=0), ego.mean(axis=0)
        self._scale = max(float(np.sqrt(images.var(axis=0).sum())), 1e-6)
        self._ego_scale = np.maximum(ego.std(axis=0), 1e-6) * np.sqrt(max(ego.shape[1], 1))
        self._points = self._standardised(images, ego)
        self._labels = train.label[known].astype(np.float64)

    def predict(self, samples: SampleSet, asked: NDArray[np.int64]) -> Float64:
        """Predictions (N, *label_shape) for the samples of these numbers."""
        points = torch.from_numpy(self._standardised(*self._read(samples, asked)))
        distances = torch.cdist(points, torch.from_numpy(self._points))
        nearest = distances.topk(min(NEIGHBOURS, len(self._points)), dim=1, largest=False).indices
        mean: Float64 = self._labels[nearest.numpy()].mean(axis=1)
        return mean

    def _read(self, samples: SampleSet, chosen: NDArray[np.int64]) -> tuple[Float32, Float32]:
        """Small images, or vectors, (N, P) and ego inputs (N, E)."""
        with torch.no_grad():
            parts = [
                self._image(current(batch.frames[self._image.modality])).flatten(1)
                for batch in Loader(samples, _BATCH).iterate(chosen)
            ]
        return torch.cat(parts).numpy(), samples.ego[chosen]

    def _standardised(self, images: Float32, ego: Float32) -> Float32:
        parts = [(images - self._mean) / self._scale, (ego - self._ego_mean) / self._ego_scale]
        return np.concatenate(parts, axis=1).astype(np.float32)
