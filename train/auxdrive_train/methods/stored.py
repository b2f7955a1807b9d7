"""The student of a finished run whose method is not installed here.

A run of your own method can be exported and driven on a machine without that method, since how the
student was trained no longer matters there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from torch import nn

from auxdrive_train.methods.contract import STUDENT, Method
from auxdrive_train.methods.phases import Phase, PhaseRecord
from auxdrive_train.models.networks import Network, SingleNetwork


class StoredStudent(Method):
    """The main modality's network alone. It trains nothing and is not listed in `METHODS`."""

    name = "stored"
    summary = "the student of a method that is not known here"
    paper = ""

    @classmethod
    def mistakes(cls, *_: object) -> list[str]:
        """None, since nothing is trained."""
        return []

    def networks(self) -> nn.ModuleDict:
        """The student."""
        return nn.ModuleDict({STUDENT: SingleNetwork(self.setup.main, self.setup.build)})

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """None: nothing is trained."""
        del history
        return None

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The student."""
        return {STUDENT: cast(Network, networks[STUDENT])}
