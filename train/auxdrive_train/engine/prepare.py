"""A method and its networks from a configuration: to be trained, or to be used."""

from __future__ import annotations

from typing import cast

import torch
from auxdrive.errors import ConfigError
from pydantic import ValidationError
from torch import nn

from auxdrive_train.engine.config import TrainConfig, describe
from auxdrive_train.engine.loop import seed_of
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import FINISHED, Method, Options, Setting
from auxdrive_train.methods.stored import StoredStudent
from auxdrive_train.models.excitation import ExcitationNetwork
from auxdrive_train.models.networks import Build, FusedNetwork, LateFusionNetwork, SingleNetwork
from auxdrive_train.models.resnet import ResNet, load_weight_file
from auxdrive_train.tasks import Task


def build(config: TrainConfig, task: Task) -> tuple[Method, nn.ModuleDict]:
    """The method and its fresh networks under the configuration's seed."""
    entry = METHODS[config.method]
    method = entry(_setting(config, task), entry.options_type.model_validate(config.options))
    return method, _fresh(method, config)


def build_finished(config: TrainConfig, task: Task) -> tuple[Method, nn.ModuleDict]:
    """As `build`, for a run that is used and not trained: without weight files, and where its
    method is not known its student alone.

    Raises:
        ConfigError: the method is known, and has no such options.
    """
    config = config.model_copy(update={"weights": None})
    entry = METHODS.get(config.method, StoredStudent)
    if entry is StoredStudent:
        method: Method = StoredStudent(_setting(config, task), Options())
    else:
        try:
            method = entry(
                _setting(config, task),
                entry.options_type.model_validate(config.options, context=FINISHED),
            )
        except ValidationError as error:
            raise ConfigError(
                "the run's options have mistakes:\n"
                + "\n".join(describe(error, entry.options_type))
            ) from None
    return method, _fresh(method, config)


def _setting(config: TrainConfig, task: Task) -> Setting:
    return Setting(
        config.main,
        config.aux,
        Build(config.backbone, config.preprocessing, task, config.dropout),
        config.epochs,
    )


def _fresh(method: Method, config: TrainConfig) -> nn.ModuleDict:
    torch.manual_seed(seed_of(config.seed, 0xA11))
    networks = method.networks()
    if config.weights is not None:
        for network in networks.values():
            if (
                isinstance(network, SingleNetwork | FusedNetwork | ExcitationNetwork)
                and network.modalities[0] is config.main
            ):
                load_weight_file(cast(ResNet, network.encoder), str(config.weights))
            elif isinstance(network, LateFusionNetwork) and config.main in network.modalities:
                load_weight_file(
                    cast(ResNet, network.encoders[config.main.value]), str(config.weights)
                )
    return networks
