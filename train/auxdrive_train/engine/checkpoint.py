"""Checkpoints: one safetensors file that holds networks, optimisers and progress, replaced by a rename.

No pickle: tensors stand under prefixed names, everything else as JSON in the file's header.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from auxdrive.errors import DataError
from auxdrive.files import check_regular, exists
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from auxdrive_train.methods.contract import PhaseRecord

FORMAT = "auxdrive-checkpoint-1"


@dataclass
class Progress:
    """Where a run stands: everything beside tensors that a resume needs.

    Attributes:
        phase, epoch: finished phases, and finished epochs of the phase under way. step: optimiser steps since the start.
        history: the finished phases. watched: the watched view's metric after each epoch of the phase under way.
        best: the run's best value of the primary view, with the phase and epoch it came from.
        clipped, phase_steps: of the phase under way, the steps whose gradient was clipped, and all. said_clipped: that the user was told.
        log_bytes: length of `metrics.jsonl` at this point; a resume cuts off what came later. finished: nothing is left to train.
    """

    phase: int = 0
    epoch: int = 0
    step: int = 0
    history: list[PhaseRecord] = field(default_factory=list)
    watched: list[float] = field(default_factory=list)
    clipped: int = 0
    phase_steps: int = 0
    said_clipped: bool = False
    best: float | None = None
    best_phase: str = ""
    best_epoch: int = 0
    log_bytes: int = 0
    trained_s: float = 0.0
    finished: bool = False

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Progress:
        """The inverse of `dataclasses.asdict`."""
        return cls(**{**values, "history": [PhaseRecord(**record) for record in values["history"]]})


@dataclass
class Checkpoint:
    """What one file holds.

    Attributes:
        networks: every network's tensors. progress: where the run stands. fingerprint: of its settings and data.
        phase_best: the networks after the best epoch of the phase under way.
        views: by view the tensors that have changed since its phase ended; see `auxdrive_train.engine.views`.
        optimizers: by name a state as `torch.optim` gives it.
    """

    networks: dict[str, Tensor]
    progress: Progress
    fingerprint: str
    phase_best: dict[str, Tensor] = field(default_factory=dict)
    views: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    optimizers: dict[str, dict[str, Any]] = field(default_factory=dict)


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """A copy of a module's state on the CPU; tensors that two names share are copied for each."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in module.state_dict().items()}


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint so that a kill at any instant leaves the former or the new one.

    Raises:
        DataError: the disk is full or not writable; the former checkpoint is untouched.
    """
    tensors = {f"net/{name}": tensor for name, tensor in checkpoint.networks.items()}
    tensors |= {f"best/{name}": tensor for name, tensor in checkpoint.phase_best.items()}
    for view, weights in checkpoint.views.items():
        tensors |= {f"view/{view}/{name}": tensor for name, tensor in weights.items()}
    groups: dict[str, Any] = {}
    for key, state in checkpoint.optimizers.items():
        groups[key] = state["param_groups"]
        for index, slots in state["state"].items():
            tensors |= {f"optim/{key}/{index}/{slot}": value.detach().cpu().contiguous() for slot, value in slots.items()}
    header = {
        "format": FORMAT,
        "fingerprint": checkpoint.fingerprint,
        "progress": json.dumps(asdict(checkpoint.progress)),
        "optimizers": json.dumps(groups),
        "views": json.dumps(list(checkpoint.views)),
    }
    partial = path.with_name(f".{path.name}.partial")
    try:
        save_file(tensors, partial, metadata=header)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise DataError(f"cannot write the checkpoint {path}: {error}. The former one is untouched; free space and use --resume") from error


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        DataError: missing, truncated, or not one of ours.
    """
    if exists(path):
        check_regular(path)  # safetensors would wait for whoever writes into a pipe
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise DataError(f"{path} is no auxdrive checkpoint (format '{header.get('format', '')}', wanted '{FORMAT}')")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no mapping
            progress = Progress.from_json(json.loads(header["progress"]))
            groups = json.loads(header["optimizers"])
            views: dict[str, dict[str, Tensor]] = {view: {} for view in json.loads(header["views"])}
    except FileNotFoundError as error:
        raise DataError(f"there is no checkpoint {path}; has this run trained?") from error
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"the checkpoint {path} is damaged: {error}") from error
    optimizers = {key: {"param_groups": group, "state": {}} for key, group in groups.items()}
    for name in [name for name in tensors if name.startswith("optim/")]:
        key, index, slot = name.removeprefix("optim/").rsplit("/", 2)
        optimizers[key]["state"].setdefault(int(index), {})[slot] = tensors[name]
    for name in [name for name in tensors if name.startswith("view/")]:
        view, key = name.removeprefix("view/").split("/", 1)
        views[view][key] = tensors[name]
    return Checkpoint(
        views=views,
        networks={name.removeprefix("net/"): tensor for name, tensor in tensors.items() if name.startswith("net/")},
        phase_best={name.removeprefix("best/"): tensor for name, tensor in tensors.items() if name.startswith("best/")},
        optimizers=optimizers,
        progress=progress,
        fingerprint=header.get("fingerprint", ""),
    )


def restore(module: nn.Module, tensors: Mapping[str, Tensor], path: str) -> None:
    """Load tensors into a module, all of them and no others.

    Raises:
        DataError: they are another network's.
    """
    try:
        module.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise DataError(f"{path} does not fit the configured networks: {error}") from error


def optimizer_state(optimizer: Optimizer) -> dict[str, Any]:
    """A detached copy of an optimiser's state."""
    state = optimizer.state_dict()
    copied = {index: {slot: torch.as_tensor(value).clone() for slot, value in slots.items()} for index, slots in state["state"].items()}
    return {"param_groups": state["param_groups"], "state": copied}
