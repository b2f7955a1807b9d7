"""abound: the student's neurons are active where the teacher's are (Activation Boundaries, AB, Heo
et al. 2019, equations 4 to 6).

With t an element of the teacher's map and s the student's at the same place, after a trained 1x1
convolution (the paper's connector), the loss of an element is (max(0, 1 - s))^2 where t > 0 and
(max(0, 1 + s))^2 elsewhere: how active the teacher's neuron is does not count. 1 is the margin. It
is the mean over the elements of a map and over the maps; the paper and the usual code sum elements,
and RepDistiller weighs later maps more. The connector has no batch norm: collapsed maps would get
gradients without bound. Maps come after their activation, which is positive where what is before it
is; where they differ in size, the larger one is averaged.

The paper trains the student by this loss alone first, then on labels; here it accompanies them, as
every loss does. It is not zero for equal maps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from auxdrive_train.losses.contract import Loss, LossSetup
from auxdrive_train.losses.shared_maps import pooled, shared_maps

if TYPE_CHECKING:
    from auxdrive_train.data.batch import Batch
    from auxdrive_train.models.networks import Output

MARGIN = 1.0


def boundaries(student: Tensor, teacher: Tensor) -> Tensor:
    """The loss of one map, a scalar.

    Args:
        student: of any shape.
        teacher: of the same shape; positive where it is active.
    """
    sign = torch.where(teacher > 0, 1.0, -1.0).to(student.dtype)
    return (MARGIN - sign * student).clamp(min=0.0).square().mean()


class ABound(Loss):
    """The loss on all maps that student and teacher both have, with their connectors (Heo et al.
    2019).
    """

    paper = "Heo et al. 2019 (AB)"
    beta = 1.0
    zero_for_equals = False

    def __init__(self, setup: LossSetup) -> None:
        super().__init__(setup)
        self.maps = shared_maps("abound", setup, at_least=1)
        ours, theirs = setup.student.maps, setup.teacher.maps
        self.connectors = nn.ModuleDict(
            {name: nn.Conv2d(ours[name], theirs[name], 1) for name in self.maps}
        )

    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """The mean of `boundaries` over the maps.

        Args:
            student: with its maps.
            teacher: with its maps.
            batch: is not used.
        """
        del batch
        pairs = {name: pooled(student.maps[name], teacher.maps[name]) for name in self.maps}
        each = [boundaries(self.connectors[name](s), t) for name, (s, t) in pairs.items()]
        return torch.stack(each).mean()
