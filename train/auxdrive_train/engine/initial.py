"""Start a run from the weights of another one (`init_from`)."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auxdrive.errors import ConfigError, DataError
from auxdrive.runs import InitialWeights, RunFolder, run_in
from auxdrive.storage.claims import changed
from auxdrive.storage.reading import exists, open_regular, refusals
from torch import Tensor, nn

from auxdrive_train.engine import checkpoint as files
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import finished_config
from auxdrive_train.engine.ended_roles import primary_of
from auxdrive_train.methods.contract import STUDENT, Method
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.models.training_only import finished_networks

_LOG = logging.getLogger(__name__)
Weights = dict[str, Tensor]
# What the networks predict, and what the student sees.
_MUST_BE_EQUAL = ("task", "main")
# Settings that decide which networks there are, and which weights one has. Other settings may
# differ: how images are cropped, or what else trains beside the network.
_NETWORKS = ("method",)
_WEIGHTS = ("backbone", "preprocessing.size", "history.frames")
_WEIGHTS_OF_OTHERS = (*_WEIGHTS, "aux")


def initial_run(config: TrainConfig, folder: RunFolder) -> tuple[RunFolder, TrainConfig] | None:
    """The run `config.init_from`, and its config. Nothing else is read of it, so that a mistake can
    be told before the data are opened.

    Args:
        config: the run's settings.
        folder: the run's own folder.

    Returns:
        None without that setting, and for a run that already has a checkpoint: it continues from
        there, and the other run need not exist any more.

    Raises:
        ConfigError: there is no such run, or it predicts or sees something else; the message says
            what differs.
    """
    if config.init_from is None or exists(folder.last_path):
        return None
    source = RunFolder(run_in(config.init_from))
    if not source.is_run:
        raise ConfigError(f"init_from: {source.path} is no run: it has no config.yaml")
    there = finished_config(source.config_path)
    if _differences(there, config, _MUST_BE_EQUAL):
        raise _refusal(there, config, _MUST_BE_EQUAL)
    return source, there


def take_initial_weights(
    config: TrainConfig, method: Method, networks: nn.ModuleDict, folder: RunFolder, tell: bool
) -> InitialWeights | None:
    """Load the weights of the run `config.init_from` into the networks, unless the run has a
    checkpoint of its own already (`initial_run`).

    The other run's networks are taken as they were after its best epoch. Each is loaded into the
    network of the same name, if it fits. Its student is also loaded into every other network that
    sees only the main modality. Networks that nothing fits keep their fresh weights, except the one
    that decides which epoch of the run is best: it must take weights.

    Args:
        config: the run's settings.
        method: what is trained.
        networks: the method's networks and losses, with fresh weights.
        folder: the run's own folder.
        tell: whether to log which networks take weights; of several processes only one does.

    Returns:
        Which networks took them, now or when the run was begun; None without that setting.

    Raises:
        ConfigError: there is no such run, or the network that decides which epoch is best cannot
            take its weights; the message says what differs.
        DataError: the other run's weights are damaged.
    """
    found = initial_run(config, folder)
    if found is None:
        return None if config.init_from is None else folder.record().init_from
    source, there = found
    offered = _by_network(files.load(source.best_path).networks)
    ours = finished_networks(networks)
    sources = {name: _source_of(name, ours[name], offered, config) for name in ours}
    judged = _judged(method, networks)
    if sources[judged] is None:
        why = _misfit(judged, ours[judged], offered)
        raise _refusal(there, config, _deciding(judged, ours[judged], offered, config), why)
    # Networks may share parts (SAMD's head): those of the judged one win.
    for name, taken in sorted(sources.items(), key=lambda item: item[0] == judged):
        if taken is not None:
            ours[name].load_state_dict(offered[taken])
    if tell:
        _tell(there, config, sources)
    taken_by = tuple(name for name, taken in sources.items() if taken is not None)
    return InitialWeights(
        run=str(source.path),
        sha256=_sha256(source.best_path),
        networks=taken_by,
        fine_tuned_for=config.quantize,
    )


def _by_network(tensors: Mapping[str, Tensor]) -> dict[str, Weights]:
    """The tensors of each network, by their names within it."""
    found: dict[str, Weights] = {}
    for key, tensor in tensors.items():
        network, _, name = key.partition(".")
        found.setdefault(network, {})[name] = tensor
    return found


def _source_of(
    name: str, network: nn.Module, offered: Mapping[str, Weights], config: TrainConfig
) -> str | None:
    """The network of the other run whose weights this one takes; None if it keeps fresh ones."""
    for candidate in (name, STUDENT) if _sees_main(network, config) else (name,):
        if candidate in offered and _misfit(candidate, network, offered) == "":
            return candidate
    return None


def _misfit(name: str, network: nn.Module, offered: Mapping[str, Weights]) -> str:
    """Why a network cannot take the weights of that name; empty if it can."""
    if name not in offered:
        return f"it has no {name}, but {', '.join(sorted(offered)) or 'nothing'}"
    try:
        files.refuse_foreign_tensors(network.state_dict(), offered[name], f"its {name}")
    except DataError as error:
        return str(error)
    return ""


def _deciding(
    name: str, network: nn.Module, offered: Mapping[str, Weights], config: TrainConfig
) -> tuple[str, ...]:
    """The settings that decide whether a network can take the weights of that name."""
    if name not in offered:
        return _NETWORKS
    return _WEIGHTS if _sees_main(network, config) else _WEIGHTS_OF_OTHERS


def _sees_main(network: nn.Module, config: TrainConfig) -> bool:
    return isinstance(network, SingleNetwork) and network.modalities == (config.main,)


def _judged(method: Method, networks: nn.ModuleDict) -> str:
    """The name of the network of the primary role, which decides which epoch of the run is best."""
    network = method.roles(networks)[primary_of(method, networks)]
    return next(name for name, each in networks.items() if each is network)


def _differences(there: TrainConfig, here: TrainConfig, keys: Sequence[str]) -> list[str]:
    """A sentence for each of these settings that differs, and for each within one of them."""
    before, now = (_flat(config.model_dump(mode="json")) for config in (there, here))
    return [
        changed(name, before.get(name), now.get(name))
        for key in keys
        for name in dict.fromkeys((*now, *before))
        if f"{name}.".startswith(f"{key}.") and before.get(name) != now.get(name)
    ]


def _flat(entries: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in entries.items():
        inner = isinstance(value, dict)
        flat |= _flat(value, f"{within}{key}.") if inner else {f"{within}{key}": value}
    return flat


def _refusal(
    there: TrainConfig, here: TrainConfig, keys: Sequence[str], why: str = ""
) -> ConfigError:
    """What is said where a run cannot be started from.

    Args:
        there: its settings.
        here: those that are asked for.
        keys: settings that may make it impossible.
        why: what else is to be said.
    """
    found = [*_differences(there, here, keys), *filter(None, (why,))]
    return ConfigError(
        f"init_from: this run cannot start from {here.init_from}: {'; '.join(found)}. Choose "
        "another run, or train with its settings"
    )


def _tell(there: TrainConfig, here: TrainConfig, sources: Mapping[str, str | None]) -> None:
    taken = [
        name if name == source else f"{name} (from its {source})"
        for name, source in sources.items()
        if source is not None
    ]
    fresh = [name for name, source in sources.items() if source is None]
    _LOG.info(
        "starts from %s: %s%s",
        here.init_from,
        ", ".join(taken),
        f"; fresh: {', '.join(fresh)}" if fresh else "",
    )
    if images := _differences(there, here, ("preprocessing", "history")):
        _LOG.warning("%s saw its images otherwise: %s", here.init_from, images[0])


def _sha256(path: Path) -> str:
    with open_regular(path) as file, refusals(path, "cannot be read"):
        return hashlib.file_digest(file, "sha256").hexdigest()
