"""What a backbone must offer: encoders (`auxdrive_train.models.encoder`), and their stems alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.mobilenet import MobileNet, MobileNetStem
from auxdrive_train.models.pilotnet import PilotNet, PilotNetStem
from auxdrive_train.models.resnet import ResNetStem, resnet18, resnet34
from auxdrive_train.models.weight_files import TakesWeights, load_weight_file

ImageStem = PilotNetStem | ResNetStem | MobileNetStem


class Backbone:
    """A kind of encoder, which has a name in `auxdrive_train.models.BACKBONES`.

    Args:
        encoder: makes an encoder for a number of input channels and an input size (h, w).
        stem: makes a stem alone (SAMD's F3) for a number of input channels.
        load_weights: loads a file of published weights into such an encoder; None if there are
            none.

    Examples:
        >>> import torch
        >>> from auxdrive_train import BACKBONES
        >>> encoder = BACKBONES["pilotnet"].encoder(3, (66, 200))
        >>> encoder(torch.zeros(2, 3, 66, 200)).shape
        torch.Size([2, 100])
    """

    def __init__(
        self,
        encoder: Callable[[int, tuple[int, int]], ImageEncoder],
        stem: Callable[[int], ImageStem],
        load_weights: Callable[[ImageEncoder, str], None] | None = None,
    ) -> None:
        self.encoder = encoder
        self.stem = stem
        self.load_weights = load_weights


def _load(encoder: ImageEncoder, path: str) -> None:
    load_weight_file(cast(TakesWeights, encoder), path)


PILOTNET = Backbone(PilotNet, PilotNetStem)
PILOTNET_BN = Backbone(
    lambda channels, size: PilotNet(channels, size, norm=True),
    lambda channels: PilotNetStem(channels, norm=True),
)
RESNET18 = Backbone(lambda channels, _: resnet18(channels), ResNetStem, _load)
RESNET34 = Backbone(
    lambda channels, _: resnet34(channels),
    lambda channels: ResNetStem(channels, blocks=3),
    _load,
)
MOBILENETV4 = Backbone(lambda channels, _: MobileNet(channels), MobileNetStem, _load)
