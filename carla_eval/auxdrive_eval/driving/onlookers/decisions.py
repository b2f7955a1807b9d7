"""What was decided while a route was driven: the control of every tick, and every prediction. It is
a few numbers each, so every drive keeps it; `auxdrive diagnose` reads it.

routes/<index>/controls.npy     `CONTROL_DTYPE` (N,): row k is the control between ticks k and k + 1
routes/<index>/predictions.npy  a record for each prediction: its time, the target point and the
                                command that the driver was told, and the row of the model's task
                                under the name of its output (NaN where it was withheld)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from auxdrive.errors import DataError
from auxdrive.storage.arrays import load_npy
from auxdrive.storage.reading import is_file
from auxdrive.tasks import TASKS, task_of
from auxdrive.tasks.base import TaskSpec
from auxdrive.types import AnyArray, Float32, Float64

from auxdrive_eval.driving.drivers import Seen
from auxdrive_eval.driving.onlookers.base import Moment
from auxdrive_eval.driving.runner import RouteResult
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.driving.stored.route_files import CONTROLS, PREDICTIONS, npy_bytes

CONTROL_DTYPE = np.dtype([("steer_rad", "<f8"), ("throttle", "<f8"), ("brake", "<f8")])
_TOLD = (("time_s", "<f8"), ("target_ego_m", "<f8", (2,)), ("command", "<i2"))
_TIMES = "waypoint_times_s"


@dataclass(frozen=True, slots=True)
class Predicted:
    """A prediction, and what the driver was told with it.

    Attributes:
        time_s: game time.
        target_ego_m: the target point in the ego frame of then, metres.
        task: what the row means.
        row: of the task's shape.
        times_s: when each waypoint is to be reached, seconds after `time_s`; empty where the task
            has none.
    """

    time_s: float
    target_ego_m: tuple[float, float]
    task: TaskSpec
    row: Float32
    times_s: tuple[float, ...] = ()


class Decisions:
    """Keeps what is decided on one drive; see `auxdrive_eval.driving.onlookers.base.Onlooker`."""

    def __init__(self) -> None:
        self._controls: list[tuple[float, float, float]] = []
        self._predictions: list[Seen] = []

    def look(self, moment: Moment) -> None:
        """Note the control of this tick, and the prediction if it is a new one."""
        control, seen = moment.control, moment.seen
        self._controls.append((control.steer_rad, control.throttle, control.brake))
        if seen is not None and (not self._predictions or self._predictions[-1] is not seen):
            self._predictions.append(seen)

    def end(self, result: RouteResult) -> Mapping[str, bytes]:
        """Both files; none of a route whose simulation crashed, and no predictions if there were
        none.
        """
        if result.crashed or not self._controls:
            return {}
        files = {CONTROLS: npy_bytes(np.array(self._controls, CONTROL_DTYPE))}
        table = prediction_table(self._predictions)
        return files | ({} if table is None else {PREDICTIONS: npy_bytes(table)})

    def drop(self) -> None:
        """Forget everything."""
        self._controls, self._predictions = [], []


def prediction_table(seen: list[Seen]) -> AnyArray | None:
    """The predictions of a drive as records; None if none was made, or none of a known task.

    Args:
        seen: what the driver went by, in the order of time.
    """
    found = next((each for each in seen if task_of(each.prediction) is not None), None)
    if found is None:
        return None
    task, times = task_of(found.prediction), found.prediction.waypoint_times_s
    assert task is not None
    shape = task.row(found.prediction).shape
    fields: list[Any] = [*_TOLD, (task.output_name, "<f4", shape)]
    table = np.zeros(len(seen), np.dtype(fields + [(_TIMES, "<f8", (len(times),))] * bool(times)))
    for record, each in zip(table, seen, strict=True):
        record["time_s"] = each.prediction.time_s
        record["target_ego_m"], record["command"] = each.target_ego_m, int(each.command)
        made = task.made(each.prediction)
        row = task.row(each.prediction) if made else None
        record[task.output_name] = row if row is not None and row.shape == shape else np.nan
        if times:
            record[_TIMES] = times
    return table


def predicted_by(table: AnyArray) -> tuple[Predicted, ...]:
    """The predictions of a table, without those that were withheld.

    Args:
        table: from `prediction_table`.

    Raises:
        DataError: it is of a task that is not known here.
    """
    names = table.dtype.names or ()
    task = next((TASKS[name] for name in TASKS if TASKS[name].output_name in names), None)
    if task is None:
        raise DataError(f"predictions of an unknown task: {', '.join(names)}")
    rows = table[task.output_name].reshape(len(table), -1)
    whole = np.isfinite(rows).all(axis=1)
    return tuple(
        Predicted(
            float(record["time_s"]),
            (float(record["target_ego_m"][0]), float(record["target_ego_m"][1])),
            task,
            np.array(record[task.output_name]),
            tuple(record[_TIMES].tolist()) if _TIMES in names else (),
        )
        for record in table[whole]
    )


def read_controls(route: StoredRoute) -> Float64 | None:
    """The controls of a stored drive, (N, 3): road-wheel angle, throttle and brake; None if none
    are kept with it.

    Raises:
        DataError: the file is damaged.
    """
    path = route.beside.get(CONTROLS)
    if path is None or isinstance(path, bytes) or not is_file(path):
        return None
    controls = load_npy(path)
    if controls.dtype != CONTROL_DTYPE or controls.ndim != 1:
        raise DataError(f"{path}: holds no controls; remove the route's folder to drive it again")
    return np.stack([controls[name] for name in CONTROL_DTYPE.names or ()], axis=1)


def read_predictions(route: StoredRoute) -> tuple[Predicted, ...]:
    """The predictions of a stored drive that were not withheld; none if none are kept with it.

    Raises:
        DataError: the file is damaged, or of a task that is not known here.
    """
    path = route.beside.get(PREDICTIONS)
    if path is None or isinstance(path, bytes) or not is_file(path):
        return ()
    return predicted_by(load_npy(path))
