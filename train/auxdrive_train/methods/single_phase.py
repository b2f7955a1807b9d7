"""Methods that train everything in a single phase of `epochs` epochs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, cast

from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import Method
from auxdrive_train.methods.phases import Phase, PhaseRecord, Step
from auxdrive_train.models.networks import Network


class SinglePhase(Method):
    """A single phase, named `phase`, that trains the networks named by `trains` and validates the
    role `watch`.
    """

    phase: ClassVar[str]
    watch: ClassVar[str]

    @property
    @abstractmethod
    def trains(self) -> tuple[str, ...]:
        """Names of the networks that are trained."""

    @abstractmethod
    def loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """What one step costs; see `Phase.loss`.

        Args:
            networks: the method's networks and losses, by name.
            batch: the training samples, augmented.
        """

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """The one phase, then None."""
        if history:
            return None
        return Phase(self.phase, self.trains, self.setup.epochs, self.loss, watch=self.watch)


class SingleNetworkMethod(SinglePhase):
    """A single network, trained on the labels. `watch` is the name of the phase, the network and
    the role.
    """

    @abstractmethod
    def network(self) -> Network:
        """The network with fresh weights."""

    @property
    def trains(self) -> tuple[str, ...]:
        """The name of the network."""
        return (self.watch,)

    def networks(self) -> nn.ModuleDict:
        """The network, by its name."""
        return nn.ModuleDict({self.watch: self.network()})

    def loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The task's loss on the network's prediction.

        Args:
            networks: the network, by its name.
            batch: the training samples, augmented.
        """
        return Step({"task": self.supervised(networks[self.watch](batch).prediction, batch)})

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The network, by its name."""
        return {self.watch: cast(Network, networks[self.watch])}
