"""Several encoders side by side on one input, and the mean of their heads.

Legend: B batch, C channels, h, w rows and columns, D features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import cast

import torch
from torch import Tensor, nn

from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.maps import NOTHING, Kept


def side_by_side(tensor: Tensor, widths: Sequence[int]) -> list[Tensor]:
    """The parts of a tensor (B, C, ...) whose channels stand side by side. They are slices: no
    graph that is exported has `torch.split`.

    Args:
        tensor: of as many channels as all widths together.
        widths: channels of each part.
    """
    ends = list(accumulate(widths))
    return [tensor[:, end - width : end] for width, end in zip(widths, ends, strict=True)]


class Streams(ImageEncoder):
    """Encoders of one kind that see the same image: their maps and features are put side by side.

    Args:
        encoders: at least one.
    """

    def __init__(self, encoders: Sequence[ImageEncoder]) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.feature_dim = sum(each.feature_dim for each in encoders)
        self.stem_channels = sum(each.stem_channels for each in encoders)

    @property
    def map_channels(self) -> Mapping[str, int]:  # type: ignore[override]  # read-only here
        """Of each map, those of all encoders together."""
        each = [stream.map_channels for stream in self.streams]
        return {name: sum(channels[name] for channels in each) for name in each[0]}

    @property
    def streams(self) -> list[ImageEncoder]:
        """The encoders."""
        return [cast(ImageEncoder, each) for each in self.encoders]

    @property
    def published(self) -> tuple[ImageEncoder, ...]:
        """Every encoder."""
        return tuple(self.streams)

    def stem(self, images_bchw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, stem_channels, h', w'), one encoder after the other."""
        return torch.cat([each.stem(images_bchw) for each in self.streams], dim=1)

    def trunk(self, maps_bchw: Tensor, kept: Kept = NOTHING) -> Tensor:
        """(B, stem_channels, h', w') -> (B, D), one encoder after the other.

        Args:
            maps_bchw: what `stem` returns.
            kept: keeps those of the maps of `map_channels` that it wants.
        """
        parts = side_by_side(maps_bchw, [each.stem_channels for each in self.streams])
        own = [Kept(kept.wanted) for _ in self.streams]
        features = [
            each.trunk(part, keeping)
            for each, part, keeping in zip(self.streams, parts, own, strict=True)
        ]
        for name in own[0].maps:
            kept.show(name, torch.cat([each.maps[name] for each in own], dim=1))
        return torch.cat(features, dim=1)


class MeanOfHeads(nn.Module):
    """A head for each stream's features; their mean is the prediction (late fusion of scores).

    Args:
        heads: one for each stream.
        widths: D of each stream.
    """

    def __init__(self, heads: Sequence[nn.Module], widths: Sequence[int]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)
        self.widths = list(widths)

    def each(self, features_bd: Tensor, ego_be: Tensor) -> list[Tensor]:
        """Every stream's prediction, (B, *label_shape).

        Args:
            features_bd: (B, D) of all streams together.
            ego_be: (B, E), ego inputs.
        """
        parts = side_by_side(features_bd, self.widths)
        return [head(part, ego_be) for head, part in zip(self.heads, parts, strict=True)]

    def forward(self, features_bd: Tensor, ego_be: Tensor) -> Tensor:
        """The mean prediction (B, *label_shape).

        Args:
            features_bd: (B, D) of all streams together.
            ego_be: (B, E), ego inputs.
        """
        return torch.stack(self.each(features_bd, ego_be)).mean(dim=0)
