"""An epoch of a phase: its steps over all batches."""

from __future__ import annotations

import logging
import math
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from auxdrive.errors import DataError
from auxdrive.work import Shown
from numpy.typing import NDArray
from torch import nn
from torch.optim import Optimizer

from auxdrive_train.data.augment import augment
from auxdrive_train.data.batch import Batch
from auxdrive_train.data.loader import Loader, epoch_order
from auxdrive_train.engine.averages import mean_over_processes, share_gradients
from auxdrive_train.engine.gradients import GradientNorms
from auxdrive_train.engine.prepare import Parts
from auxdrive_train.engine.progress import Progress
from auxdrive_train.engine.schedule import learning_rate
from auxdrive_train.engine.seeds import seed_of
from auxdrive_train.methods.phases import Phase

_LOG = logging.getLogger(__name__)


def train_epoch(
    parts: Parts,
    phase: Phase,
    trained: Sequence[nn.Module],
    optimizer: Optimizer,
    progress: Progress,
    shown: Shown,
) -> dict[str, float]:
    """Train the next epoch of a phase.

    Args:
        parts: what the run is trained with.
        phase: the phase, whose loss is minimised.
        trained: the modules that are updated.
        optimizer: over their parameters.
        progress: how far the run is; its counts of steps and its time are increased.
        shown: shows how much of the epoch is done.

    Returns:
        What is logged: the means over the steps and over all processes.

    Raises:
        DataError: the loss or a gradient is not finite.
    """
    config = parts.config
    parts.networks.eval()
    for module in trained:
        module.train()
    epoch = progress.epoch
    steps, order = _own_samples(parts, progress)
    loader = Loader(
        parts.train,
        len(order) // steps,
        config.prefetch,
        pin_memory=config.device == "cuda",
    )
    sums: dict[str, float] = defaultdict(float)
    norms = GradientNorms(
        [p for group in optimizer.param_groups for p in group["params"]], config.clip_norm
    )
    average = parts.average
    averaged = [] if average is None else average.names_of(trained)
    start_s = time.perf_counter()
    for step, batch in enumerate(loader.iterate(order)):
        lr = learning_rate(config, phase, (epoch * steps + step) / (phase.epochs * steps))
        for name, value in _step(
            parts, phase, batch, optimizer, lr, (progress.phase, epoch, step), norms
        ).items():
            sums[name] += value
        if average is not None:
            average.update(averaged, epoch * steps + step)
        shown.within((step + 1) / steps)
    elapsed_s = time.perf_counter() - start_s
    _advance(progress, steps, norms.clipped, elapsed_s)
    _LOG.debug(
        f"{phase.name}: {steps} steps in {elapsed_s:.1f} s, of which {loader.waited_s:.1f} s "
        f"waiting for data; learning rate {lr:.3g}"
    )
    means = {name: value / steps for name, value in sums.items()}
    return {
        **mean_over_processes(parts.fabric, {**means, **norms.summary()}),
        "lr": lr,
        "samples_per_s": steps * config.batch_size / elapsed_s,
        "wait_share": loader.waited_s / max(loader.total_s, 1e-9),
    }


def _own_samples(parts: Parts, progress: Progress) -> tuple[int, NDArray[np.int64]]:
    """How many steps the epoch has, and the samples that this process reads in it, in their order:
    its share of each batch. Samples that fill no batch are left out.
    """
    config, fabric = parts.config, parts.fabric
    order = epoch_order(len(parts.train), seed_of(config.seed, progress.phase), progress.epoch)
    steps = max(len(order) // config.batch_size, 1)
    batches = order[: steps * config.batch_size].reshape(steps, -1)
    return steps, batches[:, fabric.global_rank :: fabric.world_size].reshape(-1)


def _advance(progress: Progress, steps: int, clipped: int, elapsed_s: float) -> None:
    """Count what the epoch has done; how many epochs are finished is counted after validation."""
    progress.step += steps
    progress.trained_s += elapsed_s
    progress.clipped += clipped
    progress.phase_steps += steps


def _step(
    parts: Parts,
    phase: Phase,
    batch: Batch,
    optimizer: Optimizer,
    lr: float,
    place: tuple[int, int, int],
    norms: GradientNorms,
) -> dict[str, float]:
    """One optimiser step at `place`: phase, epoch and step, each counted from 0."""
    fabric, (_, epoch, step) = parts.fabric, place
    seed = seed_of(parts.config.seed, *place, fabric.global_rank)
    torch.manual_seed(seed)
    moved = batch.to(fabric.device)
    # on the CPU, so that drawing numbers does not wait for an accelerator
    generator = torch.Generator().manual_seed(seed)
    camera = parts.dataset.card.camera
    moved = augment(moved, parts.config.augment, parts.method.task, generator, camera)
    with fabric.autocast():
        cost = phase.loss(parts.networks, moved)
    terms = torch.stack(list(cost.losses.values()))
    total = terms.sum()
    # together, since a GPU is waited for each time that a number is read
    value, *each = torch.cat([total.detach().reshape(1), terms.detach()]).tolist()
    losses = dict(zip(cost.losses, each, strict=True))
    _refuse_divergence("loss", value, phase, epoch, step, losses)
    if step == 0:
        norms.measure_terms(cost.losses)
    optimizer.zero_grad(set_to_none=True)
    fabric.backward(total)
    share_gradients(parts.fabric, optimizer)
    for group in optimizer.param_groups:
        group["lr"] = lr
    _refuse_divergence("gradient's norm", norms.clip(), phase, epoch, step, losses)
    optimizer.step()
    logged = {f"train/{name}": number for name, number in cost.logged.items()}
    return {
        "loss/total": value,
        **{f"loss/{name}": number for name, number in losses.items()},
        **logged,
    }


def _refuse_divergence(
    what: str, value: float, phase: Phase, epoch: int, step: int, losses: Mapping[str, float]
) -> None:
    if not math.isfinite(value):
        raise DataError(
            f"the {what} became {value} in {phase.name}, epoch {epoch + 1}, step "
            f"{step + 1} "
            f"({', '.join(f'{name} {loss:.3g}' for name, loss in losses.items())}); lower lr, "
            "or check the labels"
        )
