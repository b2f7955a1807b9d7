"""at: the student looks where the teacher looks (Attention Transfer, AT, Zagoruyko and Komodakis
2017, section 3.1, equation 2).

The attention of a map (C, h, w) is the sum of its squares over the channels, as a vector of h w
numbers, divided by its length. The loss is the mean squared difference of student's and teacher's
attention, in the sum over the maps, as in the usual code (the authors' and RepDistiller's); the
paper has the length of the difference, not squared, and half the weight. The maps may differ in
channels; where they differ in size, the larger one is averaged. It is zero when the maps are equal,
or differ by a factor. Maps of zero have no direction (`auxdrive_train.losses.directions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from auxdrive_train.losses.contract import Loss, LossSetup
from auxdrive_train.losses.directions import directions
from auxdrive_train.losses.shared_maps import pooled, shared_maps

if TYPE_CHECKING:
    from auxdrive_train.data.batch import Batch
    from auxdrive_train.models.networks import Output


def attention(student_bchw: Tensor, teacher_bchw: Tensor) -> Tensor:
    """The loss for one map, a scalar.

    Args:
        student_bchw: the student's.
        teacher_bchw: the teacher's; channels and size may differ.
    """
    ours, theirs = pooled(student_bchw, teacher_bchw)
    return (_attention(ours) - _attention(theirs)).pow(2).mean()


def _attention(maps_bchw: Tensor) -> Tensor:
    """(B, h w): where each map is large."""
    return directions(maps_bchw.pow(2).sum(dim=1).flatten(1))


class AT(Loss):
    """The loss on all maps that student and teacher both have (Zagoruyko and Komodakis 2017)."""

    paper = "Zagoruyko and Komodakis 2017"
    beta = 1000.0

    def __init__(self, setup: LossSetup) -> None:
        super().__init__(setup)
        self.maps = shared_maps("at", setup, at_least=1)

    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """`attention` of each map, summed.

        Args:
            student: with its maps.
            teacher: with its maps.
            batch: is not used.
        """
        del batch
        each = [attention(student.maps[name], teacher.maps[name]) for name in self.maps]
        return torch.stack(each).sum()
