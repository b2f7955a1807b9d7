"""Networks on several modalities: the fused network of a teacher, and late fusion.

Legend: B batch, D features, M modalities.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

import torch
from auxdrive.modalities import Modality
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.models.build import Build
from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.maps import NOTHING, Kept, Widths
from auxdrive_train.models.networks import Network, Output
from auxdrive_train.models.present import of_present
from auxdrive_train.models.vectors import brought_to


class FusedNetwork(Network):
    """The teacher of SAMD (AML, appendix A.7): a `SingleNetwork` on the main modality to whose stem
    the auxiliaries are added, trunk(stem(x_m) + sum_a projection_a(stem_a(x_a))).

    If all projections are zero, it computes the same as the single network, bit for bit, whatever
    the auxiliaries show. Nothing is added for a modality that a sample lacks.

    Args:
        main: the main modality.
        auxiliaries: the modalities that are added.
        build: makes encoder, stems and head.
        head: the single network's head, if the two share it.

    Examples:
        >>> from auxdrive.cards import PreprocessingSpec
        >>> from auxdrive.modalities import Modality
        >>> from auxdrive_train import Build, FusedNetwork, SingleNetwork
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> build = Build("pilotnet", PreprocessingSpec(size=(66, 200)), SteeringTask())
        >>> student = SingleNetwork(Modality.RGB, build)
        >>> teacher = FusedNetwork(Modality.RGB, [Modality.DEPTH], build, head=student.head)
        >>> teacher.head is student.head
        True
    """

    def __init__(
        self,
        main: Modality,
        auxiliaries: Sequence[Modality],
        build: Build,
        head: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.modalities = (main, *auxiliaries)
        self.auxiliaries = tuple(auxiliaries)
        self.input = build.input(main)
        self.encoder: ImageEncoder = build.encoder(main)
        self.head = build.head(self.encoder.feature_dim) if head is None else head
        self.auxiliary_inputs = nn.ModuleDict({m.value: build.input(m) for m in auxiliaries})
        self.auxiliary_stems = nn.ModuleDict({m.value: build.stem(m) for m in auxiliaries})
        width = self.encoder.stem_channels
        self.projections = nn.ModuleDict(
            {m.value: nn.Conv2d(build.outline(m).stem_channels, width, 1) for m in auxiliaries}
        )

    @property
    def widths(self) -> Widths:
        """Those of the encoder; the map "stem" is the sum over the modalities."""
        return Widths(self.encoder.feature_dim, self.encoder.map_channels)

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features (B, D) and prediction, from the main modality and the auxiliaries.

        Args:
            batch: the samples, all with the main modality.
            maps: names of the intermediate maps to keep, from `widths.maps`.

        Raises:
            UsageError: there is no such map.
        """
        kept = self.keeping(maps)
        merged = self.encoder.stem(self.input(batch.frames[self.modalities[0]]))
        for modality in self.auxiliaries:
            encode = partial(self._added, modality.value)
            stem = self.auxiliary_stems[modality.value]
            added = of_present(stem, encode, batch.frames[modality], batch.present[modality])
            merged = merged + brought_to(added, merged)
        features = self.encoder.trunk(merged, kept)
        return Output(features, self.head(features, batch.ego_be), kept.maps)

    def _added(self, name: str, frames: Tensor) -> Tensor:
        """What an auxiliary modality adds after the stem."""
        added: Tensor = self.projections[name](
            self.auxiliary_stems[name](self.auxiliary_inputs[name](frames))
        )
        return added


class LateFusionNetwork(Network):
    """An encoder per modality, and one head on all their features (UMT 2023, section 2). The
    features of an absent modality are zero.

    Args:
        modalities: what it sees.
        build: makes encoders and head.

    Examples:
        >>> from auxdrive.cards import PreprocessingSpec
        >>> from auxdrive.modalities import Modality
        >>> from auxdrive_train import Build, LateFusionNetwork
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> build = Build("pilotnet", PreprocessingSpec(size=(66, 200)), SteeringTask())
        >>> LateFusionNetwork([Modality.RGB, Modality.DEPTH], build).widths.features
        200
    """

    def __init__(self, modalities: Sequence[Modality], build: Build) -> None:
        super().__init__()
        self.modalities = tuple(modalities)
        self.inputs = nn.ModuleDict({m.value: build.input(m) for m in modalities})
        self.encoders = nn.ModuleDict({m.value: build.encoder(m) for m in modalities})
        self.head = build.head(self.widths.features)

    @property
    def widths(self) -> Widths:
        """The features of all encoders together; the maps' names begin with the modality, as in
        "depth.stem".
        """
        encoders = {name: cast(ImageEncoder, encoder) for name, encoder in self.encoders.items()}
        return Widths(
            sum(encoder.feature_dim for encoder in encoders.values()),
            {
                f"{modality}.{name}": channels
                for modality, encoder in encoders.items()
                for name, channels in encoder.map_channels.items()
            },
        )

    def encode(self, batch: Batch, kept: Kept = NOTHING) -> dict[Modality, Tensor]:
        """Each modality's features, (B, D) by modality. If a sample lacks the modality, its
        features and kept maps are zero.

        Args:
            batch: the samples.
            kept: keeps those of the encoders' maps that it wants, under names such as
                "depth.stem"; by default none.
        """
        features = {}
        for modality in self.modalities:
            encoder, prefix = self.encoders[modality.value], f"{modality.value}."
            own = Kept(name.removeprefix(prefix) for name in kept.wanted if name.startswith(prefix))
            encode = partial(self._encode, modality.value, own)
            features[modality] = of_present(
                encoder, encode, batch.frames[modality], batch.present[modality], own
            )
            for name, maps in own.maps.items():
                kept.show(prefix + name, maps)
        return features

    def encoded(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        """Each modality's features, (B, D), by its name, and the prediction.

        Args:
            batch: the samples.
        """
        features = self.encode(batch)
        named = {modality.value: each for modality, each in features.items()}
        return named, self.fuse(features, batch).prediction

    def _encode(self, name: str, kept: Kept, frames: Tensor) -> Tensor:
        encoder = cast(ImageEncoder, self.encoders[name])
        return encoder.trunk(encoder.stem(self.inputs[name](frames)), kept)

    def fuse(self, features: Mapping[Modality, Tensor], batch: Batch) -> Output:
        """The head's output for the features of all modalities.

        Args:
            features: (B, D) by modality, as `encode` returns them.
            batch: the same samples, for their ego inputs.

        Returns:
            The joined features (B, M D) and the prediction; no maps.
        """
        joined = torch.cat([features[modality] for modality in self.modalities], dim=1)
        return Output(joined, self.head(joined, batch.ego_be))

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features (B, M D) and prediction.

        Args:
            batch: the samples.
            maps: names of the intermediate maps to keep, from `widths.maps`: "depth.stem".

        Raises:
            UsageError: there is no such map.
        """
        kept = self.keeping(maps)
        return replace(self.fuse(self.encode(batch, kept), batch), maps=kept.maps)
