"""The network that weighs candidate modalities against each other (Auxiliary Modality Learning,
AML, section 5.1, figure 2).

The channels of all modalities are stacked and pass a squeeze-and-excitation block (Hu, Shen, Sun
2018), then a 1x1 convolution back to the main modality's number of channels, then the usual
network.

Legend: B batch, C stacked channels, h, w network input size.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

import torch
from auxdrive.modalities import Modality
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.models.build import Build
from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.maps import Widths
from auxdrive_train.models.networks import Network, Output
from auxdrive_train.models.present import of_present
from auxdrive_train.models.vectors import brought_to

NOISE = "noise"
NOISE_CHANNELS = 3


class SqueezeExcitation(nn.Module):
    """Global average, dense layer, ReLU, dense layer, sigmoid: one weight in 0..1 for each sample
    and channel (Hu, Shen, Sun 2018).

    Args:
        channels: C, how many channels are weighed.
        reduction: how many times narrower the inner layer is; it has at least 4 units.
    """

    def __init__(self, channels: int, reduction: int = 2) -> None:
        super().__init__()
        inner = max(channels // reduction, 4)
        self.layers = nn.Sequential(
            nn.Linear(channels, inner), nn.ReLU(), nn.Linear(inner, channels), nn.Sigmoid()
        )

    def forward(self, maps_bchw: Tensor) -> Tensor:
        """Weights (B, C) for maps (B, C, h, w)."""
        weights: Tensor = self.layers(maps_bchw.mean(dim=(2, 3)))
        return weights


class ExcitationNetwork(Network):
    """Weighs the main modality, the candidates, and pure noise. The weights can be trusted only if
    noise gets the smallest.

    Args:
        main: the main modality; the stacked channels are reduced to its number of channels.
        candidates: the modalities that are weighed against it.
        build: makes encoder and head.
    """

    def __init__(self, main: Modality, candidates: Sequence[Modality], build: Build) -> None:
        super().__init__()
        self.modalities = (main, *candidates)
        self.inputs = nn.ModuleDict({m.value: build.input(m) for m in self.modalities})
        self.groups = {m.value: build.channels(m) for m in self.modalities} | {
            NOISE: NOISE_CHANNELS
        }
        channels = sum(self.groups.values())
        # Modalities differ in scale. Their weights can be compared only if their inputs have the
        # same variance.
        self.standardise = nn.ModuleDict(
            {name: nn.BatchNorm2d(count, affine=False) for name, count in self.groups.items()}
        )
        self.excitation = SqueezeExcitation(channels)
        main_channels = self.groups[main.value]
        self.back = nn.Conv2d(channels, main_channels, 1)
        self.encoder: ImageEncoder = build.encoder(main)
        self.head = build.head(self.encoder.feature_dim)

    def stacked(self, batch: Batch) -> Tensor:
        """(B, C, h, w): the standardised channels of every modality, noise last. An absent modality
        has its mean, which is zero.
        """
        parts: list[Tensor] = []
        for modality in self.modalities:
            name = modality.value
            encode, frames = partial(self._standardised, name), batch.frames[modality]
            part = of_present(self.standardise[name], encode, frames, batch.present[modality])
            parts.append(brought_to(part, parts[0] if parts else part))
        size = (len(batch.index), NOISE_CHANNELS, *parts[0].shape[2:])
        # The noise depends on the samples of the batch alone, so that a resumed run draws the same.
        generator = torch.Generator().manual_seed(int(batch.index.sum()))
        parts.append(
            self.standardise[NOISE](torch.rand(size, generator=generator).to(parts[0].device))
        )
        return torch.cat(parts, dim=1)

    def _standardised(self, name: str, frames: Tensor) -> Tensor:
        maps: Tensor = self.standardise[name](self.inputs[name](frames))
        return maps

    def weights(self, batch: Batch) -> Tensor:
        """Squeeze-and-excitation weights (B, C), in the order of `groups`."""
        weights: Tensor = self.excitation(self.stacked(batch))
        return weights

    @property
    def widths(self) -> Widths:
        """Those of the encoder."""
        return Widths(self.encoder.feature_dim, self.encoder.map_channels)

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features (B, D), prediction, and the maps that were asked for.

        Args:
            batch: the samples.
            maps: names of the intermediate maps to keep, from `widths.maps`.

        Raises:
            UsageError: there is no such map.
        """
        kept = self.keeping(maps)
        stacked = self.stacked(batch)
        weighted = stacked * self.excitation(stacked).unsqueeze(2).unsqueeze(3)
        features = self.encoder.trunk(self.encoder.stem(self.back(weighted)), kept)
        return Output(features, self.head(features, batch.ego_be), kept.maps)
