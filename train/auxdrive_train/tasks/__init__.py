"""Tasks: one table, from which the command line, the configuration and the documentation derive."""

from __future__ import annotations

from collections.abc import Callable

from auxdrive.cards import DatasetCard
from auxdrive.errors import UsageError, unknown_name

from auxdrive_train.tasks.base import Labels, Task
from auxdrive_train.tasks.steering_angle import SteeringTask
from auxdrive_train.tasks.waypoints import DEFAULT_WHEELBASE_M, WaypointsTask

__all__ = ["TASKS", "Labels", "SteeringTask", "Task", "WaypointsTask", "make_task"]


def _steering(card: DatasetCard) -> Task:  # noqa: ARG001 (one signature for every entry)
    return SteeringTask()


def _waypoints(card: DatasetCard) -> Task:
    return WaypointsTask(wheelbase_m=card.vehicle.wheelbase_m or DEFAULT_WHEELBASE_M)


TASKS: dict[str, Callable[[DatasetCard], Task]] = {"steering": _steering, "waypoints": _waypoints}


def make_task(name: str, card: DatasetCard) -> Task:
    """The task of that name for a data set.

    Raises:
        UsageError: no such task; the message names the nearest.
    """
    if name not in TASKS:
        raise UsageError(unknown_name("task", name, TASKS))
    return TASKS[name](card)
