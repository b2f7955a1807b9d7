"""Modalities: the kinds of data that a recording can hold (RGB, depth, LiDAR, ...), and how each is
stored (after AML, section 4.1).

One frame is an array of height x width (x channels), stored as it was recorded; or, of a vector, a
row of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import numpy as np
from numpy.typing import DTypeLike

from auxdrive.errors import UsageError, unknown_name
from auxdrive.types import UInt8

VECTOR_PREFIX = "vector_"
_VECTOR = re.compile(VECTOR_PREFIX + r"[a-z0-9_]{1,40}")


class Modality(StrEnum):
    """The modalities that a recording can hold. The value is the name of the file (`rgb.npy`).

    Beside those with a name of their own, every name of the form `vector_<name>` is one: a row of
    numbers for each frame, such as the readings of an inertial sensor.

    Examples:
        >>> from auxdrive import Modality
        >>> Modality("depth") is Modality.DEPTH
        True
        >>> Modality("vector_imu").is_vector
        True
    """

    RGB = "rgb"
    DEPTH = "depth"
    LIDAR = "lidar"
    SEGMENTATION = "segmentation"
    ATTENTION = "attention"
    EDGE = "edge"
    FREQUENCY = "frequency"
    INFRARED = "infrared"

    @classmethod
    def _missing_(cls, value: object) -> Modality | None:
        """The modality of a vector, the same object whenever it is asked for."""
        if not isinstance(value, str) or not _VECTOR.fullmatch(value):
            return None
        made = str.__new__(cls, value)
        made._name_, made._value_ = value.upper(), value
        # one for all: modalities are compared by identity
        return cast(Modality, cls._value2member_map_.setdefault(value, made))

    @property
    def is_vector(self) -> bool:
        """Whether a frame of it is a row of numbers, and no image."""
        return self.value.startswith(VECTOR_PREFIX)


@dataclass(frozen=True, slots=True)
class ModalitySpec:
    """How a modality is stored and what it means.

    Attributes:
        modality: which one.
        kind: its type in AML, section 4.1: 1 is sensed, 2 shows the same information in another
            space, 3 is a compact concept.
        channels: one channel is stored without a channel axis (H, W), several as (H, W, C); 0 of a
            vector, whose length the data set's card says, stored as (D,).
        dtype: of the stored numbers.
        unit: of a stored number times `scale`.
        scale: turns a stored number into `unit`.
        categories: how many classes there are where the numbers are class ids
            (`SEGMENTATION_CLASSES`); 0 where they are quantities.
        derived_from: the modality from which it is computed (`auxdrive.data.derived`); None where
            it is recorded.
        camera_aligned: whether its pixel (v, u) shows what the RGB camera's pixel (v, u) shows, so
            that the camera's crop applies to it.
        mirror: what happens to a frame when the scene is mirrored left to right: "flip" reverses
            the columns, "spectrum" the horizontal frequencies of a centred spectrum; empty where
            nobody can tell.

    Examples:
        >>> import numpy as np
        >>> from auxdrive import MODALITIES, Modality
        >>> depth = MODALITIES[Modality.DEPTH]
        >>> stored = np.full(depth.array_shape(2, 3), 1250, depth.numpy_dtype)
        >>> float(stored[0, 0] * depth.scale), depth.unit
        (12.5, 'm')
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
        """The dtype of the stored numbers."""
        return np.dtype(self.dtype)

    def array_shape(self, height: int, width: int) -> tuple[int, ...]:
        """The shape of one stored frame of an image, (H, W) or (H, W, C).

        Args:
            height: in pixels.
            width: in pixels.
        """
        return (height, width) if self.channels == 1 else (height, width, self.channels)

    def check_frame(self, shape: tuple[int, ...], dtype: DTypeLike) -> str | None:
        """Check whether an array can be a stored frame of this modality.

        Args:
            shape: of the array.
            dtype: of the array.

        Returns:
            Why it cannot, as a sentence; None if it can.
        """
        rank = 1 if self.channels == 0 else 2 if self.channels == 1 else 3
        if len(shape) != rank or (rank == 3 and shape[2] != self.channels):
            want = ("(length,)", "(height, width)", f"(height, width, {self.channels})")[rank - 1]
            return f"{self.modality} frames have the shape {want}, got {shape}"
        if np.dtype(dtype) != self.numpy_dtype:
            return f"{self.modality} frames are {self.dtype}, got {np.dtype(dtype)}"
        return None


FIRST_CLASSES: tuple[str, ...] = (
    "other", "road", "lane_marking", "sidewalk", "building", "vegetation", "vehicle",
    "pedestrian", "traffic_light", "traffic_sign", "pole", "terrain", "sky",
)  # fmt: skip
"""The classes of data sets whose cards name none: those that every source has."""
CLASS_WITHIN = {
    "red_light": "traffic_light",
    "yellow_light": "traffic_light",
    "green_light": "traffic_light",
    "stop_line": "lane_marking",
    "stop_sign": "traffic_sign",
}
"""The classes that tell when to stop, each with the first class of which it is a part."""
SEGMENTATION_CLASSES: tuple[str, ...] = (*FIRST_CLASSES, *CLASS_WITHIN)
"""The segmentation classes of auxdrive. Sources map their own classes onto them; the id of a class
is its place here. The lit lamps of a traffic light make its front `red_light`, `yellow_light` or
`green_light`; seen from the side, from behind, or unlit, it is `traffic_light`.
"""
# What a driver has to look at: attention images are 255 on these classes (AML 4.1, type 3).
ATTENTION_CLASSES: tuple[str, ...] = (
    "road",
    "lane_marking",
    "vehicle",
    "pedestrian",
    "traffic_light",
    "traffic_sign",
    *CLASS_WITHIN,
)

LIDAR_BEV_RANGE_M = 32.0
"""The LiDAR histogram covers x in [0, 32) m ahead (row 0 is farthest) and y in (-16, 16] m (column
0 is leftmost).
"""


class _Modalities(dict[Modality, ModalitySpec]):
    """By modality; those of vectors are made as they are asked for."""

    def __missing__(self, modality: Modality) -> ModalitySpec:
        if not isinstance(modality, Modality) or not modality.is_vector:
            raise KeyError(modality)
        # not kept: the table lists those with a row of their own
        return ModalitySpec(modality, 1, 0, "float32", "", 1.0, camera_aligned=False, mirror="")


MODALITIES: dict[Modality, ModalitySpec] = _Modalities(
    (spec.modality, spec)
    for spec in (
        ModalitySpec(Modality.RGB, 1, 3, "uint8", "intensity", 1 / 255),
        ModalitySpec(Modality.DEPTH, 1, 1, "uint16", "m", 0.01),
        # Two channels, the points near the ground and those above: how many lie in each cell, up to
        # a cap, scaled to 0..255 (TransFuser).
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
)  # fmt: skip


def known_classes(classes: Sequence[str]) -> tuple[str, ...]:
    """The classes that a data set's ids mean.

    Args:
        classes: their names by id, as its card has them; empty for `FIRST_CLASSES`.

    Raises:
        ValueError: they are neither `FIRST_CLASSES` nor `SEGMENTATION_CLASSES`.
    """
    named = tuple(classes) or FIRST_CLASSES
    if named not in (FIRST_CLASSES, SEGMENTATION_CLASSES):
        raise ValueError(
            f"the segmentation classes are, in this order, {', '.join(SEGMENTATION_CLASSES)} (or "
            f"the first {len(FIRST_CLASSES)} of these), not {', '.join(named)}"
        )
    return named


def classes_of(modalities: Collection[Modality]) -> tuple[str, ...]:
    """The classes that the card of new recordings names: none without segmentation."""
    return SEGMENTATION_CLASSES if Modality.SEGMENTATION in modalities else ()


def coarse_ids(count: int) -> UInt8:
    """For the id of each segmentation class, that of the class that holds it among the first
    `count` classes.

    Args:
        count: how many classes there are to choose from, at least those of `FIRST_CLASSES`.

    Returns:
        uint8 (len(SEGMENTATION_CLASSES),). With it, images of all classes become, pixel by pixel,
        those of the fewer classes.
    """
    ids = range(len(SEGMENTATION_CLASSES))
    within = [SEGMENTATION_CLASSES.index(CLASS_WITHIN.get(n, n)) for n in SEGMENTATION_CLASSES]
    return np.array([i if i < count else within[i] for i in ids], np.uint8)


def vectors_among(names: Iterable[str]) -> tuple[Modality, ...]:
    """The vectors among names, each once, in the order of the alphabet."""
    return tuple(Modality(name) for name in sorted(set(names)) if _VECTOR.fullmatch(name))


def parse_modality(name: str) -> Modality:
    """The modality of that name.

    Raises:
        UsageError: no such modality; the message names the nearest.
    """
    try:
        return Modality(name.strip().lower())
    except ValueError:
        known = [*(m.value for m in Modality), f"{VECTOR_PREFIX}<name>"]
        raise UsageError(unknown_name("modality", name, known)) from None
