"""Main modality and auxiliaries in one fused network, trained on the labels: the upper bound, which
no car can run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import TEACHER, Method, Phase, PhaseRecord, Step
from auxdrive_train.models.networks import FusedNetwork, Network


class Teacher(Method):
    """One fused network, one phase; there is no student in it to export."""

    name = "teacher"
    summary = "main modality and auxiliaries together; an upper bound that cannot be exported"
    paper = "AML section 4.1, teacher of type D"

    def networks(self) -> nn.ModuleDict:
        """The teacher."""
        return nn.ModuleDict(
            {TEACHER: FusedNetwork(self.setting.main, self.setting.auxiliaries, self.setting.build)}
        )

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """Train the teacher once."""
        return (
            None
            if history
            else Phase("teacher", (TEACHER,), self.setting.epochs, self._loss, watch=TEACHER)
        )

    def _loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        return Step({"task": self.supervised(networks[TEACHER](batch).prediction, batch)})

    def views(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The teacher."""
        return {TEACHER: cast(Network, networks[TEACHER])}
