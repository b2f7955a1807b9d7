"""Early fusion: the modalities' channels are stacked before the first layer.

Legend: B batch, C channels, h, w rows and columns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

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


class EarlyNetwork(Network):
    """One encoder on the stacked channels of all modalities. Those that a sample lacks are zero.

    Args:
        main: the main modality, whose channels come first.
        auxiliaries: the others.
        build: makes inputs, encoder and head.

    Attributes:
        channels: C of each modality's input.
    """

    def __init__(self, main: Modality, auxiliaries: Sequence[Modality], build: Build) -> None:
        super().__init__()
        self.modalities = (main, *auxiliaries)
        self.inputs = nn.ModuleDict({m.value: build.input(m) for m in self.modalities})
        self.channels = {m: build.channels(m) for m in self.modalities}
        self.encoder = build.encoder(main, sum(self.channels.values()))
        self.head = build.head(self.encoder.feature_dim)

    @property
    def widths(self) -> Widths:
        """Those of the encoder."""
        return Widths(self.encoder.feature_dim, self.encoder.map_channels)

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features and prediction from all modalities.

        Args:
            batch: the samples.
            maps: names of the intermediate maps to keep.

        Raises:
            UsageError: there is no such map.
        """
        kept = self.keeping(maps)
        parts: list[Tensor] = []
        for modality in self.modalities:
            read = self.inputs[modality.value]
            frames, present = batch.frames[modality], batch.present[modality]
            part = of_present(read, read, frames, present)
            parts.append(brought_to(part, parts[0] if parts else part))
        features = self.encoder.trunk(self.encoder.stem(torch.cat(parts, dim=1)), kept)
        return Output(features, self.head(features, batch.ego_be), kept.maps)


class FirstChannels(ImageEncoder):
    """An encoder that is given the first of its channels; the others are zero.

    Args:
        encoder: of more channels.
        further: how many are zero.
    """

    def __init__(self, encoder: ImageEncoder, further: int) -> None:
        super().__init__()
        self.whole, self.further = encoder, further
        self.feature_dim, self.stem_channels = encoder.feature_dim, encoder.stem_channels
        self.map_channels = encoder.map_channels

    @property
    def published(self) -> tuple[ImageEncoder, ...]:
        """None: their first layer has fewer channels."""
        return ()

    def stem(self, images_bchw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, stem_channels, h', w')."""
        nothing = torch.zeros_like(images_bchw[:, :1]).expand(-1, self.further, -1, -1)
        return self.whole.stem(torch.cat([images_bchw, nothing], dim=1))

    def trunk(self, maps_bchw: Tensor, kept: Kept = NOTHING) -> Tensor:
        """The encoder's own trunk.

        Args:
            maps_bchw: what `stem` returns.
            kept: keeps those of the maps of `map_channels` that it wants.
        """
        return self.whole.trunk(maps_bchw, kept)
