"""Modalities: what a sensor or a computation contributes, and how it is stored (AML, section 4.1).

Arrays are stored as recorded, height x width (x channels); `scale` turns a stored number into
`unit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import DTypeLike

from auxdrive.errors import UsageError, unknown_name


class Modality(StrEnum):
    """The modalities that a recording can hold; the string is the file's stem (`rgb.npy`)."""

    RGB = "rgb"
    DEPTH = "depth"
    LIDAR = "lidar"
    SEGMENTATION = "segmentation"
    ATTENTION = "attention"
    EDGE = "edge"
    FREQUENCY = "frequency"
    INFRARED = "infrared"


@dataclass(frozen=True, slots=True)
class ModalitySpec:
    """How a modality is stored and what it means.

    kind: 1 sensed, 2 the same information in another space, 3 compact concept (AML 4.1). channels:
    1 is stored without a channel axis (H, W); more as (H, W, C). scale: stored value x scale =
    value in `unit`. categories: number of class ids, 0 for a quantity. derived_from: the modality
    that it is computed from (`auxdrive.data.derived`), None when it is recorded. camera_aligned:
    pixel (v, u) is the RGB camera's pixel (v, u), so the camera's crop applies to it. mirror: how a
    left-right mirror of the scene acts: "flip" reverses the columns, "spectrum" reverses the
    horizontal frequencies of a centred spectrum.
    """

    modality: Modality
    kind: int
    channels: int
    dtype: str
    unit: str
    scale: float
    categories: int = 0
    derived_from: Modality | None = None
    camera_aligned: bool = True
    mirror: str = "flip"

    @property
    def numpy_dtype(self) -> np.dtype[np.generic]:
        """The dtype on disk."""
        return np.dtype(self.dtype)

    def array_shape(self, height: int, width: int) -> tuple[int, ...]:
        """Shape of one stored frame of height x width pixels."""
        return (height, width) if self.channels == 1 else (height, width, self.channels)

    def check_frame(self, shape: tuple[int, ...], dtype: DTypeLike) -> str | None:
        """Why a frame of this shape and dtype is not of this modality; None when it is."""
        rank = 2 if self.channels == 1 else 3
        if len(shape) != rank or (rank == 3 and shape[2] != self.channels):
            want = "(height, width)" if rank == 2 else f"(height, width, {self.channels})"
            return f"{self.modality} frames have the shape {want}, got {shape}"
        if np.dtype(dtype) != self.numpy_dtype:
            return f"{self.modality} frames are {self.dtype}, got {np.dtype(dtype)}"
        return None


# Segmentation classes of auxdrive: few, and present in every source; readers map theirs onto these
# ids.
SEGMENTATION_CLASSES: tuple[str, ...] = (
    "other", "road", "lane_marking", "sidewalk", "building", "vegetation", "vehicle",
    "pedestrian", "traffic_light", "traffic_sign", "pole", "terrain", "sky",
)  # fmt: skip
# What a driver has to look at: the attention image is 255 on these classes (AML 4.1, Type 3).
ATTENTION_CLASSES: tuple[str, ...] = (
    "road",
    "lane_marking",
    "vehicle",
    "pedestrian",
    "traffic_light",
    "traffic_sign",
)

LIDAR_BEV_RANGE_M = 32.0
"""The LiDAR histogram covers x in [0, 32) m ahead (row 0 is farthest) and y in (-16, 16] m (column
0 is leftmost).
"""

MODALITIES: dict[Modality, ModalitySpec] = {
    spec.modality: spec
    for spec in (
        ModalitySpec(Modality.RGB, 1, 3, "uint8", "intensity", 1 / 255),
        ModalitySpec(Modality.DEPTH, 1, 1, "uint16", "m", 0.01),
        # Two channels: points below and above the ground split, counted to a cap and scaled to
        # 0..255 (TransFuser).
        ModalitySpec(Modality.LIDAR, 1, 2, "uint8", "density", 1 / 255, camera_aligned=False),
        ModalitySpec(
            Modality.SEGMENTATION, 3, 1, "uint8", "class", 1.0, categories=len(SEGMENTATION_CLASSES)
        ),
        ModalitySpec(
            Modality.ATTENTION, 3, 1, "uint8", "weight", 1 / 255, derived_from=Modality.SEGMENTATION
        ),
        ModalitySpec(Modality.EDGE, 2, 1, "uint8", "intensity", 1 / 255, derived_from=Modality.RGB),
        ModalitySpec(
            Modality.FREQUENCY, 2, 1, "uint8", "log magnitude", 1 / 255,
            derived_from=Modality.RGB, camera_aligned=False, mirror="spectrum",
        ),
        ModalitySpec(Modality.INFRARED, 1, 1, "uint8", "intensity", 1 / 255),
    )
}  # fmt: skip


def parse_modality(name: str) -> Modality:
    """The modality of that name.

    Raises:
        UsageError: no such modality; the message names the nearest.
    """
    try:
        return Modality(name.strip().lower())
    except ValueError:
        raise UsageError(unknown_name("modality", name, [m.value for m in Modality])) from None
