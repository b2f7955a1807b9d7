"""Faults of a camera that an export tries on recorded frames, to say which of them the
out-of-distribution score notices.

Legend: N frames, F images that are seen at once, H, W rows and columns of the camera.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from auxdrive.data.image_files import resize
from auxdrive.types import UInt8
from PIL import Image

NOISE_STD = 25.0
"""Of the noise, in steps of 8 bits."""
TURN_DEG = 10.0
Fault = Callable[[UInt8, int], UInt8]
"""From an image (H, W, 3) and a seed to the image with the fault."""


def _black(image: UInt8, seed: int) -> UInt8:  # noqa: ARG001 (one signature for every fault)
    return np.zeros_like(image)


def _grey(image: UInt8, seed: int) -> UInt8:  # noqa: ARG001
    return np.full_like(image, 128)


def _covered(image: UInt8, seed: int) -> UInt8:  # noqa: ARG001
    """A dark patch, half as high and a third as wide as the image, in its middle."""
    height, width = image.shape[:2]
    changed = image.copy()
    changed[height // 4 : height * 3 // 4, width // 3 : width * 2 // 3] = 40
    return changed


def _dark(image: UInt8, seed: int) -> UInt8:  # noqa: ARG001
    return (image // 6).astype(np.uint8)


def _hazy(image: UInt8, seed: int) -> UInt8:  # noqa: ARG001
    return (image * 0.3 + 160 * 0.7).astype(np.uint8)


def _turned(image: UInt8, seed: int) -> UInt8:  # noqa: ARG001
    turned = Image.fromarray(image).rotate(TURN_DEG, Image.Resampling.BILINEAR)
    return np.asarray(turned, np.uint8)


def _aside(image: UInt8, seed: int) -> UInt8:  # noqa: ARG001
    """Moved to the right by an eighth of the width; the edge is repeated."""
    columns = np.maximum(np.arange(image.shape[1]) - image.shape[1] // 8, 0)
    return image[:, columns]


def _narrow(image: UInt8, seed: int) -> UInt8:  # noqa: ARG001
    """The middle two thirds of rows and columns, as by a longer lens."""
    height, width = image.shape[:2]
    middle = image[height // 6 : height - height // 6, width // 6 : width - width // 6]
    return resize(np.ascontiguousarray(middle), height, width)


def _noisy(image: UInt8, seed: int) -> UInt8:
    noise = np.random.default_rng(seed).normal(0, NOISE_STD, image.shape)
    return (image + noise).clip(0, 255).astype(np.uint8)


def _blurred(image: UInt8, seed: int) -> UInt8:  # noqa: ARG001
    """Out of focus: a sixteenth of the detail in each direction is left."""
    height, width = image.shape[:2]
    few = resize(image, max(height // 4, 1), max(width // 4, 1))
    return resize(few, height, width)


FAULTS: Mapping[str, Fault] = {
    "black": _black, "grey": _grey, "covered": _covered, "dark": _dark, "hazy": _hazy,
    "turned by 10 degrees": _turned, "moved aside": _aside, "narrower view": _narrow,
    "noise": _noisy, "out of focus": _blurred,
}  # fmt: skip


def faulty(name: str, images: UInt8) -> UInt8:
    """Images with a fault, each with noise of its own; the same ones each time.

    Args:
        name: of the fault, in `FAULTS`.
        images: uint8 (N, H, W, 3), or (N, F, H, W, 3), which all have the fault.
    """
    if images.ndim == 5:
        return faulty(name, images.reshape(-1, *images.shape[2:])).reshape(images.shape)
    fault = FAULTS[name]
    return np.stack([fault(image, seed) for seed, image in enumerate(images)])
