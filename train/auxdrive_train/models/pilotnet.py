"""PilotNet (Bojarski et al. 2016, "End to End Learning for Self-Driving Cars", figure 4), for any
input size.

Legend: B batch, C channels, h, w rows and columns, D features.
"""

from __future__ import annotations

from collections.abc import Mapping

from auxdrive.errors import ConfigError
from torch import Tensor, nn

from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.maps import NOTHING, Kept


class PilotNetStem(nn.Sequential):
    """The three strided 5x5 convolutions; with batch norm after each if `norm` is set.

    Args:
        channels: input channels.
        norm: whether to add batch norm.
    """

    def __init__(self, channels: int, norm: bool = False) -> None:
        layers: list[nn.Module] = []
        for narrow, wide in ((channels, 24), (24, 36), (36, 48)):
            layers += [nn.Conv2d(narrow, wide, 5, stride=2), *_activation(wide, norm)]
        super().__init__(*layers)


class PilotNet(ImageEncoder):
    """The convolutions and the first dense layer, with 100 features (Bojarski et al. 2016, figure
    4). The smaller dense layers belong to the steering head.

    The paper does not name its activation; this uses ELU, as most re-implementations do. The paper
    has no batch norm; `norm` adds it, and the network then trains in far fewer steps.

    Args:
        channels: input channels.
        size: rows and columns of the input.
        norm: whether to add batch norm.

    Raises:
        ConfigError: the input is too small for the five convolutions.
    """

    feature_dim = 100
    stem_channels = 48
    map_channels: Mapping[str, int] = {"stem": 48, "conv4": 64, "conv5": 64}

    def __init__(self, channels: int, size: tuple[int, int], norm: bool = False) -> None:
        super().__init__()
        height, width = (_after(side) for side in size)
        if height < 1 or width < 1:
            raise ConfigError(
                f"preprocessing.size {size[0]}x{size[1]} is too small for pilotnet: at least 61x61"
            )
        self.convolutions = PilotNetStem(channels, norm)
        self.late_convolutions = nn.Sequential(
            nn.Conv2d(48, 64, 3),
            *_activation(64, norm),
            nn.Conv2d(64, 64, 3),
            *_activation(64, norm),
            nn.Flatten(),
        )
        self.dense = nn.Sequential(nn.Linear(64 * height * width, self.feature_dim), nn.ELU())

    def stem(self, images_bchw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 48, h', w')."""
        maps: Tensor = self.convolutions(images_bchw)
        return maps

    def trunk(self, maps_bchw: Tensor, kept: Kept = NOTHING) -> Tensor:
        """(B, 48, h', w') -> (B, 100).

        Args:
            maps_bchw: what `stem` returns.
            kept: keeps those of the maps of `map_channels` that it wants; by default none.
        """
        kept.show("stem", maps_bchw)
        maps, late = maps_bchw, iter(("conv4", "conv5"))
        for layer in self.late_convolutions:
            maps = layer(maps)
            if isinstance(layer, nn.ELU):
                kept.show(next(late), maps)
        features: Tensor = self.dense(maps)
        return features


def _activation(channels: int, norm: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ELU()] if norm else [nn.ELU()]


def _after(side: int) -> int:
    for _ in range(3):
        side = (side - 5) // 2 + 1
    return side - 4
