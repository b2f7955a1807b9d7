"""From stored frames to the network's input. The path for RGB is exported with the student, so it
is written once, here.

Legend: B batch; F images of a sample, the current one first; H, W stored rows and columns; h, w
network input size; C channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from auxdrive.cards import PreprocessingSpec
from auxdrive.modalities import MODALITIES, SEGMENTATION_CLASSES, Modality, coarse_ids
from torch import Tensor, nn
from torch.nn import functional

from auxdrive_train.models.shrink import block_means, block_of

MAX_DEPTH_M = 655.35
Frames = Tensor | Sequence[Tensor]
"""Stored frames; see `ModalityInput.forward`."""


class ModalityInput(nn.Module):
    """Crops, resizes and normalises the frames of one modality: from their stored format (see
    `MODALITIES`) to float32 (B, C, h, w).

    An image much larger than the network's input is first averaged over whole blocks and then
    interpolated. That is as good as a resize with antialiasing and needs only operators that every
    inference runtime has. Images of bytes are averaged first of all, by `block_means`.

    Args:
        modality: whose frames.
        spec: crop, size and normalisation.
        classes: how many segmentation classes the network was made for. Those of later data are
            shown to it as the first ones of which they are parts (`coarse_ids`).
        frames: F, how many images of a sample it takes. Each goes the same way, and their channels
            are put side by side: the first ones are those of the current image.

    Attributes:
        channels: of what it gives, C of all images together.
    """

    mean: Tensor
    std: Tensor
    ids: Tensor

    def __init__(
        self,
        modality: Modality,
        spec: PreprocessingSpec,
        classes: int = len(SEGMENTATION_CLASSES),
        frames: int = 1,
    ) -> None:
        super().__init__()
        self.modality = modality
        self.spec = spec
        self.frames = frames
        info = MODALITIES[modality]
        self._of_one = classes if info.categories else info.channels
        self.channels = frames * self._of_one
        mean, std = (
            (spec.mean, spec.std)
            if modality is Modality.RGB
            else ((0.0,) * self._of_one, (1.0,) * self._of_one)
        )
        self.register_buffer("mean", torch.tensor(mean).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(1, -1, 1, 1), persistent=False)
        if info.categories:
            ids = torch.from_numpy(coarse_ids(classes)).long()
            self.register_buffer("ids", ids, persistent=False)

    def forward(self, frames: Frames) -> Tensor:
        """float32 (B, channels, h, w) from stored frames.

        Args:
            frames: (B, H, W) or (B, H, W, C); with several images of a sample (B, F, H, W, C), or
                F of (B, H, W, C), as an exported graph takes them.
        """
        if self.frames == 1:
            assert isinstance(frames, Tensor)
            return self._one(frames)
        images = frames.unbind(1) if isinstance(frames, Tensor) else frames
        return torch.cat([self._one(image) for image in images], dim=1)

    def _one(self, frames: Tensor) -> Tensor:
        """float32 (B, C, h, w) from stored frames (B, H, W) or (B, H, W, C)."""
        info = MODALITIES[self.modality]
        if info.categories:
            return self._one_hot(frames)
        frames_bhwc = frames if info.channels > 1 else frames.unsqueeze(3)
        first, last = (
            crop_rows(frames_bhwc.shape[1], self.spec)
            if info.camera_aligned
            else (0, frames_bhwc.shape[1])
        )
        block = block_of(last - first, frames_bhwc.shape[2], self.spec.size)
        if frames.dtype == torch.uint8 and block != (1, 1):
            averaged = block_means(frames_bhwc, first, last, *block)
        else:
            # torch has few operators for uint16; int32 holds its values exactly.
            values = (
                frames_bhwc.to(torch.int32) if frames.dtype == torch.uint16 else frames_bhwc
            ).to(torch.float32)
            values_bchw = values.permute(0, 3, 1, 2)[:, :, first:last]
            averaged = values_bchw if block == (1, 1) else functional.avg_pool2d(values_bchw, block)
        values_bchw = self._interpolate(averaged) * info.scale
        if self.modality is Modality.DEPTH:
            # The logarithm of the distance, scaled to 0..1: near things matter more.
            values_bchw = torch.log1p(values_bchw) / math.log1p(MAX_DEPTH_M)
        return (values_bchw - self.mean) / self.std

    def _interpolate(self, values_bchw: Tensor) -> Tensor:
        if tuple(values_bchw.shape[2:]) == tuple(self.spec.size):
            return values_bchw
        return functional.interpolate(
            values_bchw, self.spec.size, mode="bilinear", align_corners=False
        )

    def _one_hot(self, ids_bhw: Tensor) -> Tensor:
        # Class ids are picked, not averaged. One-hot planes are made after resizing, which is 20
        # times faster.
        first, last = crop_rows(ids_bhw.shape[1], self.spec)
        ids = functional.interpolate(
            ids_bhw[:, None, first:last], self.spec.size, mode="nearest-exact"
        ).squeeze(1)
        known = ids.long() if self._of_one == len(self.ids) else self.ids[ids.long()]
        return functional.one_hot(known, self._of_one).permute(0, 3, 1, 2).to(torch.float32)


def crop_rows(height: int, spec: PreprocessingSpec) -> tuple[int, int]:
    """The first row that the crop leaves of an image with `height` rows, and the row after the
    last.

    Args:
        height: rows of the image.
        spec: which share of the rows it cuts off at the top and at the bottom.
    """
    return round(height * spec.crop_top), height - round(height * spec.crop_bottom)
