"""ogm_ge: late fusion in which the modality that is ahead learns more slowly, and the others can
follow (On-the-fly Gradient Modulation with Generalisation Enhancement, OGM-GE; Peng et al. 2022,
equations 6 to 11).

How far a modality u is ahead is rho_u = s_u / (the mean of the others' s), averaged over the batch.
Where it is above 1 the gradient of its features is multiplied by k_u = 1 - tanh(alpha rho_u);
then Gaussian noise is added to every modality's gradient, of its own standard deviation, which
restores the strength of SGD's noise (equation 11).

The paper takes s from the true class's share of the logits; here s_u = exp(-l), where l is the
task's loss of what the head predicts from the features of u alone, all others being zero, which
serves a regression too. And it changes the gradients of the encoders' weights, of which those of
the features, changed here, are the source.
"""

from __future__ import annotations

from typing import cast

import torch
from auxdrive.modalities import Modality
from pydantic import Field
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.fused_student import FUSED, FusedStudent, FusedStudentOptions
from auxdrive_train.methods.phases import Step
from auxdrive_train.models.fusion import LateFusionNetwork
from auxdrive_train.models.present import mean_where


class OGMGEOptions(FusedStudentOptions):
    """Options of OGM-GE."""

    alpha: float = Field(
        default=0.3, ge=0, description="how strongly a modality that is ahead is slowed down"
    )
    noise: bool = Field(
        default=True, description="add noise to the gradients (generalisation enhancement)"
    )


class OGMGE(FusedStudent):
    """Late fusion with modulated gradients (Peng et al. 2022)."""

    name = "ogm_ge"
    summary = "late fusion in which the modality that is ahead learns more slowly"
    paper = "Peng et al. 2022 (OGM-GE)"
    options_type = OGMGEOptions
    options: OGMGEOptions

    def fusion_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The task's loss, whose gradient at the features is modulated on its way back.

        Args:
            networks: by name.
            batch: the training samples, augmented.

        Returns:
            The loss; for the log, each modality's factor.
        """
        fused = cast(LateFusionNetwork, networks[FUSED])
        features = fused.encode(batch)
        factors = modulation(self._ahead(fused, features, batch), self.options.alpha)
        for modality, each in features.items():
            if each.requires_grad:
                each.register_hook(  # type: ignore[no-untyped-call]
                    _Modulated(factors[modality], self.options.noise)
                )
        logged = {f"modulation {modality}": factor for modality, factor in factors.items()}
        return Step(
            {"task": self.supervised(fused.fuse(features, batch).prediction, batch)}, logged
        )

    def _ahead(
        self, fused: LateFusionNetwork, features: dict[Modality, Tensor], batch: Batch
    ) -> dict[Modality, float]:
        """s of each modality, over the samples that have it."""
        found, training = {}, fused.head.training
        fused.head.eval()
        with torch.no_grad():
            for modality in self.modalities:
                alone = {
                    m: each if m is modality else torch.zeros_like(each)
                    for m, each in features.items()
                }
                lost = self.per_sample(fused.fuse(alone, batch).prediction, batch.label)
                found[modality] = float(mean_where(torch.exp(-lost), batch.present[modality]))
        fused.head.train(training)
        return found


def modulation(ahead: dict[Modality, float], alpha: float) -> dict[Modality, float]:
    """k of each modality (Peng et al. 2022, equations 8 and 9; of more than two modalities, against
    the mean of the others).

    Args:
        ahead: s of each, at least two.
        alpha: of the option.
    """
    factors = {}
    for modality, own in ahead.items():
        others = [each for m, each in ahead.items() if m is not modality]
        ratio = own / max(sum(others) / len(others), 1e-8)
        slowed = 1.0 - torch.tanh(torch.tensor(alpha * ratio)).item()
        factors[modality] = slowed if ratio > 1.0 else 1.0
    return factors


class _Modulated:
    """What becomes of a gradient on its way back."""

    def __init__(self, factor: float, noise: bool) -> None:
        self.factor, self.noise = factor, noise

    def __call__(self, gradient: Tensor) -> Tensor:
        changed = self.factor * gradient
        if not self.noise:
            return changed
        drawn = torch.randn(gradient.shape).to(gradient)
        return changed + drawn * changed.std(correction=0)
