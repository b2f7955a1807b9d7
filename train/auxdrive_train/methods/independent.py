"""independent: networks of single modalities that learn side by side from the labels alone, as the
control of DMCL's paper (Garcia et al. 2021). Its student is the baseline's.
"""

from __future__ import annotations

from torch import Tensor

from auxdrive_train.methods.multiple_choice import MultipleChoice, choose


class Independent(MultipleChoice):
    """As `DMCL`, but nobody teaches (Garcia et al. 2021)."""

    name = "independent"
    summary = "networks of all modalities learn side by side from the labels"
    paper = "DMCL, section 4, independent"

    def shared(
        self, predictions_mb: Tensor, label_b: Tensor, present_mb: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Each network's own loss; the winner is told for the log.

        Args:
            predictions_mb: (M, B, ...) in physical units.
            label_b: (B, ...) in physical units.
            present_mb: bool (M, B), whether the sample has the network's modality.
        """
        return choose(self.per_sample, predictions_mb, label_b, present_mb, 0.0)
