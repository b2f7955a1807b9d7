"""Distillation losses, one file each, named after the paper's short name; the table gives each one's usual weight.

Weights after the README of RepDistiller (Tian et al. 2020): they make the losses' magnitudes comparable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from auxdrive_train.losses import hint, kd, rkd
from auxdrive_train.models.networks import Output
from auxdrive_train.tasks import Task

DistillationLoss = Callable[[Output, Output], Tensor]
"""(student, teacher) -> scalar. The teacher's output carries no gradient."""


@dataclass(frozen=True)
class LossEntry:
    """One row: how to make the loss for a task, and its usual weight beta."""

    make: Callable[[Task], DistillationLoss]
    beta: float
    paper: str


LOSSES: dict[str, LossEntry] = {
    "kd": LossEntry(kd.make, 0.9, "Hinton, Vinyals, Dean 2015"),
    "hint": LossEntry(hint.make, 100.0, "Romero et al. 2015 (FitNets)"),
    "rkd": LossEntry(rkd.make, 1.0, "Park et al. 2019"),
}
