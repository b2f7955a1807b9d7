"""What a backbone must offer: an encoder cut in two, so that an auxiliary modality can be added in
the middle.

Legend: B batch, C channels, h, w rows and columns, D features.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from auxdrive_train.models.pilotnet import PilotNet, PilotNetStem
from auxdrive_train.models.resnet import ResNet, ResNetStem, load_weight_file, resnet18, resnet34

# trunk(stem(x)), with `stem_channels` between the two and `feature_dim` after: SAMD's F1 (or F4)
# and F2 (or F5). trunk(maps, kept) shows `kept` the maps of `map_channels`: first "stem", which are
# those that enter, and then its own.
ImageEncoder = PilotNet | ResNet
ImageStem = PilotNetStem | ResNetStem


class Backbone:
    """What a name of `auxdrive_train.models.BACKBONES` stands for: how to build an encoder and a
    stem alone (SAMD's F3) for a number of input channels, and how to load a file of published
    weights into such an encoder (None: there are none for it).
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


def _load_resnet(encoder: ImageEncoder, path: str) -> None:
    load_weight_file(cast(ResNet, encoder), path)


PILOTNET = Backbone(PilotNet, PilotNetStem)
PILOTNET_BN = Backbone(
    lambda channels, size: PilotNet(channels, size, norm=True),
    lambda channels: PilotNetStem(channels, norm=True),
)
RESNET18 = Backbone(lambda channels, _: resnet18(channels), ResNetStem, _load_resnet)
RESNET34 = Backbone(
    lambda channels, _: resnet34(channels),
    lambda channels: ResNetStem(channels, blocks=3),
    _load_resnet,
)
