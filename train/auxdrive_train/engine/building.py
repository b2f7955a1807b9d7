"""The method and the networks that a config describes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import torch
from auxdrive.cards import DatasetCard
from auxdrive.errors import ConfigError
from auxdrive.mistakes import mistakes_of
from auxdrive.modalities import SEGMENTATION_CLASSES, known_classes
from pydantic import ValidationError
from torch import nn

from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.seeds import seed_of
from auxdrive_train.losses.contract import Loss
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import FINISHED, Method, Options, Setup
from auxdrive_train.methods.stored import StoredStudent
from auxdrive_train.models import BACKBONES
from auxdrive_train.models.build import Build
from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.excitation import ExcitationNetwork
from auxdrive_train.models.fusion import FusedNetwork, LateFusionNetwork
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.tasks.base import Task


def make_method(config: TrainConfig, task: Task, card: DatasetCard | None = None) -> Method:
    """The method that the config names, with its options.

    Args:
        config: names the method and its options.
        task: what is predicted.
        card: of the data; None for images of all classes.

    Raises:
        UsageError: there is no such method or backbone.
        ConfigError: the method cannot be trained with these settings.
    """
    entry = METHODS[config.method]
    setup = _setup(config, task, card)
    return entry(setup, entry.options_type.model_validate(config.options))


def make_networks(method: Method, config: TrainConfig, samples: int) -> nn.ModuleDict:
    """The method's networks and losses with fresh weights, from the config's seed.

    Args:
        method: the method.
        config: how it is trained.
        samples: number of training samples.

    Raises:
        UsageError: the method's loss does not exist.
        ConfigError: a loss does not fit the networks, or cannot be trained in several processes.
    """
    networks = _fresh(partial(method.trained_modules, samples), config)
    for name, each in method.losses().items():
        if config.processes > 1 and cast(Loss, networks[name]).remembers_samples:
            raise ConfigError(
                f"the loss '{each.loss}' remembers every sample, and {config.processes} processes "
                "would each remember their own alone; use processes: 1"
            )
    return networks


def build_finished(
    config: TrainConfig, task: Task, card: DatasetCard | None = None
) -> tuple[Method, nn.ModuleDict]:
    """Method and networks of a finished run, without weight files and losses. If its method is not
    installed here, the student alone.

    Args:
        config: the run's config.
        task: what is predicted.
        card: of its data; None for images of all classes.

    Returns:
        The method, and its networks by name, with fresh weights of the config's seed.

    Raises:
        ConfigError: the method is installed and does not have such options.
    """
    config = config.model_copy(update={"weights": None})
    if config.method not in METHODS:
        method: Method = StoredStudent(_setup(config, task, card), Options())
    else:
        entry = METHODS[config.method]
        try:
            method = entry(
                _setup(config, task, card),
                entry.options_type.model_validate(config.options, context=FINISHED),
            )
        except ValidationError as error:
            raise ConfigError(
                "the run's options have mistakes:\n"
                + "\n".join(mistakes_of(error, entry.options_type))
            ) from None
    return method, _fresh(method.networks, config)


def _setup(config: TrainConfig, task: Task, card: DatasetCard | None) -> Setup:
    build = Build(
        config.backbone,
        config.preprocessing,
        task,
        config.dropout,
        len(SEGMENTATION_CLASSES if card is None else known_classes(card.classes)),
        config.history.frames,
        {} if card is None else card.vectors,
        config.hidden,
    )
    return Setup(config.main, config.aux, build, config.epochs)


def _fresh(make: Callable[[], nn.ModuleDict], config: TrainConfig) -> nn.ModuleDict:
    torch.manual_seed(seed_of(config.seed, 0xA11))
    networks = make()
    load_weights = BACKBONES[config.backbone].load_weights
    if config.weights is not None and load_weights is not None:
        for network in networks.values():
            if (
                isinstance(network, SingleNetwork | FusedNetwork | ExcitationNetwork)
                and network.modalities[0] is config.main
            ):
                for each in network.encoder.published:
                    load_weights(each, str(config.weights))
            elif isinstance(network, LateFusionNetwork) and config.main in network.modalities:
                encoder = cast(ImageEncoder, network.encoders[config.main.value])
                load_weights(encoder, str(config.weights))
    return networks
