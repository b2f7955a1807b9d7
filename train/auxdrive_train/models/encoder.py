"""What every image encoder is: two parts, a stem and a trunk, so that auxiliary modalities can be
added between them.

Legend: B batch, C channels, h, w rows and columns, D features.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from auxdrive_train.models.maps import NOTHING, Kept


class ImageEncoder(nn.Module):
    """Computes trunk(stem(x)). In SAMD the stem is F1 (teacher: F4), the trunk F2 (F5).

    Attributes:
        feature_dim: D, how many features the trunk gives.
        stem_channels: channels after the stem.
        map_channels: by name, the channels of the maps that the trunk shows: first "stem", its own
            input, then those that it makes.
    """

    feature_dim: int
    stem_channels: int
    map_channels: Mapping[str, int]

    @property
    def published(self) -> tuple[ImageEncoder, ...]:
        """The encoders in it that files of published weights fit: itself, unless it is made of
        others.
        """
        return (self,)

    def stem(self, images_bchw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, stem_channels, h', w')."""
        raise TypeError(f"{type(self).__name__} has no stem for {tuple(images_bchw.shape)}")

    def trunk(self, maps_bchw: Tensor, kept: Kept = NOTHING) -> Tensor:
        """(B, stem_channels, h', w') -> (B, D).

        Args:
            maps_bchw: what `stem` returns.
            kept: keeps those of the maps of `map_channels` that it wants; by default none.
        """
        raise TypeError(f"{type(self).__name__} has no trunk for {tuple(maps_bchw.shape)}, {kept}")

    def forward(self, images_bchw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, D)."""
        return self.trunk(self.stem(images_bchw))
