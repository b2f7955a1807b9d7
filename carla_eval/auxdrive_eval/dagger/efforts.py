"""How long each stage of the rounds takes compared with the others. This decides only the estimate
of the remaining time.
"""

from __future__ import annotations

from auxdrive_eval.dagger.settings import DaggerConfig
from auxdrive_eval.routes.plan import parse_seeds

# Seconds on two cores with two workers, measured in the budget `quick`.
FRAME_S = 0.0056
"""Recording a frame of the expert."""
STUDENT_FRAME_S = 0.016
"""Recording a frame while a student drives."""
AHEAD_S = 0.015
"""In addition, where it is recorded where the expert would be from there on."""
FRAMES_OF_EPISODE = 200
EPOCHS = 8
"""Where the settings say nothing, those of the task's recipe."""
TRAINING_S = 0.0018
"""Training on one recorded frame for one epoch."""
START_S = 6.0
"""Until a recording, a training or a drive has begun."""
ROUTE_S = 3.5
"""Driving one route."""


def efforts(config: DaggerConfig) -> dict[str, float]:
    """Seconds of each stage, in the order in which they are done.

    Args:
        config: the settings.
    """
    found: dict[str, float] = {}
    frames = 0
    for number in range(config.rounds + 1):
        recorded = _frames_of(config, number)
        frames += recorded
        if number or config.collect is not None:
            of_one = STUDENT_FRAME_S + AHEAD_S * config.ahead if number else FRAME_S
            found[f"collect {number}"] = START_S + recorded * of_one
        epochs = config.training(number).get("epochs", EPOCHS)
        shown = frames * (epochs if isinstance(epochs, int) else EPOCHS)
        found[f"train {number}"] = START_S + TRAINING_S * shown
        if config.drive:
            found[f"drive {number}"] = START_S + ROUTE_S * len(parse_seeds(config.drive))
    return found


def _frames_of(config: DaggerConfig, number: int) -> int:
    if number:
        return config.frames
    recorded = config.collect
    if recorded is None:
        return config.frames  # of data sets that are there; nobody has counted them
    return recorded.frames or (recorded.episodes or 1) * FRAMES_OF_EPISODE
