"""Trackers: who is told of every epoch beside the run's own log, by name. One file and one row
each; the contract stands in `auxdrive_train.trackers.contract`.
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
"""What makes a tracker. The package of a built-in one comes with the extra of its name."""
