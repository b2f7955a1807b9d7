"""Methods in which a teacher that sees auxiliary modalities teaches the student by a distillation
loss: the student's loss is L_M = L_sup(D(F_stu(x_m)), y) + beta L_con(F_stu(x_m), F_tea(x_m, x_a)),
where F_stu and F_tea are the encoders, x_m is the main modality, x_a are the auxiliaries, y is the
label and D is the student's head. Methods differ in how the teacher comes about.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import cast

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.losses import LOSSES
from auxdrive_train.losses.contract import Loss
from auxdrive_train.methods.contract import (
    STUDENT,
    TEACHER,
    Distillation,
    Method,
    Options,
    is_finished,
)
from auxdrive_train.methods.phases import Step
from auxdrive_train.models.fusion import FusedNetwork
from auxdrive_train.models.networks import Network, Output

DISTILLATION = "distillation"


class DistillationOptions(Options):
    """Options of a method with a distillation loss."""

    loss: str = Field(default="kd", description="distillation loss, by name")
    beta: float | None = Field(
        default=None, ge=0, description="weight of that loss; none: the loss's usual weight"
    )

    @field_validator("loss")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        if name not in LOSSES and not is_finished(info):
            raise ValueError(LOSSES.unknown(name))
        return name


class TaughtStudent(Method):
    """A student, a teacher, and the loss by which the teacher teaches the student. `networks` names
    them `STUDENT` and `TEACHER`.
    """

    options_type = DistillationOptions
    options: DistillationOptions

    @cached_property
    def beta(self) -> float:
        """The weight of the distillation loss. It is looked up when it is needed, since a finished
        run can be used where its loss is not known.
        """
        return LOSSES[self.options.loss].beta if self.options.beta is None else self.options.beta

    def losses(self) -> Mapping[str, Distillation]:
        """One loss, by which the teacher teaches the student."""
        return {DISTILLATION: Distillation(self.options.loss, STUDENT, TEACHER)}

    def teacher_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """What a step of the teacher costs: it learns from the labels alone.

        Args:
            networks: student, teacher and loss, by name.
            batch: the training samples, augmented.
        """
        return Step({"task": self.supervised(networks[TEACHER](batch).prediction, batch)})

    def student_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """What a step of the student costs: L_M, in its two terms.

        Args:
            networks: student, teacher and loss, by name.
            batch: the training samples, augmented.
        """
        loss = cast(Loss, networks[DISTILLATION])
        student = networks[STUDENT](batch, loss.maps)
        distilled = loss(student, taught(networks, batch, loss.maps), batch)
        return Step(
            {"task": self.supervised(student.prediction, batch), "distil": self.beta * distilled}
        )

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The student and the teacher."""
        return {
            STUDENT: cast(Network, networks[STUDENT]),
            TEACHER: cast(Network, networks[TEACHER]),
        }


def taught(networks: nn.ModuleDict, batch: Batch, maps: tuple[str, ...]) -> Output:
    """The teacher's output in evaluation mode, without gradients. A head that it shares with the
    student is in training mode for the student and is put back into it afterwards.

    Args:
        networks: the teacher among them, by name.
        batch: the samples.
        maps: names of its intermediate maps to keep.
    """
    network = cast(FusedNetwork, networks[TEACHER])
    training = network.head.training
    try:
        with torch.no_grad():
            output: Output = network.eval()(batch, maps)
    finally:
        network.head.train(training)
    return output
