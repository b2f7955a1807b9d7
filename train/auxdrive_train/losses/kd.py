"""kd: the student imitates the teacher's output (Hinton, Vinyals, Dean 2015).

On a regression head, which has no classes to soften, it is the squared error to the teacher's
output, mean over elements, in the task's scaled units (output / scale). There is no temperature.
Zero when the outputs are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from auxdrive_train.losses import DistillationLoss
    from auxdrive_train.models.networks import Output
    from auxdrive_train.tasks.base import Task


def kd_regression(student: Tensor, teacher: Tensor, scale: float) -> Tensor:
    """mean(((student - teacher) / scale)^2); both (B, ...)."""
    return (((student - teacher) / scale) ** 2).mean()


def make(task: Task) -> DistillationLoss:
    """The loss on predictions, in the task's scale."""

    def loss(student: Output, teacher: Output) -> Tensor:
        return kd_regression(student.prediction, teacher.prediction, task.scale)

    return loss
