"""vid: the student's features say as much as they can of the teacher's (Variational Information
Distillation, Ahn et al. 2019, equations 3 to 6).

The mutual information of both is bounded from below by how well a Gaussian, whose mean is a
function of the student's features and whose variance is learned for each feature, predicts the
teacher's. The loss is the mean over all elements of ((F_tea - mu(F_stu))^2 / var + log(var)) / 2,
the negative logarithm of that Gaussian without its constant; var = softplus(alpha) + epsilon.

mu is a linear map here, as the paper has it for the last layer; for convolutional maps it has two
or three convolutions of 1x1, as RepDistiller's VIDLoss has, whose first variance (5) and epsilon
(1e-5) are ours. The loss is not zero for equal features, and may be negative: it is a likelihood.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from auxdrive_train.losses.contract import LossSetup
from auxdrive_train.losses.on_features import FeatureLoss

FIRST_VARIANCE, EPSILON = 5.0, 1e-5


def vid(mean_bd: Tensor, teacher_bd: Tensor, alpha_d: Tensor) -> Tensor:
    """The loss, a scalar.

    Args:
        mean_bd: (B, D), what is expected of the teacher's features.
        teacher_bd: (B, D), the teacher's features.
        alpha_d: (D,), of the variances.
    """
    variance_d = functional.softplus(alpha_d) + EPSILON
    return 0.5 * ((teacher_bd - mean_bd).pow(2) / variance_d + variance_d.log()).mean()


class VID(FeatureLoss):
    """The loss on features, with its linear regressor and variances (Ahn et al. 2019, eq. 3 to
    6).
    """

    paper = "Ahn et al. 2019"
    beta = 1.0
    zero_for_equals = False

    def __init__(self, setup: LossSetup) -> None:
        super().__init__(setup)
        self.regressor = nn.Linear(setup.student.features, setup.teacher.features)
        alpha = math.log(math.expm1(FIRST_VARIANCE - EPSILON))
        self.alpha = nn.Parameter(torch.full((setup.teacher.features,), alpha))

    def of_features(self, student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
        """`vid` of what the regressor makes of the student's features.

        Args:
            student_bd: features (B, D of the student).
            teacher_bd: features (B, D of the teacher).
        """
        return vid(self.regressor(student_bd), teacher_bd, self.alpha)
