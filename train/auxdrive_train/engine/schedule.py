"""The learning rate over a phase."""

from __future__ import annotations

import math

from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.methods.phases import Phase


def learning_rate(config: TrainConfig, phase: Phase, done: float) -> float:
    """The learning rate: it rises linearly to `lr`, then falls along a cosine to `lr_final` times
    `lr`.

    Args:
        config: has `lr`, `lr_final` and `warmup`.
        phase: its `lr_span` says which part of the schedule it covers.
        done: how much of the phase is done, 0..1.
    """
    place = phase.lr_span[0] + (phase.lr_span[1] - phase.lr_span[0]) * done
    if place < config.warmup:
        return config.lr * (place + 1e-3) / (config.warmup + 1e-3)
    falling = (place - config.warmup) / (1 - config.warmup)
    floor = config.lr_final
    return config.lr * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * falling)))
