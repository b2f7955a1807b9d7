"""Images from files and folders, for the command line. Needs Pillow, which the library itself
does not.
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
# Formats whose frames follow each other in time; the frames of others (MPO, TIFF) are views or
# pages, and the first is the image.
_ANIMATED_FORMATS = ("GIF", "WEBP")
# 16-bit and float images are no camera images of 8 bits, and converting them would need a guess
# at their range.
_EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")

_ON_ITS_SIDE = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_SIXTEEN_BIT_MODES = (
    "I;16",
    "I;16L",
    "I;16B",
    "I",
)  # the last is what Pillow makes of some PNGs of 16 bits


@dataclass(frozen=True, slots=True)
class ImageFrame:
    """One frame of a file.

    Attributes:
        path: the file.
        frame: its number in the file, from 0.
        image: uint8 RGB (H, W, 3).
        time_s: seconds after the file's first frame, where the file says so.
    """

    path: Path
    frame: int
    image: UInt8
    time_s: float | None = None


def find_images(paths: Sequence[Path]) -> list[Path]:
    """The files that are named, videos too, and the images in the folders that are named (not in
    their sub-folders), sorted by name.

    Hidden files in a folder are no images: macOS leaves a "._" file beside each one on foreign
    disks.

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
    """Whether a file is a video by its name: one that `auxdrive.data.video_files` reads."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def read_images(path: Path) -> Iterator[ImageFrame]:
    """The frames of an image file: all of an animated GIF or WebP, otherwise the first. EXIF
    orientation is applied.

    Raises:
        DataError: not an image, damaged, larger than Pillow takes for safe, or not of 8 bits per
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
    """Whatever a decoder makes of a damaged file becomes a DataError: Pillow's decoders raise what
    their parsers raise.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of tags that Pillow does not understand, in images that it reads
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
    """Whether the file has more than 8 bits per channel where Pillow's mode does not tell: it drops
    the low ones of colour images.
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
    """(width, height) upright, as `read_images` gives it, from an image's header.

    Raises:
        DataError: not an image.
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
    """(width, height) of an image of 16 bits and one channel, from its header.

    Raises:
        DataError: not an image, or another kind of image.
    """
    with _grey16(path) as source:
        return source.size


def read_grey16(path: Path) -> UInt16:
    """An image of 16 bits and one channel, such as depth cameras give, as (H, W).

    Raises:
        DataError: not an image, damaged, or another kind of image.
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
    """An image (h, w, 3) scaled to (height, width, 3), antialiased (Pillow's bilinear filter)."""
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
