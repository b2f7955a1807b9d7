"""dmcl: Distillation Multiple Choice Learning (DMCL; Garcia et al. 2021, Algorithm 1).

One network per modality, all trained together from scratch. For each sample, the network with the
lowest task loss wins and learns from the label. Every other network learns with (1 - lambda) l(y,
f) + lambda l(f_winner, f), where y is the label and f its own prediction. The soft target is the
winner's prediction, without gradient; of classes it is softened by the temperature T, and the loss
multiplied by T^2, as the authors' code does. A regression has no temperature.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from auxdrive_train.methods.contract import Options
from auxdrive_train.methods.multiple_choice import MultipleChoice, choose


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
    temperature: float = Field(
        default=2.0,
        gt=0,
        description="T: softens the winner's probabilities, for tasks that have some; the paper "
        "uses 2 or 5",
    )


class DMCL(MultipleChoice):
    """The winner learns from the label and teaches the others (Garcia et al. 2021, Algorithm 1)."""

    name = "dmcl"
    summary = (
        "networks of all modalities learn together; per sample the best one teaches the others"
    )
    paper = "DMCL, Algorithm 1"
    options_type = DMCLOptions
    options: DMCLOptions

    def shared(
        self, predictions_mb: Tensor, label_b: Tensor, present_mb: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See `choose`.

        Args:
            predictions_mb: (M, B, ...) in physical units.
            label_b: (B, ...) in physical units.
            present_mb: bool (M, B), whether the sample has the network's modality.
        """
        return choose(
            self.per_sample,
            predictions_mb,
            label_b,
            present_mb,
            self.options.soft_weight,
            taught_per_sample=self.taught,
        )

    def taught(self, prediction: Tensor, winners: Tensor) -> Tensor:
        """What a loser learns from the winner, (B,).

        Args:
            prediction: (B, ...) in physical units.
            winners: likewise.
        """
        return self.per_sample_taught(prediction, winners, self.options.temperature)
