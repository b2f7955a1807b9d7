"""Out-of-distribution scores that `benchmarks/ood.py` compares: each is fitted to training frames
and is larger for frames unlike them.

Legend: N frames, D features, M channels of the stem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from auxdrive.types import Float64
from auxdrive_deploy.ood.score import fit


class Described(NamedTuple):
    """What a student computes of N frames: features (N, D), channel means of the stem (N, M), and
    what it predicts for the last waypoint to the left, (N,).
    """

    features: Float64
    stem: Float64
    lateral_m: Float64


Score = Callable[[Described], Float64]
NEIGHBOUR = 10
CLASSES = 5
"""Frames are divided by the predicted direction into so many classes, for the relative distance."""


def unit(features: Float64) -> Float64:
    """Features at unit length."""
    lengths: Float64 = np.linalg.norm(features, axis=1, keepdims=True) + 1e-6
    return features / lengths


def mahalanobis(take: Callable[[Described], Float64]) -> Callable[[Described], Score]:
    """The Mahalanobis distance (Lee et al. 2018) of what `take` takes."""

    def fitted(train: Described) -> Score:
        score = fit(take(train))
        return lambda frames: score.of(take(frames))

    return fitted


def relative(train: Described) -> Score:
    """The relative Mahalanobis distance (Ren et al. 2021): to the nearest class, less that to all.
    Classes are fifths by the predicted direction, and share their covariance.
    """
    edges = np.quantile(train.lateral_m, np.linspace(0, 1, CLASSES + 1)[1:-1])
    place = np.digitize(train.lateral_m, edges)
    means = np.stack([train.features[place == each].mean(axis=0) for each in range(CLASSES)])
    within = fit(train.features - means[place])
    overall = fit(train.features)

    def score(frames: Described) -> Float64:
        nearest = np.min([within.of(frames.features - mean) for mean in means], axis=0)
        return np.asarray(nearest - overall.of(frames.features))

    return score


def neighbour(train: Described) -> Score:
    """The distance to the k-th neighbour at unit length (Sun et al. 2022)."""
    bank = unit(train.features)

    def score(frames: Described) -> Float64:
        alike = unit(frames.features) @ bank.T
        kth = np.partition(alike, -NEIGHBOUR, axis=1)[:, -NEIGHBOUR]
        return np.asarray(np.sqrt(np.maximum(2 - 2 * kth, 0)))

    return score


def short(train: Described) -> Score:  # noqa: ARG001 (it has nothing to fit)
    """How short the features are."""
    return lambda frames: -np.linalg.norm(frames.features, axis=1)


SCORES: Mapping[str, Callable[[Described], Score]] = {
    "Mahalanobis": mahalanobis(lambda each: each.features),
    "relative Mahalanobis": relative,
    "10th neighbour, unit length": neighbour,
    "short features": short,
    "Mahalanobis, unit length": mahalanobis(lambda each: unit(each.features)),
    "Mahalanobis, stem means": mahalanobis(lambda each: each.stem),
    "Mahalanobis, unit length and stem means": mahalanobis(
        lambda each: np.concatenate([unit(each.features), each.stem], axis=1)
    ),
}
EXPORTED = "Mahalanobis, unit length and stem means"
"""The one that `auxdrive export` fits."""
