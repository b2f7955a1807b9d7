"""The LiDAR histogram against a loop written from the definition, and at its borders."""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive.data.lidar import bev_histogram
from auxdrive.errors import InputError
from auxdrive.modalities import MODALITIES, Modality
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def twin(points: np.ndarray) -> np.ndarray:
    """Straight from the definition, point by point: find the cell whose half-open interval holds
    the point.
    """
    counts = np.zeros((64, 64, 2))
    for x, y, z in points[:, :3].astype(float):
        for row in range(64):
            if not (63 - row) * 0.5 <= x < (64 - row) * 0.5:
                continue
            for column in range(64):
                if 16 - (column + 1) * 0.5 < y <= 16 - column * 0.5 and math.isfinite(z):
                    counts[row, column, 1 if z > 0.3 else 0] += 1
    return (np.minimum(counts, 5) / 5 * 255).round().astype(np.uint8)


coordinates = st.one_of(
    st.floats(-40, 40, width=32),
    st.sampled_from([0.0, -0.0, 0.5, 16.0, -16.0, 15.5, 31.5, 32.0, math.nan, math.inf, -math.inf]),
)


@settings(max_examples=40, deadline=None)
@given(points=arrays(np.float32, st.tuples(st.integers(0, 12), st.just(4)), elements=coordinates))
def test_agrees_with_the_loop(points: np.ndarray) -> None:
    np.testing.assert_array_equal(bev_histogram(points), twin(points))


def test_a_dense_cloud_agrees_with_the_loop_and_meets_the_cap() -> None:
    points = np.random.default_rng(0).normal([5, 0, 0.3], [2, 2, 0.5], (600, 3)).astype(np.float32)
    histogram = bev_histogram(points)
    np.testing.assert_array_equal(histogram, twin(points))
    assert set(np.unique(histogram)) == {0, 51, 102, 153, 204, 255}
    assert MODALITIES[Modality.LIDAR].check_frame(histogram.shape, histogram.dtype) is None


@pytest.mark.parametrize(
    ("point", "cell"),
    [
        ((0, 16, 0, 1), (63, 0, 0)),
        ((31.99, -15.99, 1, 1), (0, 63, 1)),
        ((0.5, 0, 0.3, 1), (62, 32, 0)),
        ((10, 3, 0.31, 1), (43, 26, 1)),
        ((32, 0, 0, 1), None),
        ((-0.01, 0, 0, 1), None),
        ((1, -16, 0, 1), None),
        ((1, 16.01, 0, 1), None),
        ((1, 0, math.nan, 1), None),
    ],
)
def test_borders(point: tuple[float, ...], cell: tuple[int, int, int] | None) -> None:
    histogram = bev_histogram(np.array([point]))
    assert histogram.sum() == (0 if cell is None else 51)
    if cell is not None:
        assert histogram[cell] == 51


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_mirrored_scene_gives_mirrored_columns(seed: int) -> None:
    points = np.random.default_rng(seed).uniform([0, -15.9, -1, 0], [32, 15.9, 3, 1], (100, 4))
    np.testing.assert_array_equal(
        bev_histogram(points * [1, -1, 1, 1]), bev_histogram(points)[:, ::-1]
    )


@pytest.mark.parametrize("shape", [(4,), (3, 2), (3, 5), (1, 3, 4)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="shape"):
        bev_histogram(np.zeros(shape))
