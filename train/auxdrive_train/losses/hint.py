"""hint: the student's features approach the teacher's (FitNets, Romero et al. 2015, equation 3).

mean((F_stu - F_tea)^2) over all elements, as RepDistiller's HintLoss; the paper has half the
squared norm. FitNets puts a regressor between features of different widths; a SAMD teacher is a
supermodel of its student, so the widths are equal and none is needed. Zero when equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from auxdrive_train.losses import DistillationLoss
    from auxdrive_train.models.networks import Output
    from auxdrive_train.tasks.base import Task


def hint(student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
    """Mean squared difference of features, both (B, D)."""
    return ((student_bd - teacher_bd) ** 2).mean()


def make(task: Task) -> DistillationLoss:
    """The loss on features; the task does not matter."""
    del task

    def loss(student: Output, teacher: Output) -> Tensor:
        return hint(student.features, teacher.features)

    return loss
