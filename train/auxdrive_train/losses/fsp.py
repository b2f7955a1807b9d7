"""fsp: the student goes from map to map as the teacher does (Flow of Solution Procedure, FSP, Yim
et al. 2017, equations 1 and 2).

The flow from a map F1 (C1, h, w) to the next one F2 (C2, h, w) is the matrix (C1, C2) of the means
over all pixels of F1_i F2_j. The loss is the mean squared difference of student's and teacher's
flows, in the mean over the pairs of neighbouring maps (the paper has the sum over the matrix, and a
weight for each pair; RepDistiller the mean, and its weight of 50 is ours). Where maps differ in
size the larger one is averaged, as in RepDistiller; the paper takes maxima. It is zero when the
maps are equal. Student and teacher need maps of the same channels: the flows are compared as they
are.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from auxdrive.errors import ConfigError
from torch import Tensor

from auxdrive_train.losses.contract import Loss, LossSetup
from auxdrive_train.losses.shared_maps import pooled, shared_maps

if TYPE_CHECKING:
    from auxdrive_train.data.batch import Batch
    from auxdrive_train.models.networks import Output


def flow(first_bchw: Tensor, second_bchw: Tensor) -> Tensor:
    """The flow from one map to the next, (B, C1, C2).

    Args:
        first_bchw: (B, C1, h, w).
        second_bchw: (B, C2, h', w').
    """
    first, second = (each.flatten(2) for each in pooled(first_bchw, second_bchw))
    return first @ second.transpose(1, 2) / first.shape[2]


class FSP(Loss):
    """The loss on the flows between all maps that student and teacher both have (Yim et al.
    2017).
    """

    paper = "Yim et al. 2017"
    beta = 50.0

    def __init__(self, setup: LossSetup) -> None:
        super().__init__(setup)
        self.maps = shared_maps("fsp", setup, at_least=2)
        ours, theirs = setup.student.maps, setup.teacher.maps
        for name in self.maps:
            if ours[name] != theirs[name]:
                raise ConfigError(
                    f"the loss 'fsp' compares maps of the same channels, and '{name}' has "
                    f"{ours[name]} in the student and {theirs[name]} in the teacher. Choose "
                    "another loss or backbone"
                )

    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """The mean squared difference of the flows from each map to the next.

        Args:
            student: with its maps.
            teacher: with its maps.
            batch: is not used.
        """
        del batch
        gaps = [
            flow(student.maps[one], student.maps[next_one])
            - flow(teacher.maps[one], teacher.maps[next_one])
            for one, next_one in pairwise(self.maps)
        ]
        return torch.stack([gap.pow(2).mean() for gap in gaps]).mean()
