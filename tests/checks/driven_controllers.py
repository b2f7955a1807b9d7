"""Predictions that every controller is driven by, found out and not listed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from auxdrive.controllers import make_controller
from auxdrive.errors import InputError
from auxdrive.tasks import TASKS
from auxdrive.tasks.base import TaskSpec
from auxdrive.types import Control, Float32, Prediction
from auxdrive_train.tasks import make_task
from driven_tasks import CARD
from hypothesis import strategies as st
from steady_drive import STEERING, VEHICLE, SteadyDrive

ANY = st.floats(allow_nan=True, allow_infinity=True)
SPEED_MPS = 1.0


@dataclass(frozen=True)
class Predictions:
    """Of one task, at the time 0."""

    task: TaskSpec

    def of(self, numbers: object) -> Prediction:
        """One that holds these numbers, as many as they are."""
        example = self.task.example()
        row = np.resize(np.asarray(numbers, np.float32), self.shape)
        return replace(example, time_s=0.0, **self.task.fields(row))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a row."""
        return self.task.shape(self.task.example().form)

    @property
    def left(self) -> Prediction:
        """To the left, slowly: 0.5 rad, or points at 45 degrees."""
        return self.of(self._left())

    @property
    def right(self) -> Prediction:
        """To the right: what is left, mirrored as training does it."""
        mirror = make_task(self.task.name, CARD).mirror_label
        return self.of(mirror(torch.from_numpy(self._left())[None])[0].numpy())

    def _left(self) -> Float32:
        return np.cumsum(np.full(self.shape, 0.5, np.float32), axis=0)


def takes(name: str) -> Iterator[TaskSpec]:
    """The tasks whose predictions a controller drives by."""
    for task in (TASKS[each] for each in TASKS):
        try:
            make_controller(name, STEERING, VEHICLE).step(task.example(), SPEED_MPS, 1.0)
        except InputError:
            continue
        yield task


def in_a_bend(
    name: str, predictions: Predictions, period_s: float = 0.1, **config: object
) -> tuple[SteadyDrive, float]:
    """A controller in a bend to the left, and the angle that it holds."""
    drive = SteadyDrive(make_controller(name, STEERING, VEHICLE, config), period_s)
    held = drive.step(predictions.left, SPEED_MPS).steer_rad
    assert held > 0
    return drive, held


def is_command(control: Control) -> bool:
    """Whether an actuator takes it."""
    return (
        all(type(each) is float for each in (control.steer_rad, control.throttle, control.brake))
        and abs(control.steer_rad) <= STEERING.max_road_wheel_rad
        and 0 <= control.throttle <= 1
        and 0 <= control.brake <= 1
        and not (control.throttle and control.brake)
    )
