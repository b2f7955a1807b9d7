"""Networks of single modalities, each trained alone on the labels: what UMT, UME and others begin
with.
"""

from __future__ import annotations

from functools import partial
from typing import cast

from auxdrive.modalities import Modality
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import Method
from auxdrive_train.methods.phases import Phase, Step
from auxdrive_train.models.networks import SingleNetwork


class WithUniModal(Method):
    """A method that begins with networks of single modalities."""

    @property
    def alone(self) -> tuple[Modality, ...]:
        """The modalities that have a network of their own: all of them."""
        return self.modalities

    def named(self, modality: Modality) -> str:
        """The name of the modality's own network, which is its role's and its phase's too.

        Args:
            modality: one of `alone`.
        """
        return f"unimodal_{modality.value}"

    def own(self, networks: nn.ModuleDict, modality: Modality) -> SingleNetwork:
        """The modality's own network.

        Args:
            networks: the method's, by name.
            modality: one of `alone`.
        """
        return cast(SingleNetwork, networks[self.named(modality)])

    def unimodal_networks(self) -> dict[str, nn.Module]:
        """A fresh network for each modality of `alone`, by its name."""
        return {self.named(m): SingleNetwork(m, self.setup.build) for m in self.alone}

    def unimodal_phases(self) -> list[Phase]:
        """One phase of `epochs` epochs for each of them."""
        return [
            Phase(
                name := self.named(m),
                (name,),
                self.setup.epochs,
                partial(self.unimodal_loss, m),
                watch=name,
            )
            for m in self.alone
        ]

    def unimodal_loss(self, modality: Modality, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The task's loss of the modality's own network, over the samples that have it.

        Args:
            modality: whose network.
            networks: the method's, by name.
            batch: the training samples, augmented.
        """
        prediction = networks[self.named(modality)](batch).prediction
        return Step({"task": self.supervised_where(prediction, batch, modality)})


def take_fitting(network: nn.Module, other: nn.Module) -> None:
    """Copy the tensors of another network that this one has too, by name and shape.

    Args:
        network: is changed.
        other: is copied from.
    """
    own = network.state_dict()
    fitting = {
        name: tensor
        for name, tensor in other.state_dict().items()
        if name in own and own[name].shape == tensor.shape
    }
    network.load_state_dict(own | fitting)
