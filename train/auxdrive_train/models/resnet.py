"""ResNet-18 and ResNet-34 (He et al. 2016). Parameters have torchvision's names, so that its weight
files can be loaded.

Legend: B batch, C channels, h, w rows and columns.
"""

from __future__ import annotations

from collections.abc import Mapping

from auxdrive.errors import DataError
from torch import Tensor, nn
from torch.nn import functional

from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.maps import NOTHING, Kept
from auxdrive_train.models.weight_files import for_each_image


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, and a shortcut (He et al. 2016, figure 2).

    Args:
        channels_in: input channels.
        channels: output channels.
        stride: of the first convolution: 2 halves rows and columns.
    """

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels_in != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(channels),
            )

    def forward(self, maps_bchw: Tensor) -> Tensor:
        """(B, C_in, h, w) -> (B, C, h / stride, w / stride)."""
        shortcut = maps_bchw if self.downsample is None else self.downsample(maps_bchw)
        inner = functional.relu(self.bn1(self.conv1(maps_bchw)))
        return functional.relu(self.bn2(self.conv2(inner)) + shortcut)


def _layer(channels_in: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
    first = BasicBlock(channels_in, channels, stride)
    return nn.Sequential(first, *(BasicBlock(channels, channels, 1) for _ in range(blocks - 1)))


class ResNetStem(nn.Module):
    """conv1, bn1, max pooling and layer1: the part that an auxiliary branch of SAMD uses (F3).

    Args:
        channels: input channels.
        blocks: number of blocks in layer1: 2 for ResNet-18, 3 for ResNet-34.
    """

    def __init__(self, channels: int, blocks: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _layer(64, 64, blocks, 1)
        _initialise(self)

    def forward(self, images_bchw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 64, h / 4, w / 4)."""
        return _stem(self, images_bchw)


class ResNet(ImageEncoder):
    """A ResNet of basic blocks, without the classifier. The features are the global average of
    layer4, 512 numbers.

    Args:
        channels: input channels.
        blocks: number of blocks in each of the four layers.
    """

    feature_dim = 512
    stem_channels = 64
    map_channels: Mapping[str, int] = {
        "stem": 64,
        "layer2": 128,
        "layer3": 256,
        "layer4": 512,
    }

    def __init__(self, channels: int, blocks: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _layer(64, 64, blocks[0], 1)
        self.layer2 = _layer(64, 128, blocks[1], 2)
        self.layer3 = _layer(128, 256, blocks[2], 2)
        self.layer4 = _layer(256, 512, blocks[3], 2)
        _initialise(self)

    def stem(self, images_bchw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 64, h / 4, w / 4)."""
        return _stem(self, images_bchw)

    def trunk(self, maps_bchw: Tensor, kept: Kept = NOTHING) -> Tensor:
        """(B, 64, h', w') -> (B, 512).

        Args:
            maps_bchw: what `stem` returns.
            kept: keeps those of the maps of `map_channels` that it wants; by default none.
        """
        kept.show("stem", maps_bchw)
        maps = maps_bchw
        for name in ("layer2", "layer3", "layer4"):
            maps = self.get_submodule(name)(maps)
            kept.show(name, maps)
        return functional.adaptive_avg_pool2d(maps, 1).flatten(1)

    def load_published(self, state: Mapping[str, Tensor]) -> None:
        """Load a torchvision state dict, except its classifier (`fc.*`).

        Args:
            state: tensors by name.

        Raises:
            DataError: names or shapes do not fit this network.
        """
        wanted = {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}
        try:
            self.load_state_dict(for_each_image(wanted, "conv1.weight", self.conv1))
        except RuntimeError as error:
            raise DataError(
                f"these weights are not torchvision weights for this ResNet: {error}"
            ) from error


def _stem(module: ResNet | ResNetStem, images_bchw: Tensor) -> Tensor:
    maps = functional.relu(module.bn1(module.conv1(images_bchw)))
    pooled: Tensor = module.layer1(functional.max_pool2d(maps, 3, stride=2, padding=1))
    return pooled


def _initialise(module: nn.Module) -> None:
    """He initialisation, as in torchvision."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")


def resnet18(channels: int = 3) -> ResNet:
    """ResNet-18: two blocks in each layer."""
    return ResNet(channels, (2, 2, 2, 2))


def resnet34(channels: int = 3) -> ResNet:
    """ResNet-34: 3, 4, 6 and 3 blocks."""
    return ResNet(channels, (3, 4, 6, 3))
