"""correlation: the student keeps how the teacher's features of the samples of a batch go together
(Correlation Congruence, CC, Peng et al. 2019, equations 5 to 8).

The correlation of two samples is the Gaussian kernel of their features' directions x and y,
exp(-gamma |x - y|^2), by its Taylor series: exp(-2 gamma) sum_p (2 gamma)^p / p! (x y)^p, with the
paper's gamma of 0.4 and p up to 2. The loss is the mean squared difference of the (B, B)
correlations. It is zero when the features are equal, or differ by a factor.

It is the paper's second term alone; its first, that each output is like the teacher's, is kd.
RepDistiller's Correlation is another formula, the product of neighbouring samples' differences, and
its weight of 0.02 belongs to that. Features of zero have no direction
(`auxdrive_train.losses.directions`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from auxdrive_train.losses.directions import directions
from auxdrive_train.losses.on_features import FeatureLoss

GAMMA, ORDER = 0.4, 2


def correlation(student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
    """The loss for features, both (B, D), a scalar.

    Args:
        student_bd: the student's features.
        teacher_bd: the teacher's features of the same samples; D may differ from the student's.
    """
    return (_correlations(student_bd) - _correlations(teacher_bd)).pow(2).mean()


def _correlations(features_bd: Tensor) -> Tensor:
    """(B, B): the kernel of each pair's directions, by its series."""
    directions_bd = directions(features_bd)
    cosines_bb = directions_bd @ directions_bd.T
    terms = [(2 * GAMMA) ** p / math.factorial(p) * cosines_bb**p for p in range(ORDER + 1)]
    return math.exp(-2 * GAMMA) * torch.stack(terms).sum(dim=0)


class Correlation(FeatureLoss):
    """The loss on features (Peng et al. 2019, eq. 5 to 8); those of student and teacher may differ
    in width.
    """

    paper = "Peng et al. 2019 (CC)"
    beta = 10.0

    def of_features(self, student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
        """`correlation` of the features.

        Args:
            student_bd: features (B, D of the student).
            teacher_bd: features (B, D of the teacher).
        """
        return correlation(student_bd, teacher_bd)
