"""Trackers: programs that show a run's curves, such as TensorBoard, by name. Each has a file and a
row of its own; see `auxdrive_train.trackers.contract` for what a tracker must be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from auxdrive_train.trackers.contract import Tracker

TRACKERS: Registry[Callable[[], Tracker]] = Registry(
    "tracker",
    "auxdrive.trackers",
    {
        "tensorboard": "auxdrive_train.trackers.tensorboard_events:TensorBoard",
        "wandb": "auxdrive_train.trackers.weights_and_biases:WeightsAndBiases",
    },
    check=callable,
)
"""By name, what makes a tracker. The package that a built-in one needs comes with the extra of the
same name.
"""
