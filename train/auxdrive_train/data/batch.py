"""One batch, in the stored formats of `auxdrive.modalities`.

Legend: B samples, F images of each, H, W image rows and columns, E ego inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from auxdrive.modalities import Modality
from torch import Tensor

CPU_CHUNK = 8
"""How many images a CPU changes at a time: two float32 buffers of this many fit its caches."""


@dataclass(frozen=True)
class Batch:
    """Samples as recorded. Crop, resize and normalisation are part of the network, so that they are
    exported with it.

    Attributes:
        frames: by modality, (B, H, W) or (B, H, W, C) in the stored dtype: uint8, for depth
            `torch.uint16`. torch has few operators for uint16 (no flip, no arithmetic): convert
            with `.to(torch.float32)`, or move bits with `.view(torch.int16)`.
            Of RGB (B, F, H, W, 3) where networks see F images at once (`HistorySpec`), the current
            one first.
        present: by modality, bool (B,): False if the episode lacks the modality; the frame is then
            zero.
        ego_be: float32 (B, E) in physical units, with the columns of `task.ego`; E may be 0.
        label: float32 (B, *task.label_shape) in physical units; divide by `task.scale` for
            `task.loss_per_sample`.
        index: int64 (B,), the samples' numbers in their `SampleSet`.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from auxdrive.data.dataset import Dataset
        >>> from auxdrive.modalities import Modality
        >>> from auxdrive_train import make_task
        >>> from auxdrive_train.data.samples import SampleSet
        >>> dataset = Dataset.open(Path("data"))
        >>> task = make_task("steering", dataset.card)
        >>> samples = SampleSet.open(dataset, dataset.split("train"), task, [Modality.RGB])
        >>> batch = samples.gather(np.array([0, 5]))
        >>> batch.frames[Modality.RGB].shape, batch.label.shape
        (torch.Size([2, 64, 80, 3]), torch.Size([2, 1]))
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
        """The same samples on `device`. From pinned memory, the copy runs while other things are
        computed.
        """
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The same samples in page-locked memory, for faster copies to a GPU (needs CUDA)."""
        return self._map(lambda tensor: tensor.pin_memory())

    def _map(self, function: Callable[[Tensor], Tensor]) -> Batch:
        return Batch(
            frames={modality: function(tensor) for modality, tensor in self.frames.items()},
            present={modality: function(tensor) for modality, tensor in self.present.items()},
            ego_be=function(self.ego_be),
            label=function(self.label),
            index=function(self.index),
        )


def bits_of(frames: Tensor) -> Tensor:
    """The same memory as numbers that torch can move: it has few operators for uint16, and fewer on
    a GPU.

    Args:
        frames: of any modality.
    """
    return frames.view(torch.int16) if frames.dtype == torch.uint16 else frames
