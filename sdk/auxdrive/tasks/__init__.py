"""Tasks as a vehicle knows them: what a model's numbers are, how they are judged, compared, shown
and driven by. One file each; how a task is trained stands in `auxdrive_train.tasks`.

A package of yours adds a task by the entry points `auxdrive.tasks` (a `base.TaskSpec`) and
`auxdrive.training_tasks` (an `auxdrive_train.tasks.base.Task`) under one name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.registry import Registry, instance_of

if TYPE_CHECKING:  # cards name tasks, and tasks make parts of cards
    from auxdrive.tasks.base import TaskSpec
    from auxdrive.types import Prediction

__all__ = ["TASKS", "task_of"]


TASKS: Registry[TaskSpec] = Registry(
    "task",
    "auxdrive.tasks",
    {
        "steering": "auxdrive.tasks.steering:STEERING",
        "waypoints": "auxdrive.tasks.waypoints:WAYPOINTS",
    },
    check=instance_of("auxdrive.tasks.base:TaskSpec"),
)


def task_of(prediction: Prediction) -> TaskSpec | None:
    """The task that a prediction is of; None where it holds nothing, or nothing that is known."""
    return next((task for name in TASKS if (task := TASKS[name]).made(prediction)), None)
