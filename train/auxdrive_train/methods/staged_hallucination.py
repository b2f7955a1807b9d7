"""staged_hallucination: hallucination in stages (Garcia, Morerio and Murino 2018, section 3).

1. A network per modality trains alone. 2. From RGB a stream for each auxiliary learns to be it: the
auxiliary's network is its teacher, by features and by soft targets (generalised distillation,
Lopez-Paz et al. 2016): L = (1 - alpha) L_hard + alpha L_soft + weight * L_features. Of a regression
the soft target is the teacher's prediction, without temperature. 3. The RGB stream, which begins
with the RGB network, and those are tuned together by their mean prediction. The paper's stage that
tunes the true modalities' streams together, before the second, is left out: here the auxiliary
teaches as it predicts alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from auxdrive.modalities import Modality
from pydantic import Field
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.methods.hallucination import Hallucination, HallucinationOptions
from auxdrive_train.methods.phases import Phase, PhaseRecord, Step, following
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.models.present import mean_where
from auxdrive_train.models.streams import MeanOfHeads, side_by_side


class StagedHallucinationOptions(HallucinationOptions):
    """Options of staged hallucination."""

    soft_weight: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="alpha: weight of the teacher's prediction against the label",
    )
    tune_epochs: int = Field(
        default=5, ge=1, description="epochs that tune all streams together at the end"
    )


class StagedHallucination(Hallucination):
    """Networks of single modalities, streams that imitate, and all streams tuned together (Garcia
    et al. 2018).
    """

    name = "staged_hallucination"
    summary = "hallucination in stages: streams imitate features and predictions, then are tuned"
    paper = "Garcia, Morerio and Murino 2018"
    options_type: ClassVar[type[HallucinationOptions]] = StagedHallucinationOptions
    options: StagedHallucinationOptions

    @property
    def alone(self) -> tuple[Modality, ...]:
        """All modalities."""
        return self.modalities

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """The networks one by one, the streams, and the tuning."""
        streams = Phase(
            "streams",
            (STUDENT,),
            self.setup.epochs,
            self.student_loss,
            watch=STUDENT,
            begin=self.begin_student,
        )
        tuned = Phase(
            "tuning",
            (STUDENT,),
            self.options.tune_epochs,
            self._tuned_loss,
            watch=STUDENT,
            lr_span=(0.5, 1.0),
        )
        return following([*self.unimodal_phases(), streams, tuned], history)

    def student_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """What the streams learn: RGB's from the labels, each other from its teacher too.

        Args:
            networks: by name.
            batch: the training samples, augmented.
        """
        student, alpha = cast(SingleNetwork, networks[STUDENT]), self.options.soft_weight
        heads = cast(MeanOfHeads, student.head)
        features = student.encode(batch)
        each = heads.each(features, batch.ego_be)
        losses = {"task": self.supervised(each[0], batch)}
        parts = side_by_side(features, heads.widths)
        for modality, part, own in zip(self.modalities[1:], parts[1:], each[1:], strict=True):
            teacher = self.own(networks, modality)
            with torch.no_grad():
                taught = teacher(batch)
            hard = self.per_sample(own, batch.label)
            soft = self.per_sample(own, taught.prediction)
            gap = (part - taught.features).square().mean(dim=1)
            distilled = (1 - alpha) * hard + alpha * soft
            losses[f"distil {modality}"] = mean_where(distilled, batch.present[modality])
            weight = self.options.hallucination_weight
            losses[f"hallucinated {modality}"] = weight * mean_where(gap, batch.present[modality])
        return Step(losses)

    def _tuned_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        return Step({"task": self.supervised(networks[STUDENT](batch).prediction, batch)})
