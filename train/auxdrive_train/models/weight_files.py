"""Files of published weights: torchvision's `.pth`, and timm's `.pth` or `.safetensors`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import safetensors.torch
import torch
from auxdrive.errors import AuxdriveError, DataError
from auxdrive.storage.reading import open_regular
from torch import Tensor, nn


class TakesWeights(Protocol):
    """An encoder that published weights fit."""

    def load_published(self, state: dict[str, Tensor]) -> None:
        """Replace its weights.

        Args:
            state: tensors by name.

        Raises:
            DataError: they do not fit.
        """


def load_weight_file(encoder: TakesWeights, path: str) -> None:
    """Load a file of published weights. Only tensors are read from it.

    Args:
        encoder: of three input channels for each image; its weights are replaced.
        path: the file.

    Raises:
        DataError: the file is missing, damaged, or of another network.
    """
    try:
        with open_regular(path) as file:
            if Path(path).suffix == ".safetensors":
                state = safetensors.torch.load(file.read())
            else:
                state = torch.load(file, map_location="cpu", weights_only=True)
    except AuxdriveError:
        raise
    except Exception as error:
        raise DataError(f"cannot read the weight file {path}: {error}") from error
    if not isinstance(state, dict):
        raise DataError(f"{path} holds no state dict")
    encoder.load_published(state)


def for_each_image(state: Mapping[str, Tensor], first: str, layer: nn.Conv2d) -> dict[str, Tensor]:
    """Weights of a network that was trained on single images, for one that sees several at once.

    The first convolution has its weights for each image, divided by their number: of equal images
    it computes what it was trained to compute of one (inflation, Carreira and Zisserman 2017, "Quo
    Vadis, Action Recognition?"). For one image they are as they were.

    Args:
        state: tensors by name.
        first: the name of the first convolution's weights.
        layer: that convolution.
    """
    weights = state.get(first)
    if weights is None or weights.ndim != 4 or weights.shape[1] in (0, layer.in_channels):
        return dict(state)
    images = layer.in_channels // weights.shape[1]
    return {**state, first: weights.repeat(1, images, 1, 1) / images}
