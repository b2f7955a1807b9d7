"""ume: Uni-Modal Ensemble (UME; Du et al. 2023, section 4.2). One network per modality is trained
alone on the labels, and their predictions are averaged.

It is what UMT is to be decided against: where the mean of uni-modal predictions is better than a
head on their frozen features, modalities have little to tell each other. The student is the RGB
network, which is the baseline's: an ensemble teaches it nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from auxdrive.errors import ConfigError
from auxdrive.modalities import Modality
from pydantic import Field
from torch import nn

from auxdrive_train.methods.contract import STUDENT, Options, Setup
from auxdrive_train.methods.phases import Phase, PhaseRecord, following
from auxdrive_train.methods.unimodal import WithUniModal
from auxdrive_train.models.ensemble import ENSEMBLE, Ensemble
from auxdrive_train.models.networks import Network


class UMEOptions(Options):
    """Options of UME."""

    weights: dict[Modality, Annotated[float, Field(gt=0)]] = Field(
        default={},
        description="how much a modality's prediction weighs in the mean, such as {rgb: 2}; 1 each",
    )


class UME(WithUniModal):
    """A network per modality, and the mean of what they predict (Du et al. 2023).

    Args:
        setup: modalities, epochs, and how networks are built.
        options: of `UMEOptions`.
    """

    name = "ume"
    summary = "networks of single modalities, and the mean of their predictions"
    paper = "UMT/UME (2023), section 4.2"
    options_type = UMEOptions
    options: UMEOptions

    def __init__(self, setup: Setup, options: Options) -> None:
        super().__init__(setup, options)
        for modality in self.options.weights:
            if modality not in self.modalities:
                raise ConfigError(
                    f"options.weights names {modality}, which is not trained with; it can name any "
                    f"of {', '.join(self.modalities)}"
                )

    def named(self, modality: Modality) -> str:
        """The main modality's network is the student.

        Args:
            modality: any.
        """
        return STUDENT if modality is self.setup.main else super().named(modality)

    def networks(self) -> nn.ModuleDict:
        """A network per modality."""
        return nn.ModuleDict(self.unimodal_networks())

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """One for each network."""
        return following(self.unimodal_phases(), history)

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """Every network by its name, and the ensemble."""
        members = {m: self.own(networks, m) for m in self.modalities}
        named = {self.named(m): each for m, each in members.items()}
        return {**named, ENSEMBLE: Ensemble(members, self.options.weights)}
