"""The out-of-distribution score in NumPy: its fit, its threshold, and the area under the ROC."""

from __future__ import annotations

import numpy as np
import pytest
from auxdrive.errors import DataError
from auxdrive_deploy.ood.faults import FAULTS, faulty
from auxdrive_deploy.ood.score import LEAST_SHRINKAGE, auroc, fit, threshold_of


def rows(count: int, size: int = 8, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(size, size)) * np.geomspace(0.1, 5.0, size)
    return rng.normal(size=(count, size)) @ mixed + 3.0


def test_training_frames_score_one_on_average_and_far_ones_more() -> None:
    known = rows(4000)
    score = fit(known)
    assert score.of(known).mean() == pytest.approx(1.0, abs=0.05)
    assert score.of(known + 10.0).min() > 10.0


def test_it_is_the_mahalanobis_distance_of_the_shrunk_covariance() -> None:
    known = rows(50)
    score = fit(known)
    std = known.std(axis=0)
    covariance = np.corrcoef(known.T)
    shrunk = (1 - score.shrinkage) * covariance + score.shrinkage * np.eye(8)
    other = rows(20, seed=1)
    apart = (other - known.mean(axis=0)) / std
    expected = np.einsum("ni,ij,nj->n", apart, np.linalg.inv(shrunk), apart) / 8
    assert np.allclose(score.of(other), expected, rtol=1e-9)


def test_fewer_frames_are_shrunk_more_and_fewer_than_dimensions_are_no_obstacle() -> None:
    shares = [fit(rows(count)).shrinkage for count in (5, 50, 500, 50_000)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.1
    assert shares[-1] == LEAST_SHRINKAGE


def test_a_number_that_never_changed_does_not_decide_alone() -> None:
    known = rows(1000)
    known[:, 3] = 1.0
    other = known.copy()
    other[:, 3] += 1e-6 * known.std()
    score = fit(known)
    assert np.allclose(score.of(other), score.of(known), rtol=0.01)


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (np.zeros((1, 4)), "two frames"),
        (np.full((5, 4), np.nan), "finite"),
        (np.ones((5, 4)), "alike"),
    ],
)
def test_frames_that_cannot_be_fitted_to(vectors: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said):
        fit(vectors)


@pytest.mark.parametrize("count", [100, 101, 1000])
def test_no_more_than_the_share_of_false_alarms_exceeds_the_threshold(count: int) -> None:
    scores = np.random.default_rng(0).exponential(size=count)
    over = int((scores > threshold_of(scores, 0.01)).sum())
    assert count * 0.01 - 2 < over <= count * 0.01


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    rng = np.random.default_rng(0)
    ordinary, others = rng.integers(0, 9, 40) * 1.0, rng.integers(3, 12, 30) * 1.0
    pairs = others[:, None] - ordinary
    assert auroc(ordinary, others) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_changes_the_image_and_is_the_same_each_time(name: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 30, 44, 3), dtype=np.uint8)
    kept = images.copy()
    changed = faulty(name, images)
    assert changed.shape == images.shape
    assert changed.dtype == np.uint8
    assert (changed != images).any()
    assert np.array_equal(changed, faulty(name, images))
    assert np.array_equal(images, kept)
