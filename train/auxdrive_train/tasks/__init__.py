"""Tasks as they are trained, one file each: labels, loss, metrics and head. What a vehicle must
know of a task is in `auxdrive.tasks`, under the same name.
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
        "classification": "auxdrive_train.tasks.classification:ClassificationTask",
        "path_speed": "auxdrive_train.tasks.path_speed:PathSpeedTask",
        "steering": "auxdrive_train.tasks.steering_angle:SteeringTask",
        "waypoints": "auxdrive_train.tasks.waypoints:WaypointsTask",
    },
    check=subclass_of("auxdrive_train.tasks.base:Task"),
)


def make_task(name: str, card: DatasetCard) -> Task:
    """A task by its name, for a data set.

    Args:
        name: in `TASKS`.
        card: the data set's card.

    Raises:
        UsageError: there is no such task; the message names the nearest.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive.data.dataset import Dataset
        >>> from auxdrive_train import make_task
        >>> make_task("waypoints", Dataset.open(Path("data")).card).label_shape
        (4, 2)
    """
    return TASKS[name].of_dataset(card)
