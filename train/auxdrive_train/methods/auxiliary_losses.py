"""auxiliary_losses: late fusion in which each modality has a head of its own besides, so that every
encoder must be able to predict alone (the auxiliary cross-entropy of UMT/UME, Du et al. 2023; of a
regression it is the task's own loss).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from pydantic import Field
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.fused_student import FUSED, FusedStudent, FusedStudentOptions
from auxdrive_train.methods.phases import Step
from auxdrive_train.models.fusion import LateFusionNetwork
from auxdrive_train.models.own_heads import HEADS, OwnHeads
from auxdrive_train.models.training_only import TrainingOnly


class AuxiliaryLossesOptions(FusedStudentOptions):
    """Options of auxiliary losses."""

    weight: float = Field(
        default=1.0, ge=0, description="of each modality's own loss against that of the fusion"
    )


class AuxiliaryLosses(FusedStudent):
    """Late fusion with a head per modality beside the fusion's (Du et al. 2023)."""

    name = "auxiliary_losses"
    summary = "late fusion in which each modality's features must predict alone, too"
    paper = "UMT/UME (2023), auxiliary cross-entropy"
    options_type = AuxiliaryLossesOptions
    options: AuxiliaryLossesOptions

    def aids(self) -> Mapping[str, TrainingOnly]:
        """A head per modality."""
        return {HEADS: OwnHeads(self.modalities, self.setup.build)}

    @property
    def fusion_trains(self) -> tuple[str, ...]:
        """The fusion and the heads."""
        return (FUSED, HEADS)

    def fusion_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The fusion's loss, and each modality's.

        Args:
            networks: by name.
            batch: the training samples, augmented.
        """
        fused, heads = cast(LateFusionNetwork, networks[FUSED]), cast(OwnHeads, networks[HEADS])
        features = fused.encode(batch)
        losses = {"task": self.supervised(fused.fuse(features, batch).prediction, batch)}
        for modality, each in features.items():
            own = heads.of(modality)(each, batch.ego_be)
            losses[f"own {modality}"] = self.options.weight * self.supervised_where(
                own, batch, modality
            )
        return Step(losses)
