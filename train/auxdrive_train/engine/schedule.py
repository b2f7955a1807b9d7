"""The learning rate over a phase."""

from __future__ import annotations

import math

from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.methods.contract import Phase


def learning_rate(config: TrainConfig, phase: Phase, done: float) -> float:
    """Linear warm-up, then a cosine down to `lr_final`, over the part of the schedule that the
    phase covers; done: 0..1 of the phase.
    """
    place = phase.lr_span[0] + (phase.lr_span[1] - phase.lr_span[0]) * done
    if place < config.warmup:
        return config.lr * (place + 1e-3) / (config.warmup + 1e-3)
    falling = (place - config.warmup) / (1 - config.warmup)
    floor = config.lr_final
    return config.lr * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * falling)))
