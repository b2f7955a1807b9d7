"""kd: the student imitates the teacher's output (Hinton, Vinyals, Dean 2015).

On a regression head, which has no classes to soften, it is the squared error to the teacher's
output, mean over elements, in the task's scaled units (output / scale). There is no temperature.
Zero when the outputs are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from auxdrive_train.losses.contract import Loss

if TYPE_CHECKING:
    from auxdrive_train.data.batch import Batch
    from auxdrive_train.models.networks import Output


def kd_regression(student: Tensor, teacher: Tensor, scale: float) -> Tensor:
    """mean(((student - teacher) / scale)^2); both (B, ...)."""
    return (((student - teacher) / scale) ** 2).mean()


class KD(Loss):
    """The loss on predictions, in the task's scale."""

    paper = "Hinton, Vinyals, Dean 2015"
    beta = 0.9

    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """`kd_regression` of the predictions."""
        del batch
        return kd_regression(student.prediction, teacher.prediction, self.setup.task.scale)
