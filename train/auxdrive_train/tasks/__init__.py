"""Tasks as they are trained, one file each: labels, loss, metrics and head. What a vehicle must
know of them stands in `auxdrive.tasks`, under the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.registry import Registry, subclass_of

if TYPE_CHECKING:
    from auxdrive.cards import DatasetCard

    from auxdrive_train.tasks.base import Task

TASKS: Registry[type[Task]] = Registry(
    "task",
    "auxdrive.training_tasks",
    {
        "steering": "auxdrive_train.tasks.steering_angle:SteeringTask",
        "waypoints": "auxdrive_train.tasks.waypoints:WaypointsTask",
    },
    check=subclass_of("auxdrive_train.tasks.base:Task"),
)


def make_task(name: str, card: DatasetCard) -> Task:
    """The task of that name for a data set.

    Raises:
        UsageError: no such task; the message names the nearest.
    """
    return TASKS[name].of_dataset(card)
