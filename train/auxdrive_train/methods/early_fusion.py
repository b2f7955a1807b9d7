"""early_fusion: the channels of all modalities are stacked before the first layer (Xiao et al.
2020, Multimodal End-to-End Autonomous Driving: RGB and depth). The student is that network with
zeros in place of the auxiliaries, which it has met only where a recording lacks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.methods.phases import Step
from auxdrive_train.methods.single_phase import SinglePhase
from auxdrive_train.models.early import EarlyNetwork, FirstChannels
from auxdrive_train.models.networks import Network, SingleNetwork

FUSED = "fused"


class EarlyFusion(SinglePhase):
    """One network on stacked channels (Xiao et al. 2020, early fusion)."""

    name = "early_fusion"
    summary = "stacked channels into one network; the student has zeros for the auxiliaries"
    paper = "Xiao et al. 2020, early fusion"
    phase = FUSED
    watch = STUDENT

    def networks(self) -> nn.ModuleDict:
        """The network, and the student, which is that with zeros."""
        main, build = self.setup.main, self.setup.build
        fused = EarlyNetwork(main, self.setup.auxiliaries, build)
        further = sum(fused.channels.values()) - fused.channels[main]
        encoder = FirstChannels(fused.encoder, further)
        student = SingleNetwork(main, build, encoder, fused.head)
        return nn.ModuleDict({FUSED: fused, STUDENT: student})

    @property
    def trains(self) -> tuple[str, ...]:
        """The network on all channels."""
        return (FUSED,)

    def loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The task's loss on what is predicted from all modalities.

        Args:
            networks: by name.
            batch: the training samples, augmented.
        """
        return Step({"task": self.supervised(networks[FUSED](batch).prediction, batch)})

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The student, and the network on all channels."""
        return {name: cast(Network, networks[name]) for name in (STUDENT, FUSED)}
