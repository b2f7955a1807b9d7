"""pretrained_fusion: networks of single modalities are trained alone, and a late fusion begins with
their encoders and trains on (pre-train and fine-tune, a comparator of UMT/UME, Du et al. 2023).
Nothing holds the encoders to where they began.
"""

from __future__ import annotations

from typing import cast

from torch import nn

from auxdrive_train.methods.fused_student import FUSED
from auxdrive_train.methods.fusion_of_unimodal import FusionOfUniModal
from auxdrive_train.methods.phases import Examples
from auxdrive_train.models.fusion import LateFusionNetwork


class PretrainedFusion(FusionOfUniModal):
    """Encoders that were trained alone, then their fusion (Du et al. 2023)."""

    name = "pretrained_fusion"
    summary = "late fusion that begins with encoders that were trained alone"
    paper = "UMT/UME (2023), pre-training and fine-tuning"

    def begin_fusion(self, networks: nn.ModuleDict, examples: Examples) -> None:
        """Take their encoders.

        Args:
            networks: by name.
            examples: are not needed.
        """
        del examples
        fused = cast(LateFusionNetwork, networks[FUSED])
        for modality in self.modalities:
            theirs = self.own(networks, modality).encoder.state_dict()
            fused.encoders[modality.value].load_state_dict(theirs)
