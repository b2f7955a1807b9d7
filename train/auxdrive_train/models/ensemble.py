"""Several networks that predict side by side, each from a modality of its own.

Legend: B batch, M modalities.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import cast

import torch
from auxdrive.modalities import Modality
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.models.maps import Widths
from auxdrive_train.models.networks import Network, Output, SingleNetwork

ENSEMBLE = "ensemble"
"""The name of its role."""


class Ensemble(Network):
    """The mean of the networks' predictions over the modalities that a sample has, each with its
    weight. (DMCL adds up class scores; for a regression that is the mean.)

    Args:
        networks: by modality, the main one first.
        weights: of modalities, above zero; those that are not named weigh 1.
    """

    def __init__(
        self,
        networks: Mapping[Modality, SingleNetwork],
        weights: Mapping[Modality, float] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.modalities = tuple(networks)
        self.weights = [weights.get(modality, 1.0) for modality in networks]
        self.members = nn.ModuleDict(
            {modality.value: network for modality, network in networks.items()}
        )

    @property
    def widths(self) -> Widths:
        """Those of the main modality's network."""
        return cast(Network, self.members[self.modalities[0].value]).widths

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features and maps of the main modality's network, and the mean prediction.

        Args:
            batch: the samples; each must have at least one of the networks' modalities.
            maps: names of the main modality's intermediate maps to keep.

        Raises:
            UsageError: there is no such map.
        """
        main, *others = self.modalities
        outputs: list[Output] = [
            self.members[main.value](batch, maps),
            *(self.members[m.value](batch) for m in others),
        ]
        weights = torch.stack(
            [
                weight * batch.present[m].to(outputs[0].prediction.dtype)
                for m, weight in zip(self.modalities, self.weights, strict=True)
            ]
        )
        stacked = torch.stack([output.prediction for output in outputs])
        weights = (weights / weights.sum(dim=0)).reshape(*weights.shape, *[1] * (stacked.ndim - 2))
        return replace(outputs[0], prediction=(stacked * weights).sum(dim=0))
