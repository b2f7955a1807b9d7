"""Vectors as inputs: rows of numbers, such as the readings of an inertial sensor or the features
that somebody else computed.

Networks treat a vector as an image of one pixel with as many channels as it has numbers, so that
whatever is made of stems, maps and trunks is made of vectors likewise.

Legend: B batch, D numbers of a vector, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray
from torch import Tensor, nn

from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.maps import NOTHING, Kept

SMALLEST_STD = 1e-6


class VectorInput(nn.Module):
    """Standardises the vectors of one modality: float32 (B, D) to (B, D, 1, 1). Mean and standard
    deviation are stored with the weights; `take` sets them.

    Args:
        modality: whose vectors.
        length: D.

    Attributes:
        channels: of what it gives, D.
        frames: how many vectors of a sample it takes.
    """

    mean: Tensor
    std: Tensor
    frames: int = 1

    def __init__(self, modality: Modality, length: int) -> None:
        super().__init__()
        self.modality = modality
        self.channels = length
        self.register_buffer("mean", torch.zeros(length))
        self.register_buffer("std", torch.ones(length))

    def take(self, vectors: AnyArray) -> None:
        """Set mean and standard deviation to those of vectors, (N, D). A number that does not vary
        is only centred.

        Args:
            vectors: of the training samples that have the modality.
        """
        given = np.asarray(vectors, np.float64)
        std = given.std(axis=0)
        self.mean.copy_(torch.from_numpy(given.mean(axis=0)))
        self.std.copy_(torch.from_numpy(np.where(std < SMALLEST_STD, 1.0, std)))

    def forward(self, frames: Tensor) -> Tensor:
        """float32 (B, D, 1, 1) from stored vectors (B, D)."""
        standard = (frames.to(self.mean.dtype) - self.mean) / self.std
        return standard[:, :, None, None]


class VectorStem(nn.Sequential):
    """The first layer, (B, D, 1, 1) to (B, C, 1, 1); no layer where there are none.

    Args:
        length: D.
        hidden: widths of all layers of the encoder.
    """

    def __init__(self, length: int, hidden: Sequence[int]) -> None:
        layers = [nn.Conv2d(length, hidden[0], 1), nn.ReLU()] if hidden else [nn.Identity()]
        super().__init__(*layers)


class VectorEncoder(ImageEncoder):
    """A multi-layer perceptron with ReLU after every layer. Without layers the numbers themselves
    are the features: with a linear head, that is (multinomial) logistic regression.

    Args:
        length: D.
        hidden: widths of the layers.
    """

    def __init__(self, length: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.first = VectorStem(length, hidden)
        self.stem_channels = hidden[0] if hidden else length
        self.feature_dim = hidden[-1] if hidden else length
        self.later = nn.ModuleList(
            nn.Sequential(nn.Linear(narrow, wide), nn.ReLU()) for narrow, wide in pairwise(hidden)
        )

    @property
    def map_channels(self) -> Mapping[str, int]:  # type: ignore[override]  # read-only here
        """The stem's output alone: later layers have no maps."""
        return {"stem": self.stem_channels}

    @property
    def published(self) -> tuple[ImageEncoder, ...]:
        """None: weights are published of networks on images."""
        return ()

    def stem(self, images_bchw: Tensor) -> Tensor:
        """(B, D, 1, 1) -> (B, stem_channels, 1, 1)."""
        maps: Tensor = self.first(images_bchw)
        return maps

    def trunk(self, maps_bchw: Tensor, kept: Kept = NOTHING) -> Tensor:
        """(B, stem_channels, 1, 1) -> (B, feature_dim).

        Args:
            maps_bchw: what `stem` returns.
            kept: keeps the stem's map if it is wanted.
        """
        kept.show("stem", maps_bchw)
        features = maps_bchw.flatten(1)
        for layer in self.later:
            features = layer(features)
        return features


def brought_to(maps_bchw: Tensor, like_bchw: Tensor) -> Tensor:
    """Maps of one modality at the size of another's: those of a vector are the same everywhere, and
    those of an image, beside a vector, are averaged.

    Args:
        maps_bchw: what is added or stacked.
        like_bchw: to what.
    """
    size = like_bchw.shape[2:]
    if maps_bchw.shape[2:] == size:
        return maps_bchw
    if maps_bchw.shape[2:] == (1, 1):
        return maps_bchw.expand(-1, -1, *size)
    if size == (1, 1):
        return maps_bchw.mean(dim=(2, 3), keepdim=True)
    return maps_bchw
