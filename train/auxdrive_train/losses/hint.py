"""hint: the student's features approach the teacher's (FitNets, Romero et al. 2015, equation 3).

mean((r(F_stu) - F_tea)^2) over all elements, as RepDistiller's HintLoss; the paper has half the
squared norm. r is the paper's regressor: where the features' widths differ, a linear map with bias
that is trained with the student (the paper's ends in the hint layer's non-linearity, which features
of different networks need not share); where they are equal there is none, and the loss is zero when
the features are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from auxdrive_train.losses.contract import Loss, LossSetup

if TYPE_CHECKING:
    from auxdrive_train.data.batch import Batch
    from auxdrive_train.models.networks import Output


def hint(student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
    """Mean squared difference of features, both (B, D)."""
    return ((student_bd - teacher_bd) ** 2).mean()


class Hint(Loss):
    """The loss on features, with FitNets' regressor where their widths differ."""

    paper = "Romero et al. 2015 (FitNets)"
    beta = 100.0

    def __init__(self, setup: LossSetup) -> None:
        super().__init__(setup)
        ours, theirs = setup.student.features, setup.teacher.features
        self.regressor = nn.Identity() if ours == theirs else nn.Linear(ours, theirs)

    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """`hint` of the regressed features."""
        del batch
        return hint(self.regressor(student.features), teacher.features)
