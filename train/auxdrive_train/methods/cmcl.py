"""cmcl: Confident Multiple Choice Learning (Lee et al. 2017): of the networks that see single
modalities only the best one on a sample learns from it, and the others learn to be unsure of it:
their probabilities are driven towards equal ones. It is for tasks with probabilities.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from auxdrive_train.methods.contract import Options
from auxdrive_train.methods.multiple_choice import MultipleChoice, choose, winning


class CMCLOptions(Options):
    """Options of CMCL."""

    unsure_weight: float = Field(
        default=0.75, ge=0, description="beta: weight of the distance from equal probabilities"
    )


class CMCL(MultipleChoice):
    """As `SMCL`, and the losers learn to be unsure (Lee et al. 2017, equation 3)."""

    name = "cmcl"
    summary = "as smcl, and the networks that are not the best learn to be unsure"
    paper = "Lee et al. 2017 (CMCL); DMCL, section 4"
    needs_probabilities = True
    options_type = CMCLOptions
    options: CMCLOptions

    def shared(
        self, predictions_mb: Tensor, label_b: Tensor, present_mb: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The winner's loss; of the others the Kullback-Leibler divergence of their probabilities
        from equal ones.

        Args:
            predictions_mb: (M, B, K).
            label_b: (B, K).
            present_mb: bool (M, B), whether the sample has the network's modality.
        """
        losses_mb, winner_b = choose(self.per_sample, predictions_mb, label_b, present_mb, 0.0)
        equal = torch.full_like(label_b, 1.0 / label_b.shape[-1])
        unsure_mb = torch.stack([self.per_sample(each, equal) for each in predictions_mb])
        losers_mb = self.options.unsure_weight * unsure_mb * present_mb.to(unsure_mb.dtype)
        return torch.where(winning(winner_b, len(losses_mb)), losses_mb, losers_mb), winner_b
