"""dmcl: Distillation Multiple Choice Learning (DMCL; Garcia et al. 2021, Algorithm 1), for
regression.

One network per modality, all trained together from scratch. For each sample, the network with the
lowest task loss wins and learns from the label. Every other network learns with (1 - lambda) l(y,
f) + lambda l(f_winner, f), where y is the label and f its own prediction. In a regression the soft
target is the winner's prediction, without gradient; there is no temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray
from pydantic import Field
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT, Options
from auxdrive_train.methods.phases import Step
from auxdrive_train.methods.single_phase import SinglePhase
from auxdrive_train.models.maps import Widths
from auxdrive_train.models.networks import Network, Output, SingleNetwork

ENSEMBLE = "ensemble"


class DMCLOptions(Options):
    """Options of DMCL."""

    soft_weight: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description=(
            "lambda: weight of the winner's prediction against the label in the loss of the other "
            "networks, 0 to 1; the paper uses 1 or 0.5"
        ),
    )


class Ensemble(Network):
    """The mean of the networks' predictions over the modalities that a sample has. (The paper adds
    up class scores; for a regression that is the mean.)
    """

    def __init__(self, networks: Mapping[Modality, SingleNetwork]) -> None:
        super().__init__()
        self.modalities = tuple(networks)
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
            [batch.present[m].to(outputs[0].prediction.dtype) for m in self.modalities]
        )
        stacked = torch.stack([output.prediction for output in outputs])
        weights = (weights / weights.sum(dim=0)).reshape(*weights.shape, *[1] * (stacked.ndim - 2))
        return replace(outputs[0], prediction=(stacked * weights).sum(dim=0))


class DMCL(SinglePhase):
    """All networks in one phase (Garcia et al. 2021, Algorithm 1); the student is the main
    modality's network.
    """

    name = "dmcl"
    summary = (
        "networks of all modalities learn together; per sample the best one teaches the others"
    )
    paper = "DMCL, Algorithm 1"
    options_type = DMCLOptions
    options: DMCLOptions
    phase = "together"
    watch = STUDENT

    def networks(self) -> nn.ModuleDict:
        """One network per modality; the main modality's is called student."""
        return nn.ModuleDict(
            {self._key(m): SingleNetwork(m, self.setup.build) for m in self.modalities}
        )

    def _key(self, modality: Modality) -> str:
        return STUDENT if modality is self.setup.main else f"{modality.value}_network"

    @property
    def trains(self) -> tuple[str, ...]:
        """The networks of all modalities."""
        return tuple(self._key(m) for m in self.modalities)

    def loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """For each network the mean of its loss over the samples that have its modality.

        Args:
            networks: one per modality, by name.
            batch: the training samples.

        Returns:
            The networks' losses by their names; for the log, the share of samples that each network
            wins (`wins <name>`).
        """
        predictions = torch.stack(
            [networks[self._key(m)](batch).prediction for m in self.modalities]
        )
        present_mb = torch.stack([batch.present[m] for m in self.modalities])
        losses_mb, winner_b = choose(
            self.per_sample, predictions, batch.label, present_mb, self.options.soft_weight
        )
        names = [self._key(m) for m in self.modalities]
        means = losses_mb.sum(dim=1) / present_mb.sum(dim=1).clamp(min=1)
        wins = {
            f"wins {name}": float((winner_b == index).float().mean())
            for index, name in enumerate(names)
        }
        return Step({name: means[index] for index, name in enumerate(names)}, wins)

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """Each network, and the ensemble of all."""
        members = {m: cast(SingleNetwork, networks[self._key(m)]) for m in self.modalities}
        return {
            **{self._key(m): network for m, network in members.items()},
            ENSEMBLE: Ensemble(members),
        }

    def report(
        self, predictions: Mapping[str, AnyArray], label: AnyArray, counted: Mapping[str, AnyArray]
    ) -> dict[str, float]:
        """The oracle: the mean task loss if every sample were predicted by the network that is best
        on it, among those whose modality the sample has.

        Args:
            predictions: by role, (N, *label_shape) in physical units.
            label: (N, *label_shape) in physical units.
            counted: by role, bool (N,): the samples that have the network's modality. Each sample
                must have one of the modalities.

        Returns:
            `oracle_loss`, in scaled units.
        """
        wanted = torch.from_numpy(np.ascontiguousarray(label))
        losses = []
        for key in (self._key(m) for m in self.modalities):
            loss = self.per_sample(torch.from_numpy(np.ascontiguousarray(predictions[key])), wanted)
            losses.append(
                loss.masked_fill(
                    ~torch.from_numpy(np.ascontiguousarray(counted[key])), float("inf")
                )
            )
        return {"oracle_loss": float(torch.stack(losses).min(dim=0).values.mean())}


def choose(
    loss_per_sample: Callable[[Tensor, Tensor], Tensor],
    predictions_mb: Tensor,
    label_b: Tensor,
    present_mb: Tensor,
    soft_weight: float,
) -> tuple[Tensor, Tensor]:
    """Algorithm 1 of the paper for one batch; M networks, B samples.

    Args:
        loss_per_sample: task loss (B,) of predictions and labels (B, ...).
        predictions_mb: (M, B, ...).
        label_b: (B, ...).
        present_mb: bool (M, B), whether the sample has the network's modality. A network whose
            modality is absent can neither win nor learn: its loss is zero.
        soft_weight: lambda, the weight of the winner's prediction.

    Returns:
        The losses (M, B), and each sample's winner, int64 (B,).
    """
    hard_mb = torch.stack([loss_per_sample(prediction, label_b) for prediction in predictions_mb])
    winner_b = hard_mb.detach().masked_fill(~present_mb, float("inf")).argmin(dim=0)
    taught = predictions_mb.detach()[winner_b, torch.arange(len(winner_b), device=winner_b.device)]
    soft_mb = torch.stack([loss_per_sample(prediction, taught) for prediction in predictions_mb])
    losers_mb = (1 - soft_weight) * hard_mb + soft_weight * soft_mb
    is_winner_mb = torch.arange(len(hard_mb), device=winner_b.device).unsqueeze(1) == winner_b
    losses_mb = torch.where(is_winner_mb, hard_mb, losers_mb)
    return losses_mb * present_mb.to(losses_mb.dtype), winner_b
