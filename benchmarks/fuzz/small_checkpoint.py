"""A small checkpoint with all that one can hold, and all that a resume does with one."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from auxdrive_train.engine import checkpoint
from auxdrive_train.engine.checkpoint import Checkpoint, content_sha256, snapshot
from auxdrive_train.engine.optimizer_state import optimizer_state, restore_optimizer
from auxdrive_train.engine.progress import Progress
from auxdrive_train.methods.phases import PhaseRecord
from torch import nn


def networks() -> nn.ModuleDict:
    """Two small networks with batch statistics and a shared part, as SAMD's."""
    torch.manual_seed(0)
    head = nn.Linear(4, 1)
    parts = {
        name: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ELU(), head)
        for name in ("student", "teacher")
    }
    return nn.ModuleDict(parts)


def optimizer_of(module: nn.ModuleDict) -> torch.optim.AdamW:
    """An optimiser of the student."""
    return torch.optim.AdamW(module["student"].parameters(), lr=1e-3)


def whole() -> Checkpoint:
    """A checkpoint in the middle of a run's second phase."""
    module = networks()
    optimizer = optimizer_of(module)
    module["student"](torch.randn(8, 3)).square().sum().backward()
    optimizer.step()
    history = [PhaseRecord("round 1: teacher", 2, "teacher", 0.5, 0.75)]
    progress = Progress(
        phase=1, epoch=2, step=40, history=history, watched=[1.5, 1.25], clipped=3, phase_steps=20,
        best=1.25, best_phase="round 1: s", best_epoch=2, log_bytes=1000, trained_s=12.5,
    )  # fmt: skip
    head = {
        name: tensor + 1
        for name, tensor in module["teacher"].state_dict().items()
        if name.startswith("3.")
    }
    return Checkpoint(
        networks=snapshot(module),
        progress=progress,
        fingerprint="ab" * 32,
        phase_best=snapshot(module),
        roles={"teacher": head},
        optimizers={"student": optimizer_state(optimizer)},
    )


def take_up(path: Path) -> tuple[str, ...]:
    """Load a checkpoint and put all of it to use, as a resume does; returns what it said."""
    stored = checkpoint.load(path)
    said = described(stored)
    module = networks()
    checkpoint.restore(module, stored.networks, "it")
    if stored.phase_best:
        checkpoint.restore(module, stored.phase_best, "its best")
    if "student" in stored.optimizers:
        optimizer = optimizer_of(module)
        restore_optimizer(optimizer, stored.optimizers["student"], "it")
        module["student"](torch.randn(8, 3)).sum().backward()
        optimizer.step()
    for weights in stored.roles.values():
        checkpoint.restore(
            module["teacher"], {**module["teacher"].state_dict(), **weights}, "its role"
        )
    return said


def described(stored: Checkpoint) -> tuple[str, ...]:
    """Everything in a checkpoint as text, tensors by their SHA-256."""
    flat = {f"net/{name}": tensor for name, tensor in stored.networks.items()} | {
        f"best/{n}": t for n, t in stored.phase_best.items()
    }
    flat |= {
        f"role/{role}/{name}": tensor
        for role, weights in stored.roles.items()
        for name, tensor in weights.items()
    }
    for key, state in stored.optimizers.items():
        flat |= {
            f"optim/{key}/{index}/{slot}": tensor
            for index, slots in state.items()
            for slot, tensor in slots.items()
        }
    return (
        stored.progress.model_dump_json(),
        stored.fingerprint,
        json.dumps(list(stored.roles)),
        content_sha256({}, flat),
    )
