"""Predictions and metrics of a run's views over a sample set."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from auxdrive.steering import SteeringSpec
from auxdrive.types import Float32
from torch import nn

from auxdrive_train.data.loader import Loader
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.models.networks import Network

EVALUATION_BATCH = 128


def predict_views(views: Mapping[str, Network], samples: SampleSet, device: torch.device) -> dict[str, Float32]:
    """Predictions (N, *target_shape) of every view in evaluation mode, in the samples' order; modes are put back afterwards."""
    modes = {name: [module.training for module in view.modules()] for name, view in views.items()}
    parts: dict[str, list[Float32]] = {name: [] for name in views}
    try:
        for view in views.values():
            view.eval()
        with torch.no_grad():
            for batch in Loader(samples, EVALUATION_BATCH).iterate(np.arange(len(samples), dtype=np.int64)):
                moved = batch.to(device)
                for name, view in views.items():
                    parts[name].append(view(moved).prediction.float().cpu().numpy())
    finally:
        for name, view in views.items():
            _put_back(view, modes[name])
    return {name: np.concatenate(part) for name, part in parts.items()}


def _put_back(view: nn.Module, modes: list[bool]) -> None:
    for module, mode in zip(view.modules(), modes, strict=True):
        module.training = mode


def measure(predictions: Mapping[str, Float32], samples: SampleSet, steering: SteeringSpec) -> dict[str, dict[str, float]]:
    """Each view's metrics, under its name."""
    return {name: samples.task.metrics(prediction, samples.target, steering) for name, prediction in predictions.items()}
