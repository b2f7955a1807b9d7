"""Reads images from files and folders. Needs Pillow, which the commands bring; the rest of the
library works without it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from auxdrive.errors import DataError, UsageError
from auxdrive.storage.reading import (
    check_regular,
    entries,
    exists,
    is_file,
    is_folder,
    open_regular,
)
from auxdrive.types import UInt8, UInt16

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".ppm", ".tif", ".tiff")
VIDEO_SUFFIXES = (
    ".mp4",
    ".avi",
    ".mov",
    ".mkv",
    ".webm",
    ".m4v",
    ".mpg",
    ".mpeg",
    ".wmv",
    ".h264",
    ".hevc",
)
# The formats whose frames follow each other in time. In others (MPO, TIFF) frames are views or
# pages, and the first one is the image.
_ANIMATED_FORMATS = ("GIF", "WEBP")
# Images of 16 bits or floats are refused: to convert them to 8 bits their range would have to be
# guessed.
_EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")

_ON_ITS_SIDE = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_SIXTEEN_BIT_MODES = (
    "I;16",
    "I;16L",
    "I;16B",
    "I",
)  # the last is the mode that Pillow gives to some PNGs of 16 bits


@dataclass(frozen=True, slots=True)
class ImageFrame:
    """One frame of a file.

    Attributes:
        path: the file.
        frame: its index in the file.
        image: uint8 RGB (H, W, 3).
        time_s: seconds after the file's first frame; None where the file does not say.
    """

    path: Path
    frame: int
    image: UInt8
    time_s: float | None = None


def find_images(paths: Sequence[Path]) -> list[Path]:
    """Find the images that paths name: files (videos too) count themselves, folders stand for the
    images in them, sorted by name.

    Sub-folders are not searched. Hidden files in a folder are left out: macOS leaves a "._" file
    beside each file on disks of other systems.

    Raises:
        UsageError: a path does not exist, or a folder holds no images.
    """
    found: list[Path] = []
    for path in paths:
        if is_folder(path):
            inside = [
                entry
                for entry in entries(path)
                if entry.suffix.lower() in IMAGE_SUFFIXES
                and not entry.name.startswith(".")
                and is_file(entry)
            ]
            if not inside:
                raise UsageError(f"{path}: holds no images ({', '.join(IMAGE_SUFFIXES)})")
            found.extend(inside)
        elif not exists(path):
            raise UsageError(f"{path}: no such file or folder")
        else:
            found.append(path)
    return found


def is_video(path: Path) -> bool:
    """Whether a file is a video that `auxdrive.data.video_files` reads, judged by its name."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def read_images(path: Path) -> Iterator[ImageFrame]:
    """The frames of an image file: all of an animated GIF or WebP, otherwise the first. They are
    turned upright as the EXIF orientation says.

    Raises:
        DataError: it is no image, damaged, larger than Pillow considers safe, or not of 8 bits per
            channel.
    """
    with open_regular(path) as file, _opened(path, file) as source:
        with reading(f"{path}"):
            frames = (
                int(getattr(source, "n_frames", 1)) if source.format in _ANIMATED_FORMATS else 1
            )
        for index in range(frames):
            with reading(f"{path}, frame {index}" if frames > 1 else f"{path}"):
                image = _decode(source, index, animated=frames > 1)
            yield ImageFrame(path, index, image)


def _opened(path: Path, file: BinaryIO) -> Image.Image:
    with reading(f"{path}"):
        return Image.open(file)


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn whatever a decoder raises for a damaged file into a DataError. Pillow's decoders raise
    errors of many kinds.

    Args:
        where: names the file in the message.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # about tags that Pillow does not understand; it reads the images all the same
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except UnidentifiedImageError as error:
        raise DataError(
            f"{where}: not a readable image: it is empty, cut off, or of no format that Pillow "
            "knows"
        ) from error
    except Exception as error:
        raise DataError(f"{where}: not a readable image: {error}") from error


def _decode(source: Image.Image, index: int, animated: bool) -> UInt8:
    if animated:
        source.seek(index)
    if source.mode not in _EIGHT_BIT_MODES or _is_deep(source):
        raise DataError(f"mode {source.mode}; only 8 bits per channel are read, convert it first")
    upright = source if animated else ImageOps.exif_transpose(source)
    if "transparency" in upright.info:
        upright = upright.convert("RGBA")
    return np.asarray(upright.convert("RGB"))


def _is_deep(source: Image.Image) -> bool:
    """Whether the file has more than 8 bits per channel. For colour images Pillow's mode does not
    show that, since it drops the lower bits.
    """
    for tile in source.tile if isinstance(source, ImageFile.ImageFile) else ():
        arguments = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        if any(";16" in argument for argument in arguments if isinstance(argument, str)):
            return True
        if tile.codec_name.startswith("ppm") and any(
            maximum > 255 for maximum in arguments if isinstance(maximum, int)
        ):
            return True
    return False


def read_image_size(path: Path) -> tuple[int, int]:
    """The size of an upright image, as `read_images` would give it, from the file's header.

    Returns:
        Width and height in pixels.

    Raises:
        DataError: it is no image.
    """
    check_regular(path)
    with reading(f"{path}"), Image.open(path) as source:
        width, height = source.size
        return (
            (height, width)
            if source.getexif().get(ExifTags.Base.Orientation) in _ON_ITS_SIDE
            else (width, height)
        )


def grey16_size(path: Path) -> tuple[int, int]:
    """The size of an image of 16 bits and one channel, from the file's header.

    Returns:
        Width and height in pixels.

    Raises:
        DataError: it is no such image.
    """
    with _grey16(path) as source:
        return source.size


def read_grey16(path: Path) -> UInt16:
    """An image of 16 bits and one channel, such as depth cameras give, as uint16 (H, W).

    Raises:
        DataError: it is no such image, or damaged.
    """
    with _grey16(path) as source, reading(f"{path}"):
        values = np.asarray(source)
        if values.ndim != 2 or (
            values.size and not 0 <= int(values.min()) <= int(values.max()) <= 65535
        ):
            raise DataError("its values are not of 16 bits")
        return values.astype(np.uint16)


@contextmanager
def _grey16(path: Path) -> Iterator[Image.Image]:
    check_regular(path)
    with reading(f"{path}"):
        source = Image.open(path)
    with source:
        if source.mode not in _SIXTEEN_BIT_MODES:
            raise DataError(
                f"{path}: an image of mode {source.mode}, not of 16 bits and one channel"
            )
        yield source


def resize(image: UInt8, height: int, width: int) -> UInt8:
    """Scale an image with Pillow's bilinear filter, which avoids aliasing.

    Args:
        image: uint8 (h, w, 3).
        height: of the result.
        width: of the result.

    Returns:
        uint8 (height, width, 3).
    """
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
