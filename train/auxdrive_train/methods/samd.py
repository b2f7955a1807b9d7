"""SAMD, Smart Auxiliary Modality Distillation (AML, section 5.2, appendix A.7, Algorithm 1).

t rounds; in each the teacher is reset to the student, trained alone for k epochs on the labels, and
then teaches the student for k epochs: L_M = L_sup(D(F_stu(x_m)), y) + beta L_con(F_stu(x_m),
F_tea(x_m, x_a)). The head D is shared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
    Examples,
    Method,
    Options,
    Phase,
    PhaseRecord,
    Setup,
    Step,
    is_finished,
    no_longer_improves,
)
from auxdrive_train.models.networks import FusedNetwork, Network, Output, SingleNetwork
from auxdrive_train.models.supermodel import check_supermodel, reset

DISTILLATION = "distillation"


class SAMDOptions(Options):
    """Options of SAMD."""

    loss: str = Field(default="rkd", description="distillation loss")
    beta: float | None = Field(
        default=None, ge=0, description="its weight; none takes the loss's own, after RepDistiller"
    )
    epochs_per_round: int = Field(
        default=5,
        ge=1,
        description="k: of the teacher and then of the student, in each round; the last round has "
        "what is left of the epochs",
    )
    patience: int = Field(
        default=3,
        ge=0,
        description=(
            "rounds without improvement of the student's metric, as a round ends with it, after "
            "which no other begins; 0: all run"
        ),
    )
    min_delta: float = Field(
        default=0.0,
        ge=0,
        description="an improvement counts where it is larger than this, in the task's metric",
    )

    @field_validator("loss")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        if name not in LOSSES and not is_finished(info):
            raise ValueError(LOSSES.unknown(name))
        return name


class SAMD(Method):
    """Rounds of reset, teacher, student. The student trains `epochs` epochs in all, as the baseline
    does.
    """

    name = "samd"
    summary = (
        "teacher is reset to the student each round, learns from all modalities, and teaches it "
        "back"
    )
    paper = "AML / SAMD, Algorithm 1"
    options_type = SAMDOptions
    options: SAMDOptions

    def __init__(self, setup: Setup, options: Options) -> None:
        super().__init__(setup, options)
        self.rounds = math.ceil(setup.epochs / self.options.epochs_per_round)

    @cached_property
    def beta(self) -> float:
        """The distillation's weight. Looked up when it is needed: a finished run's loss need not be
        known where its networks are used.
        """
        return LOSSES[self.options.loss].beta if self.options.beta is None else self.options.beta

    def networks(self) -> nn.ModuleDict:
        """Student, and a teacher that shares its head."""
        student = SingleNetwork(self.setup.main, self.setup.build)
        teacher = FusedNetwork(
            self.setup.main, self.setup.auxiliaries, self.setup.build, head=student.head
        )
        return nn.ModuleDict({STUDENT: student, TEACHER: teacher})

    def losses(self) -> Mapping[str, Distillation]:
        """The teacher teaches the student."""
        return {DISTILLATION: Distillation(self.options.loss, STUDENT, TEACHER)}

    def check(self, networks: nn.ModuleDict, batch: Batch) -> None:
        """The teacher must be a supermodel of the student."""
        check_supermodel(
            cast(FusedNetwork, networks[TEACHER]), cast(SingleNetwork, networks[STUDENT]), batch
        )

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """Teacher and student in turn; none after the last round or once the student has converged
        between rounds.
        """
        done, second_half = divmod(len(history), 2)
        # A round keeps its last weights, so its last value is what the next round begins with.
        students = [record.last for record in history if record.watch == STUDENT]
        if done == self.rounds:
            return None
        if not second_half and no_longer_improves(
            students, self.task.higher_is_better, self.options.patience, self.options.min_delta
        ):
            return None
        epochs, first = self.setup.epochs, done * self.options.epochs_per_round
        k = min(self.options.epochs_per_round, epochs - first)
        span = (first / epochs, (first + k) / epochs)
        name = f"round {done + 1}"
        if second_half:
            # The student's optimiser goes on from round to round; only the shared head is trained
            # in between, with the teacher.
            return Phase(
                f"{name}: student",
                (STUDENT, DISTILLATION),
                k,
                self._student_loss,
                STUDENT,
                keep="last",
                optimizer="student",
                lr_span=span,
            )
        return Phase(
            f"{name}: teacher",
            (TEACHER,),
            k,
            self._teacher_loss,
            TEACHER,
            begin=_reset,
            keep="last",
            lr_span=span,
        )

    def _teacher_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        return Step({"task": self.supervised(networks[TEACHER](batch).prediction, batch)})

    def _student_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        loss = cast(Loss, networks[DISTILLATION])
        student = networks[STUDENT](batch, loss.maps)
        distilled = loss(student, self._taught(networks, batch, loss.maps), batch)
        return Step(
            {"task": self.supervised(student.prediction, batch), "distil": self.beta * distilled}
        )

    def _taught(self, networks: nn.ModuleDict, batch: Batch, maps: tuple[str, ...]) -> Output:
        """The teacher's output in evaluation mode. The head that it shares is training with the
        student: it is put back afterwards.
        """
        network = cast(FusedNetwork, networks[TEACHER])
        training = network.head.training
        try:
            with torch.no_grad():
                output: Output = network.eval()(batch, maps)
        finally:
            network.head.train(training)
        return output

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """Student and teacher."""
        return {
            STUDENT: cast(Network, networks[STUDENT]),
            TEACHER: cast(Network, networks[TEACHER]),
        }


def _reset(networks: nn.ModuleDict, examples: Examples) -> None:
    del examples
    reset(cast(FusedNetwork, networks[TEACHER]), cast(SingleNetwork, networks[STUDENT]))
