"""kd: the student imitates the teacher's output (Hinton, Vinyals, Dean 2015).

Of classes it is T^2 times the Kullback-Leibler divergence of the two rows of probabilities at the
temperature T = 4, which RepDistiller uses. A regression has no classes to soften: the loss is the
mean squared difference of the two outputs in scaled units (output / the task's scale), and there is
no temperature. Both are `Task.imitation`, and zero when the outputs are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from auxdrive_train.losses.contract import Loss

if TYPE_CHECKING:
    from auxdrive_train.data.batch import Batch
    from auxdrive_train.models.networks import Output

TEMPERATURE = 4.0


class KD(Loss):
    """The loss on predictions (Hinton, Vinyals, Dean 2015).

    Examples:
        >>> import torch
        >>> from auxdrive_train import LossSetup, Output, make_loss
        >>> from auxdrive_train.models.maps import Widths
        >>> from auxdrive_train.tasks.waypoints import WaypointsTask
        >>> kd = make_loss("kd", LossSetup(WaypointsTask(scale=1.5), Widths(4), Widths(4), 10))
        >>> student, teacher = (
        ...     Output(torch.zeros(2, 4), torch.full((2, 4, 2), metres)) for metres in (0.0, 3.0)
        ... )
        >>> kd(student, teacher, batch=None)
        tensor(4.)
    """

    paper = "Hinton, Vinyals, Dean 2015"
    beta = 0.9

    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """The mean of `Task.imitation` over the samples.

        Args:
            student: predictions (B, *label_shape) in physical units.
            teacher: predictions of the same shape.
            batch: is not used.
        """
        del batch
        task = self.setup.task
        return task.imitation(student.prediction, teacher.prediction, TEMPERATURE).mean()
