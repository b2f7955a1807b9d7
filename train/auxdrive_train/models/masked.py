"""An encoder of which some channels are nullified after the stem."""

from __future__ import annotations

import torch
from torch import Tensor

from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.maps import NOTHING, Kept


class MaskedEncoder(ImageEncoder):
    """An encoder whose channels after the stem are multiplied by a mask, at first of ones.

    Args:
        encoder: the whole one.
    """

    mask: Tensor

    def __init__(self, encoder: ImageEncoder) -> None:
        super().__init__()
        self.whole = encoder
        self.feature_dim, self.stem_channels = encoder.feature_dim, encoder.stem_channels
        self.map_channels = encoder.map_channels
        self.register_buffer("mask", torch.ones(encoder.stem_channels))

    @property
    def published(self) -> tuple[ImageEncoder, ...]:
        """The whole encoder."""
        return (self.whole,)

    def stem(self, images_bchw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, stem_channels, h', w'), nullified by the mask."""
        return self.whole.stem(images_bchw) * self.mask[:, None, None]

    def trunk(self, maps_bchw: Tensor, kept: Kept = NOTHING) -> Tensor:
        """The encoder's own trunk.

        Args:
            maps_bchw: what `stem` returns.
            kept: keeps those of the maps of `map_channels` that it wants.
        """
        return self.whole.trunk(maps_bchw, kept)
