"""pkt: the student's features give each sample the same neighbours as the teacher's (Probabilistic
Knowledge Transfer, Passalis and Tefas 2018, equations 3 to 6).

With the similarity K(x, y) = (cos(x, y) + 1) / 2, how probable a sample j is as a neighbour of i is
p(j | i) = K(x_i, x_j) / sum over k != i of K(x_i, x_k). The loss is p_tea log(p_tea / p_stu), in
the mean over the pairs i != j (the paper has the sum). It is zero when the features are equal, or
differ by a factor.

RepDistiller's PKT counts each sample among its own neighbours, and its mean includes these pairs;
it is otherwise this formula, and its weight is ours. Features of zero have no direction
(`auxdrive_train.losses.directions`). Fewer than three samples have no choice of neighbours: zero.
"""

from __future__ import annotations

import torch
from torch import Tensor

from auxdrive_train.losses.directions import directions
from auxdrive_train.losses.on_features import FeatureLoss

EPSILON = 1e-7
"""Of a probability: the opposite of a sample is no neighbour of it at all."""


def pkt(student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
    """The loss for features, both (B, D), a scalar.

    Args:
        student_bd: the student's features.
        teacher_bd: the teacher's features of the same samples; D may differ from the student's.
    """
    count = len(student_bd)
    if count < 3:
        return student_bd.sum() * 0.0
    ours, theirs = _neighbours(student_bd), _neighbours(teacher_bd)
    apart = theirs * (torch.log(theirs + EPSILON) - torch.log(ours + EPSILON))
    return apart.sum() / (count * (count - 1))


def _neighbours(features_bd: Tensor) -> Tensor:
    """(B, B): how probable j is as a neighbour of i; 0 on the diagonal."""
    directions_bd = directions(features_bd)
    others = 1.0 - torch.eye(len(features_bd), dtype=features_bd.dtype, device=features_bd.device)
    alike_bb = (directions_bd @ directions_bd.T + 1.0) / 2.0 * others
    return alike_bb / alike_bb.sum(dim=1, keepdim=True).clamp(min=EPSILON)


class PKT(FeatureLoss):
    """The loss on features (Passalis and Tefas 2018, eq. 3 to 6); those of student and teacher may
    differ in width.
    """

    paper = "Passalis and Tefas 2018"
    beta = 30000.0

    def of_features(self, student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
        """`pkt` of the features.

        Args:
            student_bd: features (B, D of the student).
            teacher_bd: features (B, D of the teacher).
        """
        return pkt(student_bd, teacher_bd)
