"""Methods that train one network on all modalities, of which the student is what is left without
the auxiliaries. They differ in the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.methods.phases import Step
from auxdrive_train.methods.single_phase import SinglePhase
from auxdrive_train.models.networks import Network

FUSED = "fused"


class SwitchedOff(SinglePhase):
    """A fused network and, sharing its weights, the student. `networks` names them `FUSED` and
    `STUDENT`; the epoch is chosen by the student.
    """

    phase = FUSED
    watch = STUDENT

    @property
    def trains(self) -> tuple[str, ...]:
        """The fused network."""
        return (FUSED,)

    def loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The task's loss on what is predicted from all modalities.

        Args:
            networks: by name.
            batch: the training samples, augmented.
        """
        return Step({"task": self.supervised(networks[FUSED](batch).prediction, batch)})

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The student, and the network on all modalities."""
        return {name: cast(Network, networks[name]) for name in (STUDENT, FUSED)}
