"""Checkpoints: one safetensors file with networks, optimisers and progress. A new one replaces the
old one by a rename.

Nothing is pickled: tensors have prefixed names, and everything else is JSON in the file's header.
The header also holds a SHA-256 of all content, so a damaged file is recognised and no changed
weight is ever loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import safetensors.torch
import torch
from auxdrive.errors import DataError
from auxdrive.storage.publish import as_the_umask_says, published_file
from auxdrive.storage.reading import exists, open_regular, reason, refusals
from auxdrive.strict import parse_json, parse_model, parse_object
from safetensors import SafetensorError
from torch import Tensor, nn

from auxdrive_train.engine.progress import Progress

FORMAT: Final = "auxdrive-checkpoint-3"
_SIZE_BYTES = 8  # a safetensors file begins with the length of its header
Slots = dict[str, Tensor]


@dataclass
class Checkpoint:
    """What one checkpoint file holds.

    Attributes:
        networks: the tensors of all networks, by name.
        progress: how far the run is.
        fingerprint: SHA-256 of the run's config and data.
        phase_best: the networks' tensors after the best epoch of the current phase.
        roles: for each role, the tensors of its network that have changed since its phase ended;
            see `auxdrive_train.engine.ended_roles`.
        optimizers: for each optimiser, the state of each parameter, by the parameter's number.
            Learning rate, weight decay and the like come from the config.
    """

    networks: dict[str, Tensor]
    progress: Progress
    fingerprint: str
    phase_best: dict[str, Tensor] = field(default_factory=dict)
    roles: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    optimizers: dict[str, dict[int, Slots]] = field(default_factory=dict)


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """A copy of a module's state on the CPU. A tensor with two names is copied for each of them."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in module.state_dict().items()
    }


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint. If the process is killed, the file holds either the old or the new
    checkpoint.

    Args:
        path: the file; its folder must exist.
        checkpoint: what it is to hold.

    Raises:
        DataError: the disk is full or not writable; the old checkpoint is untouched.
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
        # always the same name, so that killed processes leave one partial file at most
        with published_file(path, path.with_name(f".{path.name}.partial")) as partial:
            safetensors.torch.save_file(tensors, partial, metadata=header)
            as_the_umask_says(partial)  # safetensors makes it readable for its owner only
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"cannot write the checkpoint {path}: {error}. The former one is untouched; free space "
            "and use --resume"
        ) from error


def content_sha256(header: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the header's texts (except `sha256` itself) and over the name, dtype, shape and
    bytes of every tensor.

    Args:
        header: the header's texts by key.
        tensors: by name; on any device.

    Returns:
        64 hex digits.
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
        DataError: the file is missing, not a regular file, damaged, or not a checkpoint of
            auxdrive.
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
    except Exception as error:  # safetensors raises many kinds for damaged bytes
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
    """Load tensors into a module. Names, shapes and types must match exactly.

    Args:
        module: whose parameters and buffers are replaced.
        tensors: by name.
        path: the file they come from, for the message.

    Raises:
        DataError: the tensors do not fit the module.
    """
    refuse_foreign_tensors(module.state_dict(), tensors, path)
    module.load_state_dict(dict(tensors))


def refuse_foreign_tensors(
    wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: str
) -> None:
    """Check that tensors have exactly the wanted names, shapes and types.

    Args:
        wanted: a module's own tensors, by name.
        tensors: those that were read.
        path: the file they come from, for the message.

    Raises:
        DataError: they do not; the message names the first that differs.
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
