"""rkd: the student keeps the distances and angles between samples that the teacher's features have
(Relational Knowledge Distillation, Park et al. 2019, equations 4 to 8).

The loss is 25 x the Huber loss of distances + 50 x the Huber loss of angles, with the weights of
RepDistiller's RKDLoss (the paper has 1 and 2). Distances are divided by their mean over the batch;
an angle is the one at sample j of the triangle of samples (i, j, k). The loss is zero when the
features are equal.

It deviates where the paper's formula has a pole: the direction from one sample to an almost
identical one is undefined (`auxdrive_train.losses.directions`). Likewise, if all features of a
batch have nearly collapsed to one point, a small fixed length takes the place of the mean distance.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from auxdrive_train.losses.directions import EPSILON, SMALLEST_MEAN, along
from auxdrive_train.losses.on_features import FeatureLoss

DISTANCE_WEIGHT = 25.0
ANGLE_WEIGHT = 50.0


def rkd(student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
    """The loss for features, both (B, D), a scalar. Zero for a batch of one sample, which has no
    relations.

    Args:
        student_bd: the student's features.
        teacher_bd: the teacher's features of the same samples; D may differ from the student's.
    """
    if len(student_bd) < 2:
        return student_bd.sum() * 0.0
    distance = functional.smooth_l1_loss(_distances(student_bd), _distances(teacher_bd))
    angle = functional.smooth_l1_loss(_angles(student_bd), _angles(teacher_bd))
    return DISTANCE_WEIGHT * distance + ANGLE_WEIGHT * angle


def _distances(features_bd: Tensor) -> Tensor:
    """(B, B): Euclidean distances, divided by the mean of those off the diagonal."""
    distances_bb = _squared(_edges(features_bd)).clamp(min=EPSILON).sqrt() * _off_diagonal(
        features_bd
    )
    return distances_bb / _mean(distances_bb)


def _angles(features_bd: Tensor) -> Tensor:
    """(B, B, B): at [j, i, k] the cosine of the angle between x_i - x_j and x_k - x_j."""
    edges_bbd = _edges(features_bd)
    squared_bb = _squared(edges_bbd)
    mean = _mean(squared_bb.clamp(min=EPSILON).sqrt() * _off_diagonal(features_bd))
    directions_bbd = along(edges_bbd, squared_bb, mean)
    return torch.bmm(directions_bbd, directions_bbd.transpose(1, 2))


def _edges(features_bd: Tensor) -> Tensor:
    """(B, B, D): x_i - x_j at [j, i]."""
    return features_bd.unsqueeze(0) - features_bd.unsqueeze(1)


def _squared(edges_bbd: Tensor) -> Tensor:
    return edges_bbd.pow(2).sum(dim=2)


def _off_diagonal(features_bd: Tensor) -> Tensor:
    return ~torch.eye(len(features_bd), dtype=torch.bool, device=features_bd.device)


def _mean(distances_bb: Tensor) -> Tensor:
    """Mean distance between two different samples, a scalar of at least `SMALLEST_MEAN`."""
    count = len(distances_bb)
    return (distances_bb.sum() / (count * (count - 1))).clamp(min=SMALLEST_MEAN)


class RKD(FeatureLoss):
    """The loss on features (Park et al. 2019, eq. 4 to 8); those of student and teacher may differ
    in width.

    Examples:
        >>> import torch
        >>> from auxdrive_train.losses.rkd import rkd
        >>> student = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
        >>> round(rkd(student, 10 * student).item(), 6)  # the same shape, ten times larger
        0.0
    """

    paper = "Park et al. 2019"
    beta = 1.0

    def of_features(self, student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
        """`rkd` of the features.

        Args:
            student_bd: features (B, D of the student).
            teacher_bd: features (B, D of the teacher).
        """
        return rkd(student_bd, teacher_bd)
