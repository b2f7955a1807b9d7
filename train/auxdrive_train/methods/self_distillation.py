"""self_distillation: a late fusion teaches another one of the same kind (Furlanello et al. 2018; a
comparator of UMT/UME, Du et al. 2023, on labels with the loss kd and on features with hint). It
shows what distillation brings by itself, without uni-modal teachers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from pydantic import Field
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.losses import LOSSES
from auxdrive_train.losses.contract import Loss
from auxdrive_train.methods.contract import Distillation
from auxdrive_train.methods.fused_student import FUSED, FusedStudent, FusedStudentOptions
from auxdrive_train.methods.phases import Phase, Step
from auxdrive_train.methods.taught import DISTILLATION, DistillationOptions
from auxdrive_train.models.fusion import LateFusionNetwork

FIRST = "first"


class SelfDistillationOptions(FusedStudentOptions, DistillationOptions):
    """Options of self-distillation."""

    loss: str = Field(
        default="kd", description="distillation loss, by name: kd on predictions, hint on features"
    )


class SelfDistillation(FusedStudent):
    """A fusion, and another one that learns from it too (Furlanello et al. 2018)."""

    name = "self_distillation"
    summary = "a late fusion teaches another one of its kind"
    paper = "Furlanello et al. 2018; UMT/UME (2023)"
    options_type = SelfDistillationOptions
    options: SelfDistillationOptions

    def first_networks(self) -> dict[str, nn.Module]:
        """The fusion that teaches."""
        return {FIRST: LateFusionNetwork(self.modalities, self.setup.build)}

    def first_phases(self) -> list[Phase]:
        """It is trained on the labels."""
        return [Phase(FIRST, (FIRST,), self.setup.epochs, self._first_loss, watch=FIRST)]

    def _first_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        return Step({"task": self.supervised(networks[FIRST](batch).prediction, batch)})

    def losses(self) -> Mapping[str, Distillation]:
        """One, by which the first fusion teaches the second."""
        return {DISTILLATION: Distillation(self.options.loss, FUSED, FIRST)}

    @property
    def fusion_trains(self) -> tuple[str, ...]:
        """The fusion, and what the loss trains."""
        return (FUSED, DISTILLATION)

    def fusion_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The task's loss, and the distillation loss.

        Args:
            networks: by name.
            batch: the training samples, augmented.
        """
        loss = cast(Loss, networks[DISTILLATION])
        student = networks[FUSED](batch, loss.maps)
        with torch.no_grad():
            teacher = networks[FIRST](batch, loss.maps)
        beta = self.options.beta
        weight = LOSSES[self.options.loss].beta if beta is None else beta
        return Step(
            {
                "task": self.supervised(student.prediction, batch),
                "distil": weight * loss(student, teacher, batch),
            }
        )
