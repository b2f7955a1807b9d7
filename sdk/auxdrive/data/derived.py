"""Modalities that are computed from recorded ones: edge and frequency from RGB, attention from
segmentation (AML, section 4.1).

All scales are fixed, so the values of a frame depend on that frame alone. Legend: N frames, H rows,
W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.errors import DataError, InputError, UsageError
from auxdrive.modalities import ATTENTION_CLASSES, MODALITIES, SEGMENTATION_CLASSES, Modality
from auxdrive.storage.arrays import NpyStream
from auxdrive.storage.publish import partial_of, published_file
from auxdrive.types import AnyArray, UInt8

# of frames are computed at a time, which bounds the memory at any resolution
_CHUNK_BYTES = 8 << 20


def luma(images_rgb: UInt8) -> NDArray[np.int32]:
    """Luma (brightness) of BT.601, rounded to whole numbers 0..255: (..., H, W, 3) uint8 to
    (..., H, W). It is computed in integers, so that every machine gets the same.
    """
    wide = images_rgb.astype(np.int32)
    return (299 * wide[..., 0] + 587 * wide[..., 1] + 114 * wide[..., 2] + 500) // 1000


def edge(images_rgb: UInt8) -> UInt8:
    """Edges: a quarter of the Sobel magnitude of the luma, (..., H, W, 3) to uint8 (..., H, W).

    The 3x3 kernels are (1, 2, 1) x (-1, 0, 1), with the border repeated. A step of 255 grey levels
    along an axis has the magnitude 1020 and is stored as 255. Corners can be steeper and are cut
    at 255.
    """
    grey = luma(images_rgb)
    padded = np.pad(grey, [(0, 0)] * (grey.ndim - 2) + [(1, 1), (1, 1)], mode="edge")
    smooth_rows = padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]
    smooth_columns = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    across = smooth_rows[..., 2:] - smooth_rows[..., :-2]
    down = smooth_columns[..., 2:, :] - smooth_columns[..., :-2, :]
    quarter = np.sqrt((across * across + down * down).astype(np.float64)) / 4
    stored: UInt8 = np.minimum(np.rint(quarter), 255).astype(np.uint8)
    return stored


def frequency(images_rgb: UInt8) -> UInt8:
    """Log magnitude of the centred two-dimensional spectrum of the luma, (..., H, W, 3) to uint8
    (..., H, W).

    The stored value is 255 log(1 + |F|) / log(1 + 255 H W), where 255 H W is the largest possible
    magnitude, that of a white image. Frequency zero stands in row H // 2 and column W // 2.
    """
    grey = luma(images_rgb).astype(np.float64)
    height, width = grey.shape[-2:]
    magnitude = np.abs(np.fft.fftshift(np.fft.fft2(grey), axes=(-2, -1)))
    stored: UInt8 = np.rint(255 * np.log1p(magnitude) / np.log1p(255.0 * height * width)).astype(
        np.uint8
    )
    return stored


_ATTENTION_OF_CLASS = np.array(
    [255 if name in ATTENTION_CLASSES else 0 for name in SEGMENTATION_CLASSES], np.uint8
)


def attention(class_ids: UInt8) -> UInt8:
    """What a driver has to look at: 255 where the class is one of `ATTENTION_CLASSES`, else 0.
    (..., H, W) to uint8 (..., H, W).

    Raises:
        InputError: a class id beyond `SEGMENTATION_CLASSES`.
    """
    if class_ids.size and int(class_ids.max()) >= len(_ATTENTION_OF_CLASS):
        raise InputError(
            f"segmentation holds the class id {class_ids.max()}; auxdrive's end at "
            f"{len(_ATTENTION_OF_CLASS) - 1}"
        )
    return _ATTENTION_OF_CLASS[class_ids]


DERIVATIONS: dict[Modality, Callable[[UInt8], UInt8]] = {
    Modality.EDGE: edge,
    Modality.FREQUENCY: frequency,
    Modality.ATTENTION: attention,
}


def derive(modality: Modality, source: AnyArray) -> UInt8:
    """Compute frames of a derived modality.

    Args:
        modality: to compute.
        source: one frame, or a batch (N, ...), of the modality from which it is derived
            (`MODALITIES[modality].derived_from`), in the stored format.

    Returns:
        One frame or a batch, like the source.

    Raises:
        UsageError: the modality is recorded and not derived.
        InputError: the source has another shape or dtype.
    """
    if modality not in DERIVATIONS:
        raise UsageError(
            f"{modality} is recorded, it cannot be derived; derived are: {', '.join(DERIVATIONS)}"
        )
    origin = MODALITIES[modality].derived_from
    assert origin is not None  # a test compares DERIVATIONS with MODALITIES
    array = np.asarray(source)
    wrong = MODALITIES[origin].check_frame(_frame_shape(origin, array), array.dtype)
    if wrong is not None:
        raise InputError(wrong)
    return DERIVATIONS[modality](array)


def _rank(modality: Modality) -> int:
    return 2 if MODALITIES[modality].channels == 1 else 3


def _frame_shape(modality: Modality, array: AnyArray) -> tuple[int, ...]:
    """The shape of one frame, whether the array is a frame or a batch of them."""
    return array.shape[1:] if array.ndim == _rank(modality) + 1 else array.shape


def ensure_derived(
    dataset: Dataset,
    modalities: Iterable[Modality],
    episodes: Iterable[str] | None = None,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Compute the derived modalities that episodes lack, write them as
    `episodes/<id>/<modality>.npy`, and add them to the card.

    Episodes that lack what a modality is derived from are left out; `dataset.missing` says
    afterwards which still lack it.

    Args:
        dataset: that holds the episodes. Its `card` is replaced, or those of its parts.
        modalities: that episodes should have; recorded ones among them are ignored.
        episodes: ids of the episodes; all by default.
        progress: called with the number of frames that were just done.

    Returns:
        How many files were written.

    Raises:
        DataError: an episode is damaged, or the disk refuses; what was complete stays, nothing
            incomplete is left.
    """
    wanted = [modality for modality in modalities if modality in DERIVATIONS]
    written = 0
    for episode_id in dataset.episode_ids if episodes is None else episodes:
        episode = dataset.episode(episode_id)
        for modality in wanted:
            origin = MODALITIES[modality].derived_from
            if not episode.has(modality) and origin is not None and episode.has(origin):
                _write_derived(episode, modality, episode.frames(origin), progress)
                written += 1
    for part in dataset.parts if written else ():
        new = tuple(
            m for m in wanted if m not in part.card.modalities and len(part.missing(m)) < len(part)
        )
        if new:
            part.card = part.card.model_copy(update={"modalities": (*part.card.modalities, *new)})
            write_card(part.path, part.card)
    return written


def _write_derived(
    episode: EpisodeReader,
    modality: Modality,
    source: np.memmap[Any, Any],
    progress: Callable[[int], object] | None,
) -> None:
    final = episode.path / f"{modality}.npy"
    partial = partial_of(final)
    chunk = max(1, _CHUNK_BYTES // source[0].nbytes)
    try:
        partial.unlink(missing_ok=True)  # left by a killed process with our id
        with published_file(final, partial):
            _stream_derived(partial, modality, source, chunk, progress)
        episode.look_again()
    except OSError as error:
        raise DataError(
            f"cannot write {final}: {error.strerror or error}; nothing incomplete was left"
        ) from error


def _stream_derived(
    path: Path,
    modality: Modality,
    source: np.memmap[Any, Any],
    chunk: int,
    progress: Callable[[int], object] | None,
) -> None:
    stream = NpyStream(path, source.shape[1:3], MODALITIES[modality].numpy_dtype)
    try:
        for start in range(0, len(source), chunk):
            for frame in derive(modality, source[start : start + chunk]):
                stream.append(frame)
            if progress is not None:
                progress(min(chunk, len(source) - start))
        stream.finish(len(source))
    finally:
        stream.abandon()
