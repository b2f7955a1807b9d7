"""What describes a frame to the out-of-distribution score, computed by the student in torch, and
the score as a part of the exported graph.

Legend: B batch, V numbers that describe a frame, H, W rows and columns of the camera.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from auxdrive.types import Float32, UInt8
from auxdrive_train.models.inputs import Frames
from auxdrive_train.models.maps import Kept
from auxdrive_train.models.networks import SingleNetwork
from torch import Tensor, nn

from auxdrive_deploy.ood.score import OodScore

STEM = "stem"
LEAST_LENGTH = 1e-6
"""Added to the length of features, so that features of zeros can be divided by it."""


def described(network: SingleNetwork, images: Frames) -> tuple[Tensor, Tensor]:
    """The student's features (B, D), and what describes each frame to the score, (B, V): the
    features at unit length, then the mean of each channel of the first map.

    Args:
        network: the student, on RGB.
        images: uint8; see `ModalityInput.forward`.
    """
    kept = Kept([STEM])
    features = network.features(images, kept)
    length = (features * features).sum(dim=1, keepdim=True).sqrt() + LEAST_LENGTH
    return features, torch.cat([features / length, kept.maps[STEM].mean(dim=(2, 3))], dim=1)


def vectors_of(network: SingleNetwork, batches: Iterable[UInt8]) -> Float32:
    """What describes each of N frames, (N, V), in evaluation mode on the CPU.

    Args:
        network: the student, on RGB.
        batches: the frames in batches of uint8 (B, H, W, 3) or (B, F, H, W, 3); at least one.
    """
    network.eval()
    with torch.no_grad():
        parts = [
            described(network, torch.from_numpy(batch))[1].float().numpy() for batch in batches
        ]
    return np.concatenate(parts)


class OodHead(nn.Module):
    """The score as a layer: (B, V) to (B, 1), in float32.

    Args:
        score: the fitted score.
    """

    mean: Tensor
    whitening: Tensor

    def __init__(self, score: OodScore) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(score.mean.astype(np.float32)))
        self.register_buffer("whitening", torch.from_numpy(score.whitening.astype(np.float32)))

    def forward(self, vectors_bv: Tensor) -> Tensor:
        """The scores (B, 1)."""
        white = (vectors_bv - self.mean) @ self.whitening
        return (white * white).mean(dim=1, keepdim=True)
