"""Tasks, what a model predicts, as a vehicle must know them: what the numbers mean, how they are
checked, compared and shown, and which controller drives by them. Each task is one file here; how it
is trained stands in `auxdrive_train.tasks`.

Another package adds a task by two entry points of the same name, in the groups `auxdrive.tasks` (a
`base.TaskSpec`) and `auxdrive.training_tasks` (an `auxdrive_train.tasks.base.Task`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.registry import Registry, instance_of

if TYPE_CHECKING:  # cards import this module, and tasks import cards
    from auxdrive.tasks.base import TaskSpec
    from auxdrive.types import Prediction

__all__ = ["TASKS", "task_of"]


TASKS: Registry[TaskSpec] = Registry(
    "task",
    "auxdrive.tasks",
    {
        "classification": "auxdrive.tasks.classification:CLASSIFICATION",
        "path_speed": "auxdrive.tasks.path_speed:PATH_SPEED",
        "steering": "auxdrive.tasks.steering:STEERING",
        "waypoints": "auxdrive.tasks.waypoints:WAYPOINTS",
    },
    check=instance_of("auxdrive.tasks.base:TaskSpec"),
)


def task_of(prediction: Prediction) -> TaskSpec | None:
    """The task of a prediction; None where it is empty or of no known task."""
    return next((task for name in TASKS if (task := TASKS[name]).made(prediction)), None)
