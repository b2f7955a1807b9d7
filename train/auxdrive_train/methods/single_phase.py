"""Methods that train all they have in one phase, as long as `epochs` says."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, cast

from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import Method, Phase, PhaseRecord, Step
from auxdrive_train.models.networks import Network


class SinglePhase(Method):
    """One phase, called `phase`, that trains the networks of `trains` and is validated by the role
    `watch`.
    """

    phase: ClassVar[str]
    watch: ClassVar[str]

    @property
    @abstractmethod
    def trains(self) -> tuple[str, ...]:
        """Names of the networks that are trained."""

    @abstractmethod
    def loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """What one step costs."""

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """The one phase, and nothing after it."""
        if history:
            return None
        return Phase(self.phase, self.trains, self.setup.epochs, self.loss, watch=self.watch)


class SingleNetworkMethod(SinglePhase):
    """One network, trained on the labels. Phase, network and role have one name, `watch`."""

    @abstractmethod
    def network(self) -> Network:
        """The network, with fresh weights."""

    @property
    def trains(self) -> tuple[str, ...]:
        """The network."""
        return (self.watch,)

    def networks(self) -> nn.ModuleDict:
        """The network."""
        return nn.ModuleDict({self.watch: self.network()})

    def loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The task's loss of its prediction."""
        return Step({"task": self.supervised(networks[self.watch](batch).prediction, batch)})

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The network."""
        return {self.watch: cast(Network, networks[self.watch])}
