"""Checkpoints: one safetensors file that holds networks, optimisers and progress, replaced by a
rename.

No pickle: tensors stand under prefixed names, everything else as JSON in the file's header. The
SHA-256 of it all stands there too, so that a file that was damaged is told from one that was
written: no changed weight is ever loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import safetensors.torch
import torch
from auxdrive.errors import DataError
from auxdrive.storage.publish import as_the_umask_says, published_file
from auxdrive.storage.reading import exists, open_regular, reason, refusals
from auxdrive.strict import parse_json, parse_model, parse_object
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.optim import Optimizer

from auxdrive_train.engine.progress import Progress

FORMAT: Final = "auxdrive-checkpoint-3"
_SIZE_BYTES = 8  # a safetensors file begins with the length of its header
Slots = dict[str, Tensor]


@dataclass
class Checkpoint:
    """What one file holds.

    Attributes:
        networks: every network's tensors. progress: where the run stands. fingerprint: of its
            config and data.
        phase_best: the networks after the best epoch of the phase under way.
        roles: by role its network's tensors that have changed since its phase ended; see
            `auxdrive_train.engine.ended_roles`.
        optimizers: by name the state of each parameter, by its number. Learning rates and their
            like are the config's.
    """

    networks: dict[str, Tensor]
    progress: Progress
    fingerprint: str
    phase_best: dict[str, Tensor] = field(default_factory=dict)
    roles: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    optimizers: dict[str, dict[int, Slots]] = field(default_factory=dict)


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """A copy of a module's state on the CPU; tensors that two names share are copied for each."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in module.state_dict().items()
    }


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint so that a kill at any instant leaves the former or the new one.

    Raises:
        DataError: the disk is full or not writable; the former checkpoint is untouched.
    """
    tensors = {f"net/{name}": tensor for name, tensor in checkpoint.networks.items()}
    tensors |= {f"best/{name}": tensor for name, tensor in checkpoint.phase_best.items()}
    for role, weights in checkpoint.roles.items():
        tensors |= {f"role/{role}/{name}": tensor for name, tensor in weights.items()}
    for key, state in checkpoint.optimizers.items():
        for index, slots in state.items():
            tensors |= {
                f"optim/{key}/{index}/{slot}": value.detach().cpu().contiguous()
                for slot, value in slots.items()
            }
    header = {
        "format": FORMAT,
        "fingerprint": checkpoint.fingerprint,
        "progress": checkpoint.progress.model_dump_json(),
        "roles": json.dumps(list(checkpoint.roles)),
    }
    header["sha256"] = content_sha256(header, tensors)
    try:
        # one name, so that a killed process leaves one such file at most
        with published_file(path, path.with_name(f".{path.name}.partial")) as partial:
            safetensors.torch.save_file(tensors, partial, metadata=header)
            as_the_umask_says(partial)  # safetensors lets nobody but its writer read
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"cannot write the checkpoint {path}: {error}. The former one is untouched; free space "
            "and use --resume"
        ) from error


def content_sha256(header: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the header's texts, but for `sha256` itself, and over every tensor's name, type,
    shape and bytes.
    """
    digest = hashlib.sha256(
        json.dumps(
            sorted((key, value) for key, value in header.items() if key != "sha256")
        ).encode()
    )
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def load(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        DataError: missing, no regular file, damaged, or not one of ours.
    """
    if not exists(path):
        raise DataError(f"there is no checkpoint {path}; has this run trained?")
    with open_regular(path) as file, refusals(path, "cannot be read"):
        data = file.read()
    with _told_as_damage(path):
        header = _header(data)
        if header.get("format") != FORMAT:
            raise DataError(
                f"it is none of this version: format '{header.get('format', '')[:40]}', wanted "
                f"'{FORMAT}'"
            )
        tensors = _tensors(data)
        if header.get("sha256") != content_sha256(header, tensors):
            raise DataError("its content is not what was written (SHA-256)")
        return _checkpoint(header, tensors)


@contextmanager
def _told_as_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(f"the checkpoint {path} is damaged: {error}") from error


def _header(data: bytes) -> dict[str, str]:
    """The texts in a safetensors file's header."""
    length = int.from_bytes(data[:_SIZE_BYTES], "little")
    if len(data) < _SIZE_BYTES or length > len(data) - _SIZE_BYTES:
        raise DataError("it is cut off in its header")
    texts = parse_object(data[_SIZE_BYTES : _SIZE_BYTES + length], "its header").get("__metadata__")
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise DataError("its header holds no texts")
    return texts


def _tensors(data: bytes) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load(data)
    except Exception as error:  # whatever a foreign parser says of bytes that are no tensors
        raise DataError(f"it is no safetensors file: {reason(error)}") from error


def _checkpoint(header: Mapping[str, str], tensors: Mapping[str, Tensor]) -> Checkpoint:
    names = parse_json(header.get("roles", "").encode(), "its roles")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError("its roles are no list of names")
    made = Checkpoint(
        networks={},
        progress=parse_model(header.get("progress", "").encode(), Progress, "its progress"),
        fingerprint=header.get("fingerprint", ""),
        roles={name: {} for name in names},
    )
    for name, tensor in tensors.items():
        kind, _, rest = name.partition("/")
        if kind == "net":
            made.networks[rest] = tensor
        elif kind == "best":
            made.phase_best[rest] = tensor
        elif kind == "role" and rest.partition("/")[0] in made.roles:
            role, _, key = rest.partition("/")
            made.roles[role][key] = tensor
        elif (
            kind == "optim" and len(rest.rsplit("/", 2)) == 3 and rest.rsplit("/", 2)[1].isdecimal()
        ):
            key, index, slot = rest.rsplit("/", 2)
            made.optimizers.setdefault(key, {}).setdefault(int(index), {})[slot] = tensor
        else:
            raise DataError(f"nobody knows what its tensor '{name[:80]}' is")
    return made


def restore(module: nn.Module, tensors: Mapping[str, Tensor], path: str) -> None:
    """Load tensors into a module, all of them and no others, of the same shapes and types.

    Raises:
        DataError: they are another network's.
    """
    refuse_foreign_tensors(module.state_dict(), tensors, path)
    module.load_state_dict(dict(tensors))


def refuse_foreign_tensors(
    wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: str
) -> None:
    """Refuse tensors that are not of these names, shapes and types.

    Raises:
        DataError: the message names the first of them.
    """
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in wanted or name not in tensors:
            lacking = "which the network lacks" if name not in wanted else "which the file lacks"
            raise DataError(
                f"{path} does not fit the configured networks: '{name[:80]}', {lacking}"
            )
        ours, theirs = wanted[name], tensors[name]
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            raise DataError(
                f"{path} does not fit the configured networks: '{name}' is {theirs.dtype} "
                f"{tuple(theirs.shape)} there "
                f"and {ours.dtype} {tuple(ours.shape)} here"
            )


def optimizer_state(optimizer: Optimizer) -> dict[int, Slots]:
    """A detached copy of an optimiser's state."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        index: {slot: torch.as_tensor(value).clone() for slot, value in slots.items()}
        for index, slots in state.items()
    }


def restore_optimizer(
    optimizer: Optimizer, state: Mapping[int, Mapping[str, Tensor]], path: str
) -> None:
    """Load an AdamW's state; it has been taken with `optimizer_state`, for the same parameters in
    the same order.

    Raises:
        DataError: it is of other parameters, or of another optimiser.
    """
    fresh = optimizer.state_dict()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    wanted: dict[str, Tensor] = {}
    for index, parameter in enumerate(parameters):
        if index in state:  # a parameter that never had a gradient has no state
            moments = torch.empty_like(parameter, device="meta")
            wanted |= {
                f"{index}/step": torch.empty((), device="meta"),
                f"{index}/exp_avg": moments,
                f"{index}/exp_avg_sq": moments,
            }
    found = {
        f"{index}/{slot}": tensor
        for index, slots in state.items()
        for slot, tensor in slots.items()
    }
    refuse_foreign_tensors(wanted, found, f"{path}, its optimiser")
    laid = {
        index: {slot: _laid_out_as(tensor, parameters[index]) for slot, tensor in slots.items()}
        for index, slots in state.items()
    }
    optimizer.load_state_dict({"param_groups": fresh["param_groups"], "state": laid})


def _laid_out_as(tensor: Tensor, parameter: Tensor) -> Tensor:
    """The tensor in the memory layout of its parameter: a resumed run then takes the same steps
    through the same kernels.
    """
    return (
        torch.empty_like(parameter, device="cpu").copy_(tensor)
        if tensor.shape == parameter.shape
        else tensor
    )
