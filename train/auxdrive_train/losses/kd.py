"""kd: the student imitates the teacher's output (Hinton, Vinyals, Dean 2015).

A regression has no classes to soften, so the loss is the mean squared difference of the two outputs
in scaled units (output / the task's scale), and there is no temperature. It is zero when the
outputs are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from auxdrive_train.losses.contract import Loss

if TYPE_CHECKING:
    from auxdrive_train.data.batch import Batch
    from auxdrive_train.models.networks import Output


def kd_regression(student: Tensor, teacher: Tensor, scale: float) -> Tensor:
    """mean(((student - teacher) / scale)^2), a scalar.

    Args:
        student: predictions (B, ...) in physical units.
        teacher: predictions (B, ...) in physical units.
        scale: physical units per scaled unit.
    """
    return (((student - teacher) / scale) ** 2).mean()


class KD(Loss):
    """The loss on predictions, in the task's scaled units (Hinton, Vinyals, Dean 2015).

    Examples:
        >>> import torch
        >>> from auxdrive_train.losses.kd import kd_regression
        >>> kd_regression(torch.zeros(2, 1), torch.full((2, 1), 3.0), scale=1.5)
        tensor(4.)
    """

    paper = "Hinton, Vinyals, Dean 2015"
    beta = 0.9

    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """`kd_regression` of the two predictions.

        Args:
            student: predictions (B, *label_shape) in physical units.
            teacher: predictions of the same shape.
            batch: is not used.
        """
        del batch
        return kd_regression(student.prediction, teacher.prediction, self.setup.task.scale)
