"""hint: the student's features approach the teacher's (FitNets, Romero et al. 2015, equation 3).

The loss is mean((r(F_stu) - F_tea)^2) over all elements, as in RepDistiller's HintLoss; the paper
has half the squared norm. r is the paper's regressor. If the features differ in width, it is a
linear map with bias that is trained with the student. (The paper's regressor ends in the hint
layer's non-linearity; features of different networks need not share one.) If the widths are equal
there is no regressor, and equal features give a loss of zero.
"""

from __future__ import annotations

from torch import Tensor, nn

from auxdrive_train.losses.contract import LossSetup
from auxdrive_train.losses.on_features import FeatureLoss


def hint(student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
    """Mean squared difference of features, a scalar; both are (B, D).

    Args:
        student_bd: the student's features, already as wide as the teacher's.
        teacher_bd: the teacher's features.
    """
    return ((student_bd - teacher_bd) ** 2).mean()


class Hint(FeatureLoss):
    """FitNets' loss on features, with its regressor if their widths differ (Romero et al. 2015, eq.
    3).

    Examples:
        >>> import torch
        >>> from auxdrive_train.losses.hint import hint
        >>> hint(torch.zeros(2, 4), torch.full((2, 4), 3.0))
        tensor(9.)
    """

    paper = "Romero et al. 2015 (FitNets)"
    beta = 100.0

    def __init__(self, setup: LossSetup) -> None:
        super().__init__(setup)
        ours, theirs = setup.student.features, setup.teacher.features
        self.regressor = nn.Identity() if ours == theirs else nn.Linear(ours, theirs)

    def of_features(self, student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
        """`hint` of the student's features, after the regressor, and the teacher's.

        Args:
            student_bd: features (B, D of the student).
            teacher_bd: features (B, D of the teacher).
        """
        return hint(self.regressor(student_bd), teacher_bd)
