"""Frames as images for people: colours as the legend says, and the files that pages hold."""

from __future__ import annotations

import io

import numpy as np
import pytest
from auxdrive.errors import InputError
from auxdrive.inspection.painting import jpeg, paint, png
from auxdrive.inspection.palette import CLASS_COLOURS, LIDAR_ABOVE, LIDAR_BELOW
from auxdrive.modalities import SEGMENTATION_CLASSES, Modality
from PIL import Image


def test_colours_mean_what_the_legend_says() -> None:
    assert len(set(CLASS_COLOURS)) == len(SEGMENTATION_CLASSES)
    ids = np.array([[1, 6, 200]], np.uint8)
    assert paint(Modality.SEGMENTATION, ids)[0].tolist() == [
        list(CLASS_COLOURS[1]),
        list(CLASS_COLOURS[6]),
        [255, 0, 255],
    ]
    depth = paint(Modality.DEPTH, np.array([[0, 100, 10_000, 60_000, 65_535]], np.uint16))[
        0
    ].tolist()
    assert depth == [[253, 231, 37], [253, 231, 37], [68, 1, 84], [68, 1, 84], [0, 0, 0]]
    lidar = paint(Modality.LIDAR, np.array([[[0, 0], [255, 0], [0, 255]]], np.uint8))[0].tolist()
    assert lidar == [
        [0, 0, 0],
        list(LIDAR_BELOW),
        list(LIDAR_ABOVE),
    ]
    with pytest.raises(InputError, match="depth frames are uint16"):
        paint(Modality.DEPTH, np.zeros((2, 2), np.uint8))


def test_painted_images_as_files() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 90, 3), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png(image)))), image)
    assert Image.open(io.BytesIO(png(image, longest=30))).size == (30, 13)
    assert Image.open(io.BytesIO(jpeg(image, 80))).format == "JPEG"
    assert Image.open(io.BytesIO(jpeg(image, 80, longest=30))).size == (30, 13)
