"""A finished run's student where its method is not known: all that exporting and driving need.

A method of your own need not be at hand on the machine that uses its student: how the student was
trained does not matter there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from torch import nn

from auxdrive_train.methods.contract import STUDENT, Method, Phase, PhaseRecord
from auxdrive_train.models.networks import Network, SingleNetwork


class StoredStudent(Method):
    """The main modality's network alone; it trains nothing, and stands in no table."""

    name = "stored"
    summary = "the student of a method that is not known here"
    paper = ""

    @classmethod
    def mistakes(cls, *_: object) -> list[str]:
        """None: nothing is trained."""
        return []

    def networks(self) -> nn.ModuleDict:
        """The student."""
        return nn.ModuleDict({STUDENT: SingleNetwork(self.setup.main, self.setup.build)})

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """Nothing is trained."""
        del history
        return None

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The student."""
        return {STUDENT: cast(Network, networks[STUDENT])}
