"""Files of published weights: torchvision's `.pth`, and timm's `.pth` or `.safetensors`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import safetensors.torch
import torch
from auxdrive.errors import AuxdriveError, DataError
from auxdrive.storage.reading import open_regular
from torch import Tensor


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
        encoder: of three input channels; its weights are replaced.
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
