"""How the networks of a run are built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from auxdrive.cards import PreprocessingSpec
from auxdrive.errors import ConfigError
from auxdrive.modalities import SEGMENTATION_CLASSES, Modality
from torch import nn

from auxdrive_train.models import BACKBONES
from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.inputs import ModalityInput
from auxdrive_train.models.vectors import VectorEncoder, VectorInput, VectorStem
from auxdrive_train.tasks.base import Task

DEFAULT_HIDDEN = (200, 100)


@dataclass(frozen=True)
class Build:
    """How a run builds its networks: with one backbone, one preprocessing and one task for all of
    them.

    Attributes:
        backbone: name in `auxdrive_train.models.BACKBONES`.
        preprocessing: crop, size and normalisation of the input.
        task: what is predicted.
        dropout: share of the features before the head that training sets to zero.
        classes: how many segmentation classes the data have.
        frames: how many images of the camera the networks see at once (`HistorySpec`).
        vectors: how many numbers each vector of the data has.
        hidden: widths of the layers that encode a vector, whatever the backbone is.

    Raises:
        UsageError: there is no such backbone.

    Examples:
        >>> from auxdrive.cards import PreprocessingSpec
        >>> from auxdrive.modalities import Modality
        >>> from auxdrive_train import Build
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> build = Build("resnet18", PreprocessingSpec(size=(66, 200)), SteeringTask())
        >>> build.encoder(Modality.RGB).feature_dim
        512
    """

    backbone: str
    preprocessing: PreprocessingSpec
    task: Task
    dropout: float = 0.1
    classes: int = len(SEGMENTATION_CLASSES)
    frames: int = 1
    vectors: Mapping[Modality, int] = field(default_factory=dict)
    hidden: tuple[int, ...] = DEFAULT_HIDDEN

    def __post_init__(self) -> None:
        BACKBONES[self.backbone]  # so that an unknown name is refused at once

    def input(self, modality: Modality) -> ModalityInput | VectorInput:
        """What turns the stored frames of a modality into a network's input.

        Raises:
            ConfigError: the length of a vector is not known.
        """
        if modality.is_vector:
            if modality not in self.vectors:
                known = ", ".join(self.vectors) or "none"
                raise ConfigError(f"the data have no {modality} (vectors that they have: {known})")
            return VectorInput(modality, self.vectors[modality])
        frames = self.frames if modality is Modality.RGB else 1
        return ModalityInput(modality, self.preprocessing, self.classes, frames)

    def channels(self, modality: Modality) -> int:
        """How many channels the input of a modality has."""
        return self.input(modality).channels

    def outline(self, modality: Modality) -> ImageEncoder:
        """An encoder without weights, to be asked how wide it is: no random number is drawn for
        it.
        """
        with torch.device("meta"):
            return self.encoder(modality)

    def encoder(self, modality: Modality, channels: int | None = None) -> ImageEncoder:
        """A new encoder, of the kind that sees a modality.

        Args:
            modality: a vector or an image.
            channels: of its input; None for those of the modality.
        """
        count = self.channels(modality) if channels is None else channels
        if modality.is_vector:
            return VectorEncoder(count, self.hidden)
        return BACKBONES[self.backbone].encoder(count, self.preprocessing.size)

    def stem(self, modality: Modality, channels: int | None = None) -> nn.Module:
        """A new stem, without a trunk; as `encoder`.

        Args:
            modality: a vector or an image.
            channels: of its input; None for those of the modality.
        """
        count = self.channels(modality) if channels is None else channels
        if modality.is_vector:
            return VectorStem(count, self.hidden)
        return BACKBONES[self.backbone].stem(count)

    def head(self, feature_dim: int) -> nn.Module:
        """A new head of the task for features (B, feature_dim)."""
        return self.task.head(feature_dim, self.dropout)
