"""Depth images of recordings: which records have a usable one, and how it is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from auxdrive.data.image_files import grey16_size, read_grey16, read_image_size
from auxdrive.errors import DataError
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.types import UInt16

from auxdrive_train.ingest.source import SourceRecord

WANTED_SHARE = 0.9
"""A source's depth is read if at least this share of its records has a usable depth image."""
# how much the ratio of width to height may differ between depth and colour images of the same view
_SAME_SHAPE = 0.02
_MM_PER_STEP = round(1000 * MODALITIES[Modality.DEPTH].scale)


def settle(
    records: Sequence[SourceRecord], key: str, skipped: Counter[str]
) -> tuple[list[SourceRecord], list[str]]:
    """Decide for all records of a recording whether depth is read, since they must have the same
    modalities.

    If depth is read, records without a usable depth image are left out and counted.

    Args:
        records: all records of a recording.
        key: what the recording calls its depth images, for the notes.
        skipped: counts what is left out, by reason.

    Returns:
        The records that are kept, and notes for people.
    """
    if all(record.depth is None for record in records):
        return list(records), []
    sizes: dict[int, tuple[int, int]] = {}
    why = Counter[str]()
    for place, record in enumerate(records):
        try:
            if record.depth is None:
                raise DataError("no image named")
            sizes[place] = grey16_size(record.depth)
        except DataError as error:
            why[str(error)] += 1
    wrong = _wrong(len(records), sizes, why) or _another_view(records, sizes)
    if wrong:
        return [replace(record, depth=None) for record in records], [f"{key} is not read: {wrong}"]
    if why:
        skipped["depth image missing or not of 16 bits"] += sum(why.values())
    kept = [records[place] for place in sizes]
    return kept, [
        f"{key}: 16-bit images, taken as millimetres in the camera's view; 0 is where nothing "
        "was measured"
    ]


def _wrong(records: int, sizes: dict[int, tuple[int, int]], why: Counter[str]) -> str:
    if len(sizes) >= WANTED_SHARE * records:
        return ""
    return (
        f"{records - len(sizes)} of {records} records have no usable image of it, the first: "
        f"{next(iter(why))}"
    )


def _another_view(records: Sequence[SourceRecord], sizes: dict[int, tuple[int, int]]) -> str:
    """Why depth and colour images cannot show the same view; empty if they can."""
    kinds = sorted(set(sizes.values()))
    depth = ", ".join(f"{width}x{height}" for width, height in kinds)
    if len(kinds) > 1:
        return f"its images have different sizes ({depth})"
    colour = _colour_size(records)
    if (
        colour is not None
        and abs(kinds[0][0] * colour[1] / (kinds[0][1] * colour[0]) - 1) > _SAME_SHAPE
    ):
        return (
            f"its images are {depth}, the camera's {colour[0]}x{colour[1]}, so they do not show "
            "the same view"
        )
    return ""


def _colour_size(records: Sequence[SourceRecord]) -> tuple[int, int] | None:
    for record in records:
        try:
            return read_image_size(record.image)
        except DataError:
            continue
    return None


def read_depth(record: SourceRecord, height: int, width: int) -> UInt16:
    """The record's depth in the format of `Modality.DEPTH`, scaled to (height, width) by nearest
    neighbours, so that depths are never mixed.

    Distances of 1 to 4 mm are stored as one step: zero means that nothing was measured.

    Args:
        record: a record that has a depth image.
        height: rows of the result.
        width: columns of the result.

    Returns:
        uint16 (height, width), in steps of 1 cm; 0 where nothing was measured.

    Raises:
        DataError: the image is damaged.
    """
    assert record.depth is not None
    depth_mm = read_grey16(record.depth)
    rows = (np.arange(height) + 0.5) * depth_mm.shape[0] / height
    columns = (np.arange(width) + 0.5) * depth_mm.shape[1] / width
    scaled = depth_mm[rows.astype(np.intp)[:, None], columns.astype(np.intp)].astype(np.uint32)
    steps = np.where(scaled > 0, np.maximum((scaled + _MM_PER_STEP // 2) // _MM_PER_STEP, 1), 0)
    return steps.astype(np.uint16)
