"""early_fusion: the channels of all modalities are stacked before the first layer (Xiao et al.
2020, Multimodal End-to-End Autonomous Driving: RGB and depth). The student is that network with
zeros in place of the auxiliaries, which it has met only where a recording lacks them.
"""

from __future__ import annotations

from torch import nn

from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.methods.switched_off import FUSED, SwitchedOff
from auxdrive_train.models.early import EarlyNetwork, FirstChannels
from auxdrive_train.models.networks import SingleNetwork


class EarlyFusion(SwitchedOff):
    """One network on stacked channels (Xiao et al. 2020, early fusion)."""

    name = "early_fusion"
    summary = "stacked channels into one network; the student has zeros for the auxiliaries"
    paper = "Xiao et al. 2020, early fusion"

    def networks(self) -> nn.ModuleDict:
        """The network, and the student, which is that with zeros."""
        main, build = self.setup.main, self.setup.build
        fused = EarlyNetwork(main, self.setup.auxiliaries, build)
        further = sum(fused.channels.values()) - fused.channels[main]
        encoder = FirstChannels(fused.encoder, further)
        student = SingleNetwork(main, build, encoder, fused.head)
        return nn.ModuleDict({FUSED: fused, STUDENT: student})
