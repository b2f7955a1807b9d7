"""Predictions and metrics of a run's views over a sample set."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from auxdrive.types import Float32
from numpy.typing import NDArray
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.data.loader import Loader
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.models.networks import Network

EVALUATION_BATCH = 128


def predict_views(
    views: Mapping[str, Network], samples: SampleSet, device: torch.device
) -> dict[str, Float32]:
    """Predictions (N, *target_shape) of every view in evaluation mode, in the samples' order; modes
    are put back afterwards.
    """
    modes = {name: [module.training for module in view.modules()] for name, view in views.items()}
    parts: dict[str, list[Float32]] = {name: [] for name in views}
    try:
        for view in views.values():
            view.eval()
        with torch.no_grad():
            for batch in Loader(samples, EVALUATION_BATCH).iterate(
                np.arange(len(samples), dtype=np.int64)
            ):
                moved = batch.to(device)
                for name, view in views.items():
                    parts[name].append(view(moved).prediction.float().cpu().numpy())
    finally:
        for name, view in views.items():
            _put_back(view, modes[name])
    return {name: np.concatenate(part) for name, part in parts.items()}


def examples(samples: SampleSet, modality: Modality) -> Batch:
    """Up to `EVALUATION_BATCH` samples that have the modality, evenly spread, always the same.

    Raises:
        DataError: no sample has it.
    """
    having = np.flatnonzero(samples.has(modality))
    if not len(having):
        raise DataError(
            f"none of {len(samples)} training samples has {modality}; record or derive it, or "
            "leave it out"
        )
    places = (
        np.linspace(0, len(having) - 1, min(EVALUATION_BATCH, len(having))).round().astype(np.int64)
    )
    return samples.gather(having[places])


def _put_back(view: nn.Module, modes: list[bool]) -> None:
    for module, mode in zip(view.modules(), modes, strict=True):
        module.training = mode


def counted(view: Network, samples: SampleSet) -> NDArray[np.bool_]:
    """The samples that a view is measured on, bool (N,): a network of one modality answers for
    those that have it.
    """
    return (
        samples.has(view.modalities[0])
        if len(view.modalities) == 1
        else np.ones(len(samples), dtype=np.bool_)
    )


def measure(
    views: Mapping[str, Network],
    predictions: Mapping[str, Float32],
    samples: SampleSet,
    steering: SteeringSpec,
) -> dict[str, dict[str, float]]:
    """Each view's metrics, under its name, over the samples that count for it."""
    measured = {}
    for name, prediction in predictions.items():
        rows = counted(views[name], samples)
        measured[name] = samples.task.metrics(prediction[rows], samples.target[rows], steering)
    return measured
