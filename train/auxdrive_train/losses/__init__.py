"""Distillation losses, one file each, named after the paper's short name; the table gives each
one's usual weight.

Weights after the README of RepDistiller (Tian et al. 2020): they make the losses' magnitudes
comparable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from auxdrive_train.losses import hint, kd, rkd
from auxdrive_train.models.networks import Output
from auxdrive_train.tasks.base import Task

DistillationLoss = Callable[[Output, Output], Tensor]
"""(student, teacher) -> scalar. The teacher's output carries no gradient."""


@dataclass(frozen=True)
class LossEntry:
    """One row: how to make the loss for a task, and its usual weight beta."""

    maker: Callable[[Task], DistillationLoss]
    beta: float
    paper: str

    def make(self, task: Task) -> DistillationLoss:
        """The loss for a task. It is computed in float32 whatever the precision of training.

        Relations between samples are differences of near numbers, which bfloat16 with its 8 bits
        does not tell apart.
        """
        loss = self.maker(task)

        def in_float32(student: Output, teacher: Output) -> Tensor:
            with torch.autocast(student.features.device.type, enabled=False):
                return loss(_float32(student), _float32(teacher))

        return in_float32


def _float32(output: Output) -> Output:
    return Output(output.features.float(), output.prediction.float())


LOSSES: dict[str, LossEntry] = {
    "kd": LossEntry(kd.make, 0.9, "Hinton, Vinyals, Dean 2015"),
    "hint": LossEntry(hint.make, 100.0, "Romero et al. 2015 (FitNets)"),
    "rkd": LossEntry(rkd.make, 1.0, "Park et al. 2019"),
}
