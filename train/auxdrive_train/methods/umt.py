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

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

import torch
from auxdrive.modalities import Modality
from pydantic import Field
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT, Method, Options
from auxdrive_train.methods.phases import Examples, Phase, PhaseRecord, Step
from auxdrive_train.models.fusion import LateFusionNetwork
from auxdrive_train.models.networks import Network, SingleNetwork

FUSED = "fused"
VARIANCE = "feature_variance"
# Lower bound of v_s: features that hardly vary carry little, and divided by a tiny variance their
# distance would outweigh all other losses.
SMALLEST_VARIANCE = 1e-2


class UMTOptions(Options):
    """Options of UMT."""

    distil_weight: float = Field(
        default=50.0,
        ge=0,
        description=(
            "lambda: weight of the squared distance to the frozen encoders' features, which is "
            "divided by these features' variance"
        ),
    )
    probe_epochs: int = Field(
        default=10, ge=1, description="epochs that train the student's head alone"
    )
    tune_epochs: int = Field(
        default=0, ge=0, description="epochs that then train the whole student; 0: none"
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


class UMT(Method):
    """A network per modality, then their fusion, then the student's head (Du et al. 2021; 2023)."""

    name = "umt"
    summary = (
        "uni-modal teachers guard each encoder of a late fusion; the student is its RGB encoder "
        "with a fitted head"
    )
    paper = "UMT (2021), UMT/UME (2023)"
    options_type = UMTOptions
    options: UMTOptions

    def networks(self) -> nn.ModuleDict:
        """A network per modality, the fusion, the student, and the variances v_s."""
        build = self.setup.build
        networks: dict[str, nn.Module] = {
            _unimodal(m): SingleNetwork(m, build) for m in self.modalities
        }
        networks[FUSED] = LateFusionNetwork(self.modalities, build)
        networks[STUDENT] = SingleNetwork(self.setup.main, build)
        networks[VARIANCE] = FeatureVariance(self.modalities)
        return nn.ModuleDict(networks)

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """The networks of single modalities one by one, the fusion, the probe, and fine-tuning if
        asked for.
        """
        epochs, names = self.setup.epochs, [_unimodal(m) for m in self.modalities]
        phases = [
            Phase(name, (name,), epochs, partial(self._unimodal_loss, m), watch=name)
            for name, m in zip(names, self.modalities, strict=True)
        ]
        phases.append(
            Phase(
                FUSED,
                (FUSED,),
                epochs,
                self._fusion_loss,
                watch=FUSED,
                begin=self._measure_features,
            )
        )
        head, probe = f"{STUDENT}.head", self.options.probe_epochs
        phases.append(
            Phase(
                "probe", (head,), probe, self._student_loss, watch=STUDENT, begin=self._take_encoder
            )
        )
        if self.options.tune_epochs:
            phases.append(
                Phase(
                    "fine-tuning",
                    (STUDENT,),
                    self.options.tune_epochs,
                    self._student_loss,
                    watch=STUDENT,
                    lr_span=(0.5, 1.0),
                )
            )
        return phases[len(history)] if len(history) < len(phases) else None

    def _unimodal_loss(self, modality: Modality, networks: nn.ModuleDict, batch: Batch) -> Step:
        prediction = networks[_unimodal(modality)](batch).prediction
        return Step({"task": self.supervised_where(prediction, batch, modality)})

    def _measure_features(self, networks: nn.ModuleDict, examples: Examples) -> None:
        variance = cast(FeatureVariance, networks[VARIANCE])
        with torch.no_grad():
            for modality in self.modalities:
                teacher = cast(SingleNetwork, networks[_unimodal(modality)]).eval()
                variance.measure(modality, teacher.encode(examples(modality)))

    def _fusion_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        fused = cast(LateFusionNetwork, networks[FUSED])
        features = fused.encode(batch)
        variance = cast(FeatureVariance, networks[VARIANCE])
        losses = {"task": self.supervised(fused.fuse(features, batch).prediction, batch)}
        for modality in self.modalities:
            teacher = cast(SingleNetwork, networks[_unimodal(modality)])
            with torch.no_grad():
                wanted = teacher.encode(batch)
            squared = ((wanted.float() - features[modality].float()) ** 2).mean(dim=1)
            gap = _mean_where(squared, batch.present[modality])
            losses[f"distil {modality}"] = self.options.distil_weight * gap / variance.of(modality)
        return Step(losses)

    def _take_encoder(self, networks: nn.ModuleDict, examples: Examples) -> None:
        del examples
        fused = cast(LateFusionNetwork, networks[FUSED])
        student = cast(SingleNetwork, networks[STUDENT])
        student.encoder.load_state_dict(fused.encoders[self.setup.main.value].state_dict())

    def _student_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        return Step({"task": self.supervised(networks[STUDENT](batch).prediction, batch)})

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """Every network by its name: one per modality, the fusion, and the student."""
        names = (*(_unimodal(modality) for modality in self.modalities), FUSED, STUDENT)
        return {name: cast(Network, networks[name]) for name in names}


def _unimodal(modality: Modality) -> str:
    return f"unimodal_{modality.value}"


def _mean_where(values_b: Tensor, present_b: Tensor) -> Tensor:
    weights = present_b.to(values_b.dtype)
    return (values_b * weights).sum() / weights.sum().clamp(min=1)
