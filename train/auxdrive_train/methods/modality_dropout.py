"""modality_dropout: late fusion in which a sample's features of a modality are dropped at random,
so that none can rely on another (Neverova et al. 2016, ModDrop; a comparator of UMT/UME, Du et al.
2023, with a third).
"""

from __future__ import annotations

from typing import cast

import torch
from pydantic import Field
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.fused_student import FUSED, FusedStudent, FusedStudentOptions
from auxdrive_train.methods.phases import Step
from auxdrive_train.models.fusion import LateFusionNetwork


class ModalityDropoutOptions(FusedStudentOptions):
    """Options of modality dropout."""

    drop: float = Field(
        default=1 / 3,
        ge=0,
        lt=1,
        description="probability that a sample's features of a modality are set to zero; of a "
        "sample whose modalities would all be dropped, one of them stays",
    )


class ModalityDropout(FusedStudent):
    """Late fusion whose modalities are dropped at random (Neverova et al. 2016)."""

    name = "modality_dropout"
    summary = "late fusion in which modalities are dropped at random"
    paper = "Neverova et al. 2016 (ModDrop); UMT/UME (2023)"
    options_type = ModalityDropoutOptions
    options: ModalityDropoutOptions

    def fusion_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The task's loss on what is left.

        Args:
            networks: by name.
            batch: the training samples, augmented.
        """
        fused = cast(LateFusionNetwork, networks[FUSED])
        features = fused.encode(batch)
        present_mb = torch.stack([batch.present[m] for m in self.modalities])
        kept_mb = kept(present_mb, self.options.drop)
        left = {
            m: each * kept_b.to(each.dtype)[:, None]
            for (m, each), kept_b in zip(features.items(), kept_mb, strict=True)
        }
        return Step({"task": self.supervised(fused.fuse(left, batch).prediction, batch)})


def kept(present_mb: Tensor, drop: float) -> Tensor:
    """bool (M, B): which modalities of each sample stay; at least one of those that it has.

    Args:
        present_mb: bool (M, B), which it has; at least one of each sample.
        drop: probability that one is dropped.
    """
    lots = torch.rand(present_mb.shape, device="cpu").to(present_mb.device)
    luckiest = lots.masked_fill(~present_mb, -1.0).argmax(dim=0)
    stays = present_mb & (lots >= drop)
    stays[luckiest, torch.arange(stays.shape[1], device=stays.device)] = True
    return stays
