"""One batch in the stored formats of `auxdrive.modalities`. Legend: B samples, H, W image rows and
columns, E ego inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from auxdrive.modalities import Modality
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Samples as recorded: crop, resize and normalisation happen in the network, so that they are
    exported with it.

    Attributes:
        frames: per modality (B, H, W) or (B, H, W, C) in the stored dtype: uint8, and
            `torch.uint16` for depth. torch has few operations on uint16 (no flip, no arithmetic):
            convert with `.to(torch.float32)`, or move bits with `.view(torch.int16)`.
        present: per modality bool (B,): False where the episode lacks the modality; its frame is
            zero there.
        ego_be: float32 (B, E), physical units, laid out as `task.ego`; E may be 0.
        label: float32 (B, *task.label_shape), physical units; divide by `task.scale` before
            `task.loss_per_sample`.
        index: int64 (B,), the samples' numbers in their `SampleSet`.
    """

    frames: dict[Modality, Tensor]
    present: dict[Modality, Tensor]
    ego_be: Tensor
    label: Tensor
    index: Tensor

    @property
    def size(self) -> int:
        """The number of samples."""
        return int(self.index.shape[0])

    def to(self, device: torch.device | str) -> Batch:
        """The same samples on `device`; the copy overlaps with computation where the batch is
        pinned.
        """
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The same samples in page-locked memory (needs a CUDA device)."""
        return self._map(lambda tensor: tensor.pin_memory())

    def _map(self, function: Callable[[Tensor], Tensor]) -> Batch:
        return Batch(
            frames={modality: function(tensor) for modality, tensor in self.frames.items()},
            present={modality: function(tensor) for modality, tensor in self.present.items()},
            ego_be=function(self.ego_be),
            label=function(self.label),
            index=function(self.index),
        )
