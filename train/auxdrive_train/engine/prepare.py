"""What training needs before its first step: data, method and networks. Everything that can be
checked is checked here, so that no mistake appears only after hours of training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from auxdrive.data.dataset import Dataset
from auxdrive.data.division import TrainingParts, training_parts
from auxdrive.data.sessions import Stretch
from auxdrive.errors import ConfigError, DataError
from auxdrive.modalities import Modality
from auxdrive.runs import InitialWeights, RunFolder
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from auxdrive_train.data.balance import balance
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.data.views import check_views
from auxdrive_train.engine.building import make_method, make_networks
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.initial import take_initial_weights
from auxdrive_train.engine.quantize import Quantization, quantization_of
from auxdrive_train.engine.run_folder import fingerprint
from auxdrive_train.engine.weight_average import NAME as AVERAGE
from auxdrive_train.engine.weight_average import WeightAverage
from auxdrive_train.methods.contract import Method
from auxdrive_train.models.inputs import crop_rows
from auxdrive_train.models.vectors import VectorInput
from auxdrive_train.tasks import make_task


@dataclass(frozen=True)
class Parts:
    """What a run is trained and measured with.

    Attributes:
        config: how it is trained.
        fabric: the device and the processes that train.
        method: what is trained, in which order.
        networks: the method's networks and losses, on the device.
        dataset: the data set.
        division: which frames train and which validate.
        recorded: the training samples as recorded.
        train: the training samples in the proportions of `config.balance`.
        validation: the samples on which each epoch is validated.
        further: by name, the other splits that are measured after training.
        folder: the run's folder.
        fingerprint: SHA-256 of the config and the data.
        initial: the run whose weights the networks start with; None if all of them are fresh.
        quantization: the student as it is fine-tuned for a precision; None if it is not.
        average: the moving average of the weights; None if there is none.
    """

    config: TrainConfig
    fabric: Fabric
    method: Method
    networks: nn.ModuleDict
    dataset: Dataset
    division: TrainingParts
    recorded: SampleSet
    train: SampleSet
    validation: SampleSet
    further: Mapping[str, SampleSet]
    folder: RunFolder
    fingerprint: str
    initial: InitialWeights | None
    quantization: Quantization | None
    average: WeightAverage | None


def prepare(config: TrainConfig, fabric: Fabric, dataset: Dataset, out: Path) -> Parts:
    """Open the samples and build the method and its networks. Nothing is written.

    Args:
        config: how the run is trained.
        fabric: the device and the processes that train.
        dataset: the data set.
        out: the run's folder.

    Raises:
        ConfigError: the crop leaves no row of the camera's image, or samples cannot be shown from
            other places (`check_views`).
        DataError: a split is empty or lacks what is needed, or there are fewer training samples
            than one batch.
        UsageError: a split of `config.evaluate` does not exist, or the method cannot be trained on
            these samples.
    """
    _refuse_empty_crop(config, dataset)
    _refuse_unknown_vectors(config, dataset)
    method = make_method(config, make_task(config.task, dataset.card), dataset.card)
    if config.augment.moves_views:
        check_views(dataset.card.needed_camera, method.task, method.modalities)
    division = training_parts(dataset, config.validation_every)
    samples = _open_samples(config, dataset, division, method)
    networks = make_networks(method, config, len(samples.train))
    standardise(networks, samples.recorded)
    initial = take_initial_weights(
        config, method, networks, RunFolder(out), tell=fabric.is_global_zero
    )
    networks = networks.to(fabric.device)
    # Images are stored channels last; with weights in the same layout, convolutions and batch
    # norms are faster on a CPU.
    convert_conv2d_weight_memory_format(networks, torch.channels_last)
    few = samples.validation.gather(_fullest(samples.validation, 2))
    method.check(networks, few.to(fabric.device))
    quantization = quantization_of(config, method, networks, dataset, fabric.device)
    average = None if config.ema is None else WeightAverage(networks, config.ema)
    if average is not None:
        networks[AVERAGE] = average
    return Parts(
        config=config,
        fabric=fabric,
        method=method,
        networks=networks,
        dataset=dataset,
        division=division,
        recorded=samples.recorded,
        train=samples.train,
        validation=samples.validation,
        further=samples.further,
        folder=RunFolder(out),
        fingerprint=fingerprint(config, dataset),
        initial=initial,
        quantization=quantization,
        average=average,
    )


class _Samples(NamedTuple):
    """The samples of a run; see `Parts`."""

    recorded: SampleSet
    train: SampleSet
    validation: SampleSet
    further: dict[str, SampleSet]


def _open_samples(
    config: TrainConfig, dataset: Dataset, division: TrainingParts, method: Method
) -> _Samples:
    def opened(parts: Sequence[str | Stretch]) -> SampleSet:
        return SampleSet.open(dataset, parts, method.task, method.modalities, config.history)

    recorded = opened(division.train)
    train = balance(recorded, config.balance)
    validation = opened(division.validation)
    # Opened now and not after training, so that a split that cannot be measured is noticed at once.
    further = {name: opened(dataset.split(name)) for name in config.evaluate}
    for part in (train, validation, *further.values()):
        refuse_without(config.main, part, dataset)
    if len(train) < config.batch_size:
        raise DataError(
            f"{dataset.name} has {len(train)} training samples, fewer than one batch of "
            f"{config.batch_size}; lower batch_size"
        )
    return _Samples(recorded, train, validation, further)


def _refuse_unknown_vectors(config: TrainConfig, dataset: Dataset) -> None:
    lacking = [
        modality
        for modality in (config.main, *config.aux)
        if modality.is_vector and modality not in dataset.card.vectors
    ]
    if lacking:
        known = ", ".join(dataset.card.vectors) or "none"
        raise DataError(
            f"{dataset.name}: has no {', '.join(lacking)}; vectors that it has: {known}"
        )


def standardise(networks: nn.ModuleDict, samples: SampleSet) -> None:
    """Set mean and standard deviation of every vector that networks take to those of samples.

    Args:
        networks: by name.
        samples: the training samples as recorded.
    """
    inputs = [module for module in networks.modules() if isinstance(module, VectorInput)]
    for modality in {each.modality for each in inputs}:
        vectors = samples.vectors(modality)
        for each in inputs:
            if each.modality is modality:
                each.take(vectors)


def _refuse_empty_crop(config: TrainConfig, dataset: Dataset) -> None:
    if dataset.card.camera is None:
        return
    height, spec = dataset.card.camera.height, config.preprocessing
    first, last = crop_rows(height, spec)
    if last <= first:
        raise ConfigError(
            f"preprocessing: crop_top {spec.crop_top} and crop_bottom {spec.crop_bottom} leave no "
            f"row of an image with {height} rows"
        )


def refuse_without(main: Modality, samples: SampleSet, dataset: Dataset) -> None:
    """Check that every episode has the main modality. Auxiliary modalities may be missing: they are
    masked.

    Args:
        main: the main modality.
        samples: whose episodes are checked.
        dataset: the data set, for the message.

    Raises:
        DataError: some episodes lack it.
    """
    lacking = samples.missing.get(main, [])
    if lacking:
        named = ", ".join(lacking[:3]) + (", ..." if len(lacking) > 3 else "")
        raise DataError(
            f"{dataset.name}: {len(lacking)} of {len(samples.episode_ids)} episodes lack {main}, "
            f"which the student sees ({named}); "
            "leave them out of the data set's splits, or record it"
        )


def _fullest(samples: SampleSet, count: int) -> NDArray[np.int64]:
    """The numbers of the `count` samples (or of all) that have the most modalities."""
    having = np.sum([samples.has(modality) for modality in samples.modalities], axis=0)
    return np.argsort(-having, kind="stable")[:count].astype(np.int64)
