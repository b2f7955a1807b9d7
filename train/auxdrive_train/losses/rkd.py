"""rkd: the student keeps the distances and angles between samples that the teacher sees (Park et al. 2019, equations 4 to 8).

25 x distance-wise + 50 x angle-wise Huber loss, the weights of RepDistiller's RKDLoss (the paper: 1 and 2). Distances are divided by their
mean over the batch; angles are those at sample j of the triangle (i, j, k). Zero when the features are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from auxdrive_train.losses import DistillationLoss
    from auxdrive_train.models.networks import Output
    from auxdrive_train.tasks import Task

DISTANCE_WEIGHT = 25.0
ANGLE_WEIGHT = 50.0
# Keeps the square root differentiable where two samples have the same features.
EPSILON = 1e-12


def rkd(student_bd: Tensor, teacher_bd: Tensor) -> Tensor:
    """The loss for features (B, D); zero for a batch of one, which has no relations."""
    if len(student_bd) < 2:
        return student_bd.sum() * 0.0
    distance = functional.smooth_l1_loss(_distances(student_bd), _distances(teacher_bd))
    angle = functional.smooth_l1_loss(_angles(student_bd), _angles(teacher_bd))
    return DISTANCE_WEIGHT * distance + ANGLE_WEIGHT * angle


def _distances(features_bd: Tensor) -> Tensor:
    """(B, B) Euclidean distances over their mean off the diagonal."""
    squared_bb = (features_bd.unsqueeze(0) - features_bd.unsqueeze(1)).pow(2).sum(dim=2)
    off_diagonal = ~torch.eye(len(features_bd), dtype=torch.bool, device=features_bd.device)
    distances_bb = squared_bb.clamp(min=EPSILON).sqrt() * off_diagonal
    return distances_bb / distances_bb[distances_bb > 0].mean()


def _angles(features_bd: Tensor) -> Tensor:
    """(B, B, B) cosines of the angle between x_i - x_j and x_k - x_j, j first."""
    edges_bbd = functional.normalize(features_bd.unsqueeze(0) - features_bd.unsqueeze(1), p=2, dim=2)
    return torch.bmm(edges_bbd, edges_bbd.transpose(1, 2))


def make(task: Task) -> DistillationLoss:
    """The loss on features; the task does not matter."""
    del task

    def loss(student: Output, teacher: Output) -> Tensor:
        return rkd(student.features, teacher.features)

    return loss
