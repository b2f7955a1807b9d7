"""samd: Smart Auxiliary Modality Distillation (SAMD; Auxiliary Modality Learning, AML, section 5.2,
appendix A.7, Algorithm 1).

Training goes in t rounds. In each, the teacher is reset to the student and trained alone on the
labels for k epochs; then it teaches the student for k epochs, with the loss L_M of
`auxdrive_train.methods.taught`. Both networks share the head D.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

from pydantic import Field
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT, TEACHER, Options, Setup
from auxdrive_train.methods.phases import Examples, Phase, PhaseRecord, no_longer_improves
from auxdrive_train.methods.taught import DISTILLATION, DistillationOptions, TaughtStudent
from auxdrive_train.models.fusion import FusedNetwork
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.models.supermodel import check_supermodel, reset


class SAMDOptions(DistillationOptions):
    """Options of SAMD."""

    loss: str = Field(default="rkd", description="distillation loss, by name")
    epochs_per_round: int = Field(
        default=5,
        ge=1,
        description="k: in each round the teacher trains k epochs, then the student; the last "
        "round has what is left of the epochs",
    )
    patience: int = Field(
        default=3,
        ge=0,
        description=(
            "training ends early after this many rounds in which the student's validation metric "
            "at the end of the round has not improved; 0: never"
        ),
    )
    min_delta: float = Field(
        default=0.0,
        ge=0,
        description="how much the metric must improve to count for patience, in the metric's unit",
    )


class SAMD(TaughtStudent):
    """Rounds of reset, teacher and student (AML, Algorithm 1). Over all rounds the student trains
    `epochs` epochs, as many as the baseline.

    Args:
        setup: modalities, epochs, and how networks are built.
        options: of `SAMDOptions`.
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

    def networks(self) -> nn.ModuleDict:
        """The student, and a teacher that shares its head."""
        student = SingleNetwork(self.setup.main, self.setup.build)
        teacher = FusedNetwork(
            self.setup.main, self.setup.auxiliaries, self.setup.build, head=student.head
        )
        return nn.ModuleDict({STUDENT: student, TEACHER: teacher})

    def check(self, networks: nn.ModuleDict, batch: Batch) -> None:
        """The teacher must be able to compute whatever the student computes; see
        `auxdrive_train.models.supermodel`.

        Args:
            networks: student, teacher and loss, by name. They are left as they were.
            batch: a few samples, of which the two networks must predict the same after a reset.

        Raises:
            ConfigError: it cannot; the message names the first layer that differs.
        """
        check_supermodel(
            cast(FusedNetwork, networks[TEACHER]), cast(SingleNetwork, networks[STUDENT]), batch
        )

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """Teacher and student in turn, until the last round or until the student no longer
        improves.
        """
        done, second_half = divmod(len(history), 2)
        # A round ends with the weights of its last epoch, so that epoch's value is compared.
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
            # The student keeps its optimiser from round to round: of its weights, the teacher's
            # phase changes only those of the shared head.
            return Phase(
                f"{name}: student",
                (STUDENT, DISTILLATION),
                k,
                self.student_loss,
                STUDENT,
                keep="last",
                optimizer="student",
                lr_span=span,
            )
        return Phase(
            f"{name}: teacher",
            (TEACHER,),
            k,
            self.teacher_loss,
            TEACHER,
            begin=_reset,
            keep="last",
            lr_span=span,
        )


def _reset(networks: nn.ModuleDict, examples: Examples) -> None:
    del examples
    reset(cast(FusedNetwork, networks[TEACHER]), cast(SingleNetwork, networks[STUDENT]))
