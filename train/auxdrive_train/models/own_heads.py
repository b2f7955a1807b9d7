"""Heads of single modalities beside a fusion's, which only training needs."""

from __future__ import annotations

from collections.abc import Sequence

from auxdrive.modalities import Modality
from torch import nn

from auxdrive_train.models.build import Build
from auxdrive_train.models.training_only import TrainingOnly

HEADS = "own_heads"
"""Their name among a method's modules."""


class OwnHeads(TrainingOnly):
    """A head for each modality's features.

    Args:
        modalities: that have one.
        build: makes heads, and encoders, whose width they take.
    """

    def __init__(self, modalities: Sequence[Modality], build: Build) -> None:
        super().__init__()
        self.heads = nn.ModuleDict(
            {m.value: build.head(build.outline(m).feature_dim) for m in modalities}
        )

    def of(self, modality: Modality) -> nn.Module:
        """The modality's head: features (B, D) and ego inputs (B, E) to predictions."""
        return self.heads[modality.value]
