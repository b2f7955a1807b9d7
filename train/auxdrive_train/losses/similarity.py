"""similarity: pairs of samples that are similar to the teacher become similar to the student
(Similarity-Preserving Knowledge Distillation, SP, Tung and Mori 2019, equations 1 to 4).

With features F (B, D), the similarities are Q = F F^T; each row of Q is divided by its length; the
loss is ||G_tea - G_stu||_F^2 / B^2, the mean squared difference of the rows' directions, as in
RepDistiller's Similarity. It is zero when the features are equal, or differ by a factor. Rows that
are next to nothing have no direction (`auxdrive_train.losses.directions`), which usual code
forgets.

The paper compares maps of an intermediate layer; here it is the features, as for the other losses.
"""

from __future__ import annotations

from torch import Tensor

from auxdrive_train.losses.directions import directions
from auxdrive_train.losses.on_features import FeatureLoss


def similarity(student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
    """The loss for features, both (B, D), a scalar.

    Args:
        student_bd: the student's features.
        teacher_bd: the teacher's features of the same samples; D may differ from the student's.
    """
    return (_similarities(student_bd) - _similarities(teacher_bd)).pow(2).mean()


def _similarities(features_bd: Tensor) -> Tensor:
    """(B, B): the rows' directions of the features' products."""
    return directions(features_bd @ features_bd.T)


class Similarity(FeatureLoss):
    """The loss on features (Tung and Mori 2019, eq. 1 to 4); those of student and teacher may
    differ in width.

    Examples:
        >>> import torch
        >>> from auxdrive_train.losses.similarity import similarity
        >>> student = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> similarity(student, torch.tensor([[0.0, 3.0], [3.0, 0.0]]))
        tensor(0.)
    """

    paper = "Tung and Mori 2019 (SP)"
    beta = 3000.0

    def of_features(self, student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
        """`similarity` of the features.

        Args:
            student_bd: features (B, D of the student).
            teacher_bd: features (B, D of the teacher).
        """
        return similarity(student_bd, teacher_bd)
