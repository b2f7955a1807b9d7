"""Stored frames as images for people, and these as files: whatever shows a frame, on a page, in a
film strip or in a bundle, has it from here.

Legend: H, W rows and columns.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from auxdrive.errors import InputError
from auxdrive.modalities import MODALITIES, SEGMENTATION_CLASSES, Modality
from auxdrive.types import AnyArray, Float64, UInt8

CLASS_COLOURS: tuple[tuple[int, int, int], ...] = (
    (90, 90, 90), (128, 64, 128), (235, 235, 235), (244, 35, 232), (110, 80, 70), (107, 142, 35),
    (30, 60, 200), (220, 20, 60), (250, 170, 30), (230, 230, 0), (170, 170, 170), (152, 251, 152),
    (110, 170, 220),
)  # fmt: skip
"""One colour for each of `SEGMENTATION_CLASSES`, near those of Cityscapes."""
LIDAR_BELOW, LIDAR_ABOVE = (70, 130, 230), (255, 150, 40)
DEPTH_NEAR_M, DEPTH_FAR_M = 1.0, 100.0
# Dark blue over green to yellow, evenly spaced in lightness (anchors of matplotlib's viridis).
_RAMP = np.array(
    [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], dtype=np.float64
)


def ramp(share: Float64) -> UInt8:
    """Colours for numbers in 0..1, (...) to (..., 3)."""
    position = np.clip(share, 0.0, 1.0) * (len(_RAMP) - 1)
    anchors = np.arange(len(_RAMP))
    colours: UInt8 = np.stack(
        [np.interp(position, anchors, _RAMP[:, channel]) for channel in range(3)], axis=-1
    ).astype(np.uint8)
    return colours


def paint(modality: Modality, frame: AnyArray) -> UInt8:
    """One stored frame as uint8 RGB (H, W, 3).

    Raises:
        InputError: the frame is not of that modality.
    """
    wrong = MODALITIES[modality].check_frame(frame.shape, frame.dtype)
    if wrong is not None:
        raise InputError(wrong)
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


def _css(colour: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)


RAMP_CSS = tuple(_css((int(r), int(g), int(b))) for r, g, b in _RAMP)
"""The ramp's colours from low to high, for drawings and style sheets."""


def legend(modality: Modality) -> list[tuple[str, str]]:
    """(CSS colour or gradient, what it means)."""
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
            (_css(colour), name.replace("_", " "))
            for colour, name in zip(CLASS_COLOURS, SEGMENTATION_CLASSES, strict=True)
        ]
    if modality is Modality.LIDAR:
        return [
            (_css(LIDAR_BELOW), "points up to 0.3 m above the ground"),
            (_css(LIDAR_ABOVE), "points above; ahead is up, 32 m by 32 m"),
        ]
    if modality is Modality.FREQUENCY:
        return [
            (
                f"linear-gradient(to right, {gradient})",
                "log magnitude, frequency zero in the middle",
            )
        ]
    if modality is Modality.ATTENTION:
        return [("#ffffff", "what a driver has to look at")]
    if modality is Modality.EDGE:
        return [("linear-gradient(to right, #000000, #ffffff)", "Sobel magnitude of the luma")]
    return []


def png(image: UInt8, longest: int | None = None) -> bytes:
    """An image (H, W, 3) as a PNG file.

    Args:
        image: the image.
        longest: a longer image is made smaller, until its longer side has so many pixels.
    """
    shown = Image.fromarray(image)
    if longest is not None and max(shown.size) > longest:
        shown.thumbnail((longest, longest))
    buffer = io.BytesIO()
    shown.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def jpeg(image: UInt8, quality: int) -> bytes:
    """An image (H, W, 3) as a JPEG file.

    Args:
        image: the image.
        quality: 0 to 95.
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def data_uri(data: bytes, mime: str) -> str:
    """A file as an address that holds all of it, for pages that load nothing."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def side_by_side(images: UInt8, width: int, gap: int, below: int) -> Image.Image:
    """Images (N, H, W, 3) in one row on white, for more to be drawn on.

    Args:
        images: the images.
        width: of each one's column, pixels.
        gap: how much of that stays white on the right.
        below: height of the white band below them, pixels.
    """
    height = max(1, round(width * images.shape[1] / images.shape[2]))
    row = Image.new("RGB", (width * len(images), height + below), "white")
    for place, image in enumerate(images):
        small = Image.fromarray(image).resize((width - gap, height), Image.Resampling.BOX)
        row.paste(small, (place * width, 0))
    return row
