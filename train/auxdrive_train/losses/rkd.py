"""rkd: the student keeps the distances and angles between samples that the teacher sees (Park et
al. 2019, equations 4 to 8).

25 x distance-wise + 50 x angle-wise Huber loss, the weights of RepDistiller's RKDLoss (the paper: 1
and 2). Distances are divided by their mean over the batch; angles are those at sample j of the
triangle (i, j, k). Zero when the features are equal.

Where the paper's formula has a pole, this stands apart from it. Samples that look alike have no
direction between them: an edge that is shorter than a hundredth of the mean distance keeps its
length's share of a direction, so that its cosine goes to zero with it and its gradient stays within
a hundred times the others'. (Normalising it, as RepDistiller does, multiplies rounding noise by up
to 10^12.) Likewise a batch whose features have all but collapsed to a point is measured by a fixed
small length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from auxdrive_train.losses.contract import Loss

if TYPE_CHECKING:
    from auxdrive_train.data.batch import Batch
    from auxdrive_train.models.networks import Output

DISTANCE_WEIGHT = 25.0
ANGLE_WEIGHT = 50.0
# Keeps the square root differentiable where two samples have the same features.
EPSILON = 1e-12
# Of the mean distance: edges that are shorter have no direction that means anything.
SHORTEST_EDGE = 0.01
# A smaller mean distance is rounding, for features of the order of one in float32.
SMALLEST_MEAN = 1e-4


def rkd(student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
    """The loss for features (B, D); zero for a batch of one, which has no relations."""
    if len(student_bd) < 2:
        return student_bd.sum() * 0.0
    distance = functional.smooth_l1_loss(_distances(student_bd), _distances(teacher_bd))
    angle = functional.smooth_l1_loss(_angles(student_bd), _angles(teacher_bd))
    return DISTANCE_WEIGHT * distance + ANGLE_WEIGHT * angle


def _distances(features_bd: Tensor) -> Tensor:
    """(B, B) Euclidean distances over their mean off the diagonal."""
    distances_bb = _squared(_edges(features_bd)).clamp(min=EPSILON).sqrt() * _off_diagonal(
        features_bd
    )
    return distances_bb / _mean(distances_bb)


def _angles(features_bd: Tensor) -> Tensor:
    """(B, B, B) cosines of the angle between x_i - x_j and x_k - x_j, j first."""
    edges_bbd = _edges(features_bd)
    squared_bb = _squared(edges_bbd)
    mean = _mean(squared_bb.clamp(min=EPSILON).sqrt() * _off_diagonal(features_bd))
    # The larger of the squares, then the root: the root of the smaller one would have an infinite
    # slope at zero.
    lengths_bb = torch.maximum(squared_bb, (SHORTEST_EDGE * mean).square()).sqrt()
    directions_bbd = edges_bbd / lengths_bb.unsqueeze(2)
    return torch.bmm(directions_bbd, directions_bbd.transpose(1, 2))


def _edges(features_bd: Tensor) -> Tensor:
    """(B, B, D): x_i - x_j at [j, i]."""
    return features_bd.unsqueeze(0) - features_bd.unsqueeze(1)


def _squared(edges_bbd: Tensor) -> Tensor:
    return edges_bbd.pow(2).sum(dim=2)


def _off_diagonal(features_bd: Tensor) -> Tensor:
    return ~torch.eye(len(features_bd), dtype=torch.bool, device=features_bd.device)


def _mean(distances_bb: Tensor) -> Tensor:
    """Mean distance between two different samples."""
    count = len(distances_bb)
    return (distances_bb.sum() / (count * (count - 1))).clamp(min=SMALLEST_MEAN)


class RKD(Loss):
    """The loss on features, of whatever width."""

    paper = "Park et al. 2019"
    beta = 1.0

    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """`rkd` of the features."""
        del batch
        return rkd(student.features, teacher.features)
