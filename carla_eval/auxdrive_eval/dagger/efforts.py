"""How long each stage of the rounds takes compared with the others. This decides only the estimate
of the remaining time.
"""

from __future__ import annotations

from auxdrive_eval.dagger.settings import DaggerConfig
from auxdrive_eval.routes.plan import parse_seeds

# Seconds on two cores with two workers, measured in the budget `quick`.
FRAME_S = 0.0035
"""Recording a frame, beside the world's going on between two frames."""
EXPERTS_SECOND_S, STUDENTS_SECOND_S = 0.0115, 0.065
"""A second of the world while the expert drives, and while a student does."""
USUAL_HZ = 4.0
"""Of recordings that are not made here."""
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
    frames, between_s = 0, 1 / (USUAL_HZ if config.collect is None else config.collect.rate_hz)
    for number in range(config.rounds + 1):
        recorded = _frames_of(config, number)
        frames += recorded
        if number or config.collect is not None:
            second_s = STUDENTS_SECOND_S if number else EXPERTS_SECOND_S
            of_one = FRAME_S + second_s * between_s + (AHEAD_S if number and config.ahead else 0)
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
