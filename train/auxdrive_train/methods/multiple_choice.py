"""What the kinds of multiple choice learning have in common: a network per modality, all of which
learn together, and of each sample the one with the lowest loss is its winner.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import cast

import numpy as np
import torch
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.methods.phases import Step
from auxdrive_train.methods.single_phase import SinglePhase
from auxdrive_train.models.ensemble import ENSEMBLE, Ensemble
from auxdrive_train.models.networks import Network, SingleNetwork


class MultipleChoice(SinglePhase):
    """Networks of all modalities in one phase; the student is the main modality's network. A
    subclass says what each learns of a sample (`shared`).
    """

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
        losses_mb, winner_b = self.shared(predictions, batch.label, present_mb)
        names = [self._key(m) for m in self.modalities]
        means = losses_mb.sum(dim=1) / present_mb.sum(dim=1).clamp(min=1)
        wins = {
            f"wins {name}": float((winner_b == index).float().mean())
            for index, name in enumerate(names)
        }
        return Step({name: means[index] for index, name in enumerate(names)}, wins)

    @abstractmethod
    def shared(
        self, predictions_mb: Tensor, label_b: Tensor, present_mb: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What each network learns of each sample; M networks, B samples. The kinds of multiple
        choice learning differ in this alone.

        Args:
            predictions_mb: (M, B, ...) in physical units.
            label_b: (B, ...) in physical units.
            present_mb: bool (M, B), whether the sample has the network's modality.

        Returns:
            The losses (M, B), and each sample's winner, int64 (B,).
        """

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
    teacher_b: Tensor | None = None,
    taught_per_sample: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Algorithm 1 of the paper for one batch; M networks, B samples.

    Args:
        loss_per_sample: task loss (B,) of predictions and labels (B, ...).
        predictions_mb: (M, B, ...).
        label_b: (B, ...).
        present_mb: bool (M, B), whether the sample has the network's modality. A network whose
            modality is absent can neither win nor learn: its loss is zero.
        soft_weight: lambda, the weight of the winner's prediction.
        teacher_b: int64 (B,), who teaches in the winner's place; None for the winner.
        taught_per_sample: loss (B,) of predictions and the winner's; None for `loss_per_sample`.

    Returns:
        The losses (M, B), and each sample's winner, int64 (B,).
    """
    hard_mb = torch.stack([loss_per_sample(prediction, label_b) for prediction in predictions_mb])
    winner_b = (
        hard_mb.detach().masked_fill(~present_mb, float("inf")).argmin(dim=0)
        if teacher_b is None
        else teacher_b
    )
    taught = predictions_mb.detach()[winner_b, torch.arange(len(winner_b), device=winner_b.device)]
    soft_loss = taught_per_sample or loss_per_sample
    soft_mb = torch.stack([soft_loss(prediction, taught) for prediction in predictions_mb])
    losers_mb = (1 - soft_weight) * hard_mb + soft_weight * soft_mb
    losses_mb = torch.where(winning(winner_b, len(hard_mb)), hard_mb, losers_mb)
    return losses_mb * present_mb.to(losses_mb.dtype), winner_b


def winning(winner_b: Tensor, networks: int) -> Tensor:
    """Whether a network is a sample's winner, bool (M, B).

    Args:
        winner_b: int64 (B,), the winners.
        networks: M.
    """
    return torch.arange(networks, device=winner_b.device).unsqueeze(1) == winner_b
