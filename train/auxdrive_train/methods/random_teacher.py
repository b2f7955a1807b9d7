"""random_teacher: as DMCL, but a network that is drawn at random teaches the others, not the best
one (a control of DMCL's paper, Garcia et al. 2021): it shows what choosing the teacher is worth.
"""

from __future__ import annotations

import torch
from torch import Tensor

from auxdrive_train.methods.dmcl import DMCL
from auxdrive_train.methods.multiple_choice import choose


class RandomTeacher(DMCL):
    """As `DMCL`, with a teacher drawn at random for each sample (Garcia et al. 2021)."""

    name = "random_teacher"
    summary = "networks of all modalities learn together; per sample a random one teaches"
    paper = "DMCL, section 4, random teacher"

    def shared(
        self, predictions_mb: Tensor, label_b: Tensor, present_mb: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As in DMCL, with a drawn teacher in the winner's place.

        Args:
            predictions_mb: (M, B, ...) in physical units.
            label_b: (B, ...) in physical units.
            present_mb: bool (M, B), whether the sample has the network's modality.
        """
        lots = torch.rand(present_mb.shape).to(present_mb.device)
        teacher_b = lots.masked_fill(~present_mb, -1.0).argmax(dim=0)
        weight = self.options.soft_weight
        return choose(
            self.per_sample, predictions_mb, label_b, present_mb, weight, teacher_b, self.taught
        )
