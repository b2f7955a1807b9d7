"""Auxiliary modalities that are predicted from RGB: as a second task, or as a further input.

Legend: B batch, C channels of an auxiliary's input, h, w rows and columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from auxdrive.modalities import MODALITIES, Modality
from torch import Tensor, nn
from torch.nn import functional

from auxdrive_train.data.batch import Batch
from auxdrive_train.models.build import Build
from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.maps import NOTHING, Kept
from auxdrive_train.models.present import mean_where
from auxdrive_train.models.training_only import TrainingOnly
from auxdrive_train.models.vectors import brought_to

WIDTH = 32
DECODERS, TARGETS = "decoders", "targets"
"""Names of modules of methods."""


class Decoder(nn.Sequential):
    """From maps to an auxiliary's input, before it is enlarged: 3x3, ReLU, 1x1.

    Args:
        channels: of the maps.
        given: C of the auxiliary's input.
    """

    def __init__(self, channels: int, given: int) -> None:
        super().__init__(
            nn.Conv2d(channels, WIDTH, 3, padding=1), nn.ReLU(), nn.Conv2d(WIDTH, given, 1)
        )


class Targets(TrainingOnly):
    """What auxiliaries' networks would be given, as a target. It has no weights.

    Args:
        auxiliaries: which.
        build: makes inputs.

    Attributes:
        channels: C of each one's input.
    """

    def __init__(self, auxiliaries: Sequence[Modality], build: Build) -> None:
        super().__init__()
        self.inputs = nn.ModuleDict({m.value: build.input(m) for m in auxiliaries})
        self.channels = {m: build.channels(m) for m in auxiliaries}

    def lost(self, predicted_bchw: Tensor, batch: Batch, modality: Modality) -> Tensor:
        """How far a prediction is from the modality, a scalar: the mean squared error, and of
        classes the cross-entropy; over the samples that have it. Where the prediction is smaller,
        the modality is averaged.

        Args:
            predicted_bchw: (B, C, h', w'), of classes the logits.
            batch: the samples.
            modality: which.
        """
        with torch.no_grad():
            whole = self.inputs[modality.value](batch.frames[modality])
            if modality.is_vector:
                predicted_bchw = predicted_bchw.mean(dim=(2, 3), keepdim=True)
            size = (predicted_bchw.shape[2], predicted_bchw.shape[3])
            wanted = functional.adaptive_avg_pool2d(whole, size)
        if MODALITIES[modality].categories:
            each = functional.cross_entropy(predicted_bchw, wanted, reduction="none")
        else:
            each = (predicted_bchw - wanted).square()
        return mean_where(each.flatten(1).mean(dim=1), batch.present[modality])


class Decoders(TrainingOnly):
    """A `Decoder` for each auxiliary, of the same maps.

    Args:
        auxiliaries: which.
        channels: of the maps.
        targets: says how many channels each has.
    """

    def __init__(self, auxiliaries: Sequence[Modality], channels: int, targets: Targets) -> None:
        super().__init__()
        self.decoders = nn.ModuleDict(
            {m.value: Decoder(channels, targets.channels[m]) for m in auxiliaries}
        )

    def forward(self, maps_bchw: Tensor, modality: Modality) -> Tensor:
        """What the maps tell of a modality, (B, C, h', w').

        Args:
            maps_bchw: the maps.
            modality: which.
        """
        decoded: Tensor = self.decoders[modality.value](maps_bchw)
        return decoded


class PredictingEncoder(ImageEncoder):
    """An encoder to whose stem auxiliaries are added as in `FusedNetwork`, but as they are
    predicted from the image.

    Args:
        main: the modality that is seen.
        auxiliaries: those that are predicted.
        build: makes the encoder and stems.
    """

    def __init__(self, main: Modality, auxiliaries: Sequence[Modality], build: Build) -> None:
        super().__init__()
        self.main = build.encoder(main)
        self.feature_dim, self.stem_channels = self.main.feature_dim, self.main.stem_channels
        self.map_channels = self.main.map_channels
        self.looking = build.stem(main)
        width = self.stem_channels
        self.decoders = nn.ModuleDict(
            {m.value: Decoder(width, build.channels(m)) for m in auxiliaries}
        )
        self.stems = nn.ModuleDict({m.value: build.stem(m) for m in auxiliaries})
        self.projections = nn.ModuleDict(
            {m.value: nn.Conv2d(build.outline(m).stem_channels, width, 1) for m in auxiliaries}
        )
        self.auxiliaries, self.size = tuple(auxiliaries), build.preprocessing.size

    @property
    def published(self) -> tuple[ImageEncoder, ...]:
        """The encoder to whose stem the others are added."""
        return (self.main,)

    def predicted(self, images_bchw: Tensor) -> dict[Modality, Tensor]:
        """Each auxiliary as it is predicted, (B, C, h', w'); of classes the logits.

        Args:
            images_bchw: the image.
        """
        seen = self.looking(images_bchw)
        return {m: self.decoders[m.value](seen) for m in self.auxiliaries}

    def merged(self, images_bchw: Tensor, predicted: Mapping[Modality, Tensor]) -> Tensor:
        """What goes into the trunk: the image's maps, and those of the predicted auxiliaries.

        Args:
            images_bchw: the image, (B, C, h, w).
            predicted: of `predicted`.
        """
        merged = self.main.stem(images_bchw)
        for modality, each in predicted.items():
            shown = each.softmax(dim=1) if MODALITIES[modality].categories else each
            if modality.is_vector:
                whole = shown.mean(dim=(2, 3), keepdim=True)
            else:
                whole = functional.interpolate(
                    shown, self.size, mode="bilinear", align_corners=False
                )
            name = modality.value
            added = self.projections[name](self.stems[name](whole))
            merged = merged + brought_to(added, merged)
        return merged

    def stem(self, images_bchw: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, stem_channels, h', w')."""
        return self.merged(images_bchw, self.predicted(images_bchw))

    def trunk(self, maps_bchw: Tensor, kept: Kept = NOTHING) -> Tensor:
        """The encoder's own trunk.

        Args:
            maps_bchw: what `stem` returns.
            kept: keeps those of the maps of `map_channels` that it wants.
        """
        return self.main.trunk(maps_bchw, kept)
