"""The gates of a precision: how far it may be from float32 to enter a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from auxdrive.errors import UsageError
from auxdrive.mistakes import mistakes_of
from auxdrive.strict import Strict
from auxdrive.tasks.base import TaskSpec
from pydantic import Field, ValidationError

Limit = Annotated[float, Field(ge=0)]


class PrecisionGates(Strict):
    """How far a graph in a lower precision may be from the one in float32.

    Attributes:
        worst: the largest difference of a prediction, in the task's `parity_unit` (degrees at the
            road wheel, centimetres between waypoints).
        mean: the mean difference over the frames, in that unit.
        accuracy_points: how much of the steering accuracy (mAcc, in percent) it may lose.
        driving_points: how much of the driving score it may lose, by the upper end of the 95 %
            interval over routes (with `--drive`).
    """

    worst: Limit = Field(description="largest difference of a prediction, in the task's unit")
    mean: Limit = Field(description="mean difference over the frames, in the task's unit")
    accuracy_points: Limit = Field(default=0.5, description="loss of steering accuracy, in points")
    driving_points: Limit = Field(
        default=5.0, description="loss of driving score, in points (with --drive)"
    )


def gates_of(task: TaskSpec, given: Mapping[str, object]) -> PrecisionGates:
    """The gates of a task.

    Args:
        task: whose models are judged.
        given: limits by name that take the place of the task's.

    Raises:
        UsageError: a limit is wrong, or one is not given of a task that has none of its own.
    """
    own = task.precision_limits
    values = {} if own is None else {"worst": own[0], "mean": own[1]}
    try:
        return PrecisionGates.model_validate(values | dict(given))
    except ValidationError as error:
        mistakes = "; ".join(mistakes_of(error, PrecisionGates, whole="gates"))
        raise UsageError(f"--gate, for the task '{task.name}': {mistakes}") from None
