"""smcl: Stochastic Multiple Choice Learning (Lee et al. 2016): of the networks that see single
modalities only the best one on a sample learns from it, and the others learn nothing of it. DMCL is
this with a lesson for the others.
"""

from __future__ import annotations

from torch import Tensor

from auxdrive_train.methods.multiple_choice import MultipleChoice, choose, winning


class SMCL(MultipleChoice):
    """As `DMCL`, but the losers learn nothing (Lee et al. 2016)."""

    name = "smcl"
    summary = "networks of all modalities learn together; per sample the best one alone learns"
    paper = "Lee et al. 2016 (SMCL); DMCL, section 4"

    def shared(
        self, predictions_mb: Tensor, label_b: Tensor, present_mb: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The winner's loss, and zero for the others.

        Args:
            predictions_mb: (M, B, ...) in physical units.
            label_b: (B, ...) in physical units.
            present_mb: bool (M, B), whether the sample has the network's modality.
        """
        losses_mb, winner_b = choose(self.per_sample, predictions_mb, label_b, present_mb, 0.0)
        return losses_mb * winning(winner_b, len(losses_mb)).to(losses_mb.dtype), winner_b
