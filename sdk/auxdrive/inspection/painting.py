"""Turns stored frames of any modality into images for people, and images into files. Pages, film
strips and bundles all use it.

Legend: H, W rows and columns.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from auxdrive.errors import InputError
from auxdrive.inspection.palette import (
    CLASS_COLOURS,
    LIDAR_ABOVE,
    LIDAR_BELOW,
    RAMP_CSS,
    css,
    ramp,
)
from auxdrive.modalities import MODALITIES, SEGMENTATION_CLASSES, Modality
from auxdrive.types import AnyArray, UInt8

DEPTH_NEAR_M, DEPTH_FAR_M = 1.0, 100.0
STRIPE_ROWS = 16


def paint(modality: Modality, frame: AnyArray) -> UInt8:
    """A stored frame as an image.

    Args:
        modality: of the frame.
        frame: in its stored format, (H, W) or (H, W, C); or (D,) of a vector.

    Returns:
        uint8 RGB (H, W, 3); of a vector a stripe of D columns, from its least number to its
        largest.

    Raises:
        InputError: the frame is not of that modality.
    """
    wrong = MODALITIES[modality].check_frame(frame.shape, frame.dtype)
    if wrong is not None:
        raise InputError(wrong)
    if modality.is_vector:
        low, high = (float(end) for end in (np.min(frame), np.max(frame)))
        stripe = ramp((frame - low) / max(high - low, 1e-12))
        return np.repeat(stripe[None], STRIPE_ROWS, axis=0)
    if modality is Modality.RGB:
        return np.asarray(frame)
    if modality is Modality.DEPTH:
        depth_m = np.maximum(frame * MODALITIES[modality].scale, DEPTH_NEAR_M)
        near = 1 - np.log(depth_m / DEPTH_NEAR_M) / np.log(DEPTH_FAR_M / DEPTH_NEAR_M)
        return np.where((frame == np.iinfo(np.uint16).max)[..., None], np.uint8(0), ramp(near))
    if modality is Modality.SEGMENTATION:
        palette = np.array(CLASS_COLOURS, np.uint8)
        known = frame < len(palette)
        return np.where(
            known[..., None], palette[np.where(known, frame, 0)], np.array((255, 0, 255), np.uint8)
        )
    if modality is Modality.LIDAR:
        mixed = frame[..., :1] / 255.0 * LIDAR_BELOW + frame[..., 1:] / 255.0 * LIDAR_ABOVE
        colours: UInt8 = np.minimum(mixed, 255).astype(np.uint8)
        return colours
    if modality is Modality.FREQUENCY:
        return ramp(frame / 255.0)
    return np.repeat(frame[..., None], 3, axis=-1)


def legend(modality: Modality) -> list[tuple[str, str]]:
    """The colours in the images of a modality: CSS colours or gradients, each with its meaning."""
    gradient = ", ".join(RAMP_CSS)
    if modality is Modality.DEPTH:
        return [
            (
                f"linear-gradient(to right, {gradient})",
                f"{DEPTH_FAR_M:g} m to {DEPTH_NEAR_M:g} m, logarithmic",
            ),
            ("#000000", "sky, or beyond 655 m"),
        ]
    if modality is Modality.SEGMENTATION:
        return [
            (css(colour), name.replace("_", " "))
            for colour, name in zip(CLASS_COLOURS, SEGMENTATION_CLASSES, strict=True)
        ]
    if modality is Modality.LIDAR:
        return [
            (css(LIDAR_BELOW), "points up to 0.3 m above the ground"),
            (css(LIDAR_ABOVE), "points above; ahead is up, 32 m by 32 m"),
        ]
    if modality.is_vector:
        return [(f"linear-gradient(to right, {gradient})", "from its least number to its largest")]
    if modality is Modality.FREQUENCY:
        return [
            (
                f"linear-gradient(to right, {gradient})",
                "log magnitude, frequency zero in the middle",
            )
        ]
    if modality is Modality.ATTENTION:
        return [("#ffffff", "what a driver has to look at")]
    if modality is Modality.INFRARED:
        return [("linear-gradient(to right, #000000, #ffffff)", "cold to warm")]
    if modality is Modality.EDGE:
        return [("linear-gradient(to right, #000000, #ffffff)", "Sobel magnitude of the luma")]
    return []


def png(image: UInt8, longest: int | None = None) -> bytes:
    """An image as the bytes of a PNG file.

    Args:
        image: uint8 (H, W, 3).
        longest: the most pixels of the longer side; a larger image is scaled down. None for any.
    """
    buffer = io.BytesIO()
    _shrunk(image, longest).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def jpeg(image: UInt8, quality: int, longest: int | None = None) -> bytes:
    """An image as the bytes of a JPEG file.

    Args:
        image: uint8 (H, W, 3).
        quality: 0 to 95.
        longest: as for `png`.
    """
    buffer = io.BytesIO()
    _shrunk(image, longest).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _shrunk(image: UInt8, longest: int | None) -> Image.Image:
    shown = Image.fromarray(image)
    if longest is not None and max(shown.size) > longest:
        shown.thumbnail((longest, longest))
    return shown


def data_uri(data: bytes, mime: str) -> str:
    """The content of a file as a data URI, for pages that load nothing.

    Args:
        data: the content.
        mime: its type, such as "image/png".
    """
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
