"""Predictions and metrics of a run's networks, by role, on a set of samples."""

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


def predict_roles(
    roles: Mapping[str, Network], samples: SampleSet, device: torch.device
) -> dict[str, Float32]:
    """The predictions of every role's network, in evaluation mode.

    Args:
        roles: the networks by role, on the device.
        samples: what they predict from; all of it is read.
        device: where the networks are, to which batches are moved.

    Returns:
        By role, (N, *label_shape) in physical units, in the samples' order. Afterwards the networks
        are in the modes that they were in before.
    """
    modes = {
        role: [module.training for module in network.modules()] for role, network in roles.items()
    }
    parts: dict[str, list[Float32]] = {role: [] for role in roles}
    try:
        for network in roles.values():
            network.eval()
        with torch.no_grad():
            for batch in Loader(samples, EVALUATION_BATCH).iterate(
                np.arange(len(samples), dtype=np.int64)
            ):
                moved = batch.to(device)
                for role, network in roles.items():
                    parts[role].append(network(moved).prediction.float().cpu().numpy())
    finally:
        for role, network in roles.items():
            _put_back(network, modes[role])
    return {role: np.concatenate(part) for role, part in parts.items()}


def examples(samples: SampleSet, modality: Modality) -> Batch:
    """Up to `EVALUATION_BATCH` samples that have the modality, evenly spread, always the same ones.

    Args:
        samples: the training samples.
        modality: the one that each chosen sample must have.

    Returns:
        A batch on the CPU, not augmented.

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


def _put_back(network: nn.Module, modes: list[bool]) -> None:
    for module, mode in zip(network.modules(), modes, strict=True):
        module.training = mode


def counted(network: Network, samples: SampleSet) -> NDArray[np.bool_]:
    """Which samples a network is measured on, bool (N,): for a network of a single modality those
    that have it, for any other network all.

    Args:
        network: how many modalities it sees decides.
        samples: the N samples.
    """
    return (
        samples.has(network.modalities[0])
        if len(network.modalities) == 1
        else np.ones(len(samples), dtype=np.bool_)
    )


def measure(
    roles: Mapping[str, Network],
    predictions: Mapping[str, Float32],
    samples: SampleSet,
    steering: SteeringSpec,
) -> dict[str, dict[str, float]]:
    """The task's metrics by role, on the samples that count for it (`counted`).

    Args:
        roles: the networks.
        predictions: by role, (N, *label_shape).
        samples: what was predicted.
        steering: the data's steering limits, which the metrics of angles need.
    """
    measured = {}
    for role, prediction in predictions.items():
        rows = counted(roles[role], samples)
        measured[role] = samples.task.metrics(prediction[rows], samples.label[rows], steering)
    return measured
