"""The main modality alone, trained on the labels: what every student is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT, Method, Phase, PhaseRecord, Step
from auxdrive_train.models.networks import Network, SingleNetwork


class Baseline(Method):
    """One network, one phase."""

    name = "baseline"
    summary = "the main modality alone"
    paper = "Bojarski et al. 2016 for steering, Prakash et al. 2021 (image branch) for waypoints"
    needs_auxiliaries = False

    def networks(self) -> nn.ModuleDict:
        """The student."""
        return nn.ModuleDict({STUDENT: SingleNetwork(self.setting.main, self.setting.build)})

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """Train the student once."""
        return (
            None
            if history
            else Phase("student", (STUDENT,), self.setting.epochs, self._loss, watch=STUDENT)
        )

    def _loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        return Step({"task": self.supervised(networks[STUDENT](batch).prediction, batch)})

    def views(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The student."""
        return {STUDENT: cast(Network, networks[STUDENT])}
