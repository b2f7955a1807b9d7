"""umt: Uni-Modal Teacher (UMT; Du et al. 2021; 2023, section 4.1) with late fusion.

First, one network per modality is trained alone. Then their frozen encoders phi* teach the encoders
phi of a late-fusion network: L = L_task(fused) + lambda * sum_s || phi_s*(x_s) - phi_s(x_s) ||^2 /
v_s, where the squared distance is a mean over elements. The student is the RGB encoder that
results, with a new head: the head is trained on the frozen encoder (the probe), then, if asked for,
the whole student is fine-tuned.

v_s is the variance of the frozen encoder's features over training samples. So a distance of 1 is
what an encoder reaches that knows only the features' means, and lambda means the same whatever the
features' scale. The paper's encoders are ResNet-18, whose pooled features have a variance of about
1 (0.9 on a public driving recording); for these the distance is the paper's mean squared error.
PilotNet's features have no fixed scale: they grow with training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from auxdrive.errors import ConfigError
from auxdrive.modalities import Modality
from pydantic import Field
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import Options, Setup
from auxdrive_train.methods.fused_student import FUSED, FusedStudentOptions
from auxdrive_train.methods.fusion_of_unimodal import FusionOfUniModal
from auxdrive_train.methods.phases import Examples, Step
from auxdrive_train.models.fusion import LateFusionNetwork
from auxdrive_train.models.present import mean_where

VARIANCE = "feature_variance"
# Lower bound of v_s: features that hardly vary carry little, and divided by a tiny variance their
# distance would outweigh all other losses.
SMALLEST_VARIANCE = 1e-2


class UMTOptions(FusedStudentOptions):
    """Options of UMT."""

    distil_weight: float = Field(
        default=50.0,
        ge=0,
        description=(
            "lambda: weight of the squared distance to the frozen encoders' features, which is "
            "divided by these features' variance"
        ),
    )
    guarded: tuple[Modality, ...] = Field(
        default=(),
        description=(
            "modalities whose encoders have a frozen one to learn from, such as [rgb]; empty: all"
        ),
    )


class FeatureVariance(nn.Module):
    """v_s of each modality: the variance of each feature over training samples, averaged over the
    features. It is measured once and stored with the networks.
    """

    def __init__(self, modalities: Sequence[Modality]) -> None:
        super().__init__()
        for modality in modalities:
            self.register_buffer(modality.value, torch.ones(()))

    def measure(self, modality: Modality, features_bd: Tensor) -> None:
        """Set the modality's v_s, at least `SMALLEST_VARIANCE`.

        Args:
            modality: whose v_s is set.
            features_bd: features (B, D) of its frozen encoder, of samples that have the modality.
        """
        found = features_bd.float().var(dim=0, correction=0).mean()
        self.of(modality).copy_(found.clamp(min=SMALLEST_VARIANCE))

    def of(self, modality: Modality) -> Tensor:
        """v_s of the modality, a scalar of at least `SMALLEST_VARIANCE`."""
        return self.get_buffer(modality.value)


class UMT(FusionOfUniModal):
    """A network per modality, then their fusion, then the student's head (Du et al. 2021; 2023).
    With `guarded` only some encoders are taught, which the paper compares it with.

    Args:
        setup: modalities, epochs, and how networks are built.
        options: of `UMTOptions`.
    """

    name = "umt"
    summary = (
        "uni-modal teachers guard each encoder of a late fusion; the student is its RGB encoder "
        "with a fitted head"
    )
    paper = "UMT (2021), UMT/UME (2023)"
    options_type = UMTOptions
    options: UMTOptions

    def __init__(self, setup: Setup, options: Options) -> None:
        super().__init__(setup, options)
        for modality in self.options.guarded:
            if modality not in self.modalities:
                raise ConfigError(
                    f"options.guarded names {modality}, which is not trained with; it can be any "
                    f"of {', '.join(self.modalities)}"
                )

    @property
    def alone(self) -> tuple[Modality, ...]:
        """The modalities whose encoders are guarded."""
        chosen = self.options.guarded
        return tuple(m for m in self.modalities if m in chosen) if chosen else self.modalities

    def further_modules(self) -> dict[str, nn.Module]:
        """The variances v_s."""
        return {VARIANCE: FeatureVariance(self.modalities)}

    def begin_fusion(self, networks: nn.ModuleDict, examples: Examples) -> None:
        """Measure the variances v_s.

        Args:
            networks: by name.
            examples: gives training samples.
        """
        variance = cast(FeatureVariance, networks[VARIANCE])
        with torch.no_grad():
            for modality in self.alone:
                teacher = self.own(networks, modality).eval()
                variance.measure(modality, teacher.encode(examples(modality)))

    def fusion_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The task's loss, and the distance from each frozen encoder.

        Args:
            networks: by name.
            batch: the training samples, augmented.
        """
        fused = cast(LateFusionNetwork, networks[FUSED])
        features = fused.encode(batch)
        variance = cast(FeatureVariance, networks[VARIANCE])
        losses = {"task": self.supervised(fused.fuse(features, batch).prediction, batch)}
        for modality in self.alone:
            with torch.no_grad():
                wanted = self.own(networks, modality).encode(batch)
            squared = ((wanted.float() - features[modality].float()) ** 2).mean(dim=1)
            gap = mean_where(squared, batch.present[modality])
            losses[f"distil {modality}"] = self.options.distil_weight * gap / variance.of(modality)
        return Step(losses)
