"""MobileNetV4-Conv-S (Qin et al. 2024, "MobileNetV4: Universal Models for the Mobile Ecosystem"),
a small network of convolutions, batch norm and Relu alone. Parameters have timm's names, so that
its weight files of `mobilenetv4_conv_small` can be loaded.

Legend: B batch, C channels, h, w rows and columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from auxdrive.errors import DataError
from torch import Tensor, nn
from torch.nn import functional

from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.maps import NOTHING, Kept
from auxdrive_train.models.weight_files import for_each_image


class _Universal(NamedTuple):
    """A universal inverted bottleneck: kernel of the depthwise convolution before the expansion and
    of that after it (0: none), how much wider it is within, output channels, and stride.
    """

    first: int
    middle: int
    wider: int
    channels: int
    stride: int = 1


_STAGE_2 = (_Universal(5, 5, 3, 96, 2), *[_Universal(0, 3, 2, 96)] * 4, _Universal(3, 0, 4, 96))
_STAGE_3 = (
    _Universal(3, 3, 6, 128, 2),
    _Universal(5, 5, 4, 128),
    _Universal(0, 5, 4, 128),
    _Universal(0, 5, 3, 128),
    *[_Universal(0, 3, 4, 128)] * 2,
)
_FEATURES = 960


def _convolution(
    narrow: int, wide: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    return nn.Conv2d(narrow, wide, kernel, stride, padding=kernel // 2, groups=groups, bias=False)


class _Normed(nn.Module):
    """A convolution and its batch norm, without Relu, as a part of `_Bottleneck`."""

    def __init__(
        self, narrow: int, wide: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = _convolution(narrow, wide, kernel, stride, groups)
        self.bn = nn.BatchNorm2d(wide)

    def forward(self, maps_bchw: Tensor) -> Tensor:
        normed: Tensor = self.bn(self.conv(maps_bchw))
        return normed


class _Convolved(nn.Module):
    """A convolution, batch norm and Relu."""

    def __init__(self, narrow: int, wide: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = _convolution(narrow, wide, kernel, stride)
        self.bn1 = nn.BatchNorm2d(wide)

    def forward(self, maps_bchw: Tensor) -> Tensor:
        return functional.relu(self.bn1(self.conv(maps_bchw)))


class _Bottleneck(nn.Module):
    """See `_Universal`; where shapes allow it, its input is added to its output.

    Args:
        narrow: input channels.
        form: what it is made of.
    """

    def __init__(self, narrow: int, form: _Universal) -> None:
        super().__init__()
        wide = narrow * form.wider
        self.dw_start: nn.Module | None = None
        self.dw_mid: nn.Module | None = None
        if form.first:
            stride = 1 if form.middle else form.stride
            self.dw_start = _Normed(narrow, narrow, form.first, stride, groups=narrow)
        self.pw_exp = _Normed(narrow, wide, 1)
        if form.middle:
            self.dw_mid = _Normed(wide, wide, form.middle, form.stride, groups=wide)
        self.pw_proj = _Normed(wide, form.channels, 1)
        self.adds = form.stride == 1 and narrow == form.channels

    def forward(self, maps_bchw: Tensor) -> Tensor:
        """(B, C_in, h, w) -> (B, C, h / stride, w / stride)."""
        inner = maps_bchw if self.dw_start is None else self.dw_start(maps_bchw)
        inner = functional.relu(self.pw_exp(inner))
        if self.dw_mid is not None:
            inner = functional.relu(self.dw_mid(inner))
        made: Tensor = self.pw_proj(inner)
        return made + maps_bchw if self.adds else made


def _bottlenecks(narrow: int, forms: tuple[_Universal, ...]) -> nn.Sequential:
    before = (narrow, *(form.channels for form in forms))
    return nn.Sequential(
        *(_Bottleneck(channels, form) for channels, form in zip(before, forms, strict=False))
    )


def _first_blocks() -> list[nn.Module]:
    """The first two stages, of plain convolutions: 32 to 64 channels, a quarter of the size."""
    return [
        nn.Sequential(_Convolved(32, 32, 3, 2), _Convolved(32, 32, 1)),
        nn.Sequential(_Convolved(32, 96, 3, 2), _Convolved(96, 64, 1)),
    ]


class MobileNetStem(nn.Module):
    """The first convolution and the first two stages: the part that an auxiliary branch of SAMD
    uses (F3).

    Args:
        channels: input channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_stem = _convolution(channels, 32, 3, 2)
        self.bn1 = nn.BatchNorm2d(32)
        self.blocks = nn.Sequential(*_first_blocks())
        _initialise(self)

    def forward(self, images_bchw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 64, h / 8, w / 8)."""
        return _stem(self, images_bchw)


class MobileNet(ImageEncoder):
    """MobileNetV4-Conv-S without the classifier and the layer before it. The features are the
    global average of the last stage, 960 numbers.

    Args:
        channels: input channels.
    """

    feature_dim = _FEATURES
    stem_channels = 64
    map_channels: Mapping[str, int] = {
        "stem": 64,
        "stage2": 96,
        "stage3": 128,
        "stage4": _FEATURES,
    }

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.conv_stem = _convolution(channels, 32, 3, 2)
        self.bn1 = nn.BatchNorm2d(32)
        last = nn.Sequential(_Convolved(128, _FEATURES, 1))
        self.blocks = nn.Sequential(
            *_first_blocks(), _bottlenecks(64, _STAGE_2), _bottlenecks(96, _STAGE_3), last
        )
        _initialise(self)

    def stem(self, images_bchw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 64, h / 8, w / 8)."""
        return _stem(self, images_bchw)

    def trunk(self, maps_bchw: Tensor, kept: Kept = NOTHING) -> Tensor:
        """(B, 64, h', w') -> (B, 960).

        Args:
            maps_bchw: what `stem` returns.
            kept: keeps those of the maps of `map_channels` that it wants; by default none.
        """
        kept.show("stem", maps_bchw)
        maps = maps_bchw
        for number in (2, 3, 4):
            maps = self.blocks[number](maps)
            kept.show(f"stage{number}", maps)
        return functional.adaptive_avg_pool2d(maps, 1).flatten(1)

    def load_published(self, state: Mapping[str, Tensor]) -> None:
        """Load timm's state dict of `mobilenetv4_conv_small`, except its classifier and the layer
        before it.

        Args:
            state: tensors by name.

        Raises:
            DataError: names or shapes do not fit this network.
        """
        left_out = ("conv_head.", "norm_head.", "classifier.")
        wanted = {name: each for name, each in state.items() if not name.startswith(left_out)}
        try:
            self.load_state_dict(for_each_image(wanted, "conv_stem.weight", self.conv_stem))
        except RuntimeError as error:
            raise DataError(
                f"these weights are not timm's of mobilenetv4_conv_small: {error}"
            ) from error


def _stem(module: MobileNet | MobileNetStem, images_bchw: Tensor) -> Tensor:
    maps = functional.relu(module.bn1(module.conv_stem(images_bchw)))
    made: Tensor = module.blocks[1](module.blocks[0](maps))
    return made


def _initialise(module: nn.Module) -> None:
    """As timm: normal, by how many outputs each input reaches."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            reached = part.out_channels * math.prod(part.kernel_size) // part.groups
            nn.init.normal_(part.weight, std=math.sqrt(2 / reached))
