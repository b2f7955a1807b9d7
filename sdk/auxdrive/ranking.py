"""Whether one number orders things as another does, such as an open-loop metric and the driving
score of the same runs.

    rank_correlation(ade_m, driving_score, seed=0).rho

Legend: N things. SciPy is imported inside functions, as in `auxdrive.statistics`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auxdrive.errors import DataError
from auxdrive.types import Float64

LEAST_RANKED = 10
"""A rank correlation of fewer pairs has no interval."""
PERMUTATIONS = 9_999
_UPPER = 0.975


@dataclass(frozen=True)
class RankCorrelation:
    """Whether one number orders things as another does.

    Attributes:
        rho: Spearman's, -1 to 1; None where one of the numbers is the same for all.
        low: lower end of the 95 % interval; None for fewer than `LEAST_RANKED` pairs, where it
            would be much too narrow.
        high: upper end, likewise.
        p_value: two-sided, by permutations: the share of orders of one of the numbers in which the
            correlation is at least as strong.
        pairs: how many there are.
    """

    rho: float | None
    low: float | None
    high: float | None
    p_value: float
    pairs: int


def rank_correlation(
    one: Float64, other: Float64, seed: int, group_of: Sequence[str] | None = None
) -> RankCorrelation:
    """Spearman's rank correlation. Its interval is Fisher's, with the standard error of Bonett and
    Wright (2000), sqrt((1 + rho^2 / 2) / (N - 3)).

    Args:
        one: (N,), a number of each thing.
        other: (N,), another number of each.
        seed: of the random permutations.
        group_of: N labels: correlate what each thing differs from its group's mean by. Permutations
            then stay within groups, and each further group counts as a pair less.

    Raises:
        DataError: the two have different lengths, or are empty or not finite.
    """
    _check(one, other)
    labels = np.array(["" for _ in one] if group_of is None else group_of)
    groups = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels.tolist())]
    count = len(one) - len(groups) + 1
    ranks = [_ranks(_without_means(values, groups)) for values in (one, other)]
    if min(np.ptp(each) for each in ranks) == 0.0:
        return RankCorrelation(None, None, None, 1.0, count)
    a, b = ((each - each.mean()) / (each.std() * math.sqrt(len(one))) for each in ranks)
    rho = float(np.clip(a @ b, -1.0, 1.0))
    rng, drawn = np.random.default_rng(seed), np.tile(b, (PERMUTATIONS, 1))
    for rows in groups:
        drawn[:, rows] = rng.permuted(drawn[:, rows], axis=1)
    stronger = int(np.count_nonzero(np.abs(drawn @ a) >= abs(rho) - 1e-12))
    p_value = (1 + stronger) / (PERMUTATIONS + 1)
    if count < LEAST_RANKED or abs(rho) == 1.0:
        return RankCorrelation(rho, None, None, p_value, count)
    from scipy import stats

    half = float(stats.norm.ppf(_UPPER)) * math.sqrt((1 + rho**2 / 2) / (count - 3))
    low, high = (math.tanh(math.atanh(rho) + sign * half) for sign in (-1, 1))
    return RankCorrelation(rho, low, high, p_value, count)


def _without_means(values: Float64, groups: Sequence[NDArray[np.intp]]) -> Float64:
    """What each value differs from its group's mean by; a single group's values stay."""
    rest = np.array(values, np.float64)
    if len(groups) > 1:
        for rows in groups:
            rest[rows] -= rest[rows].mean()
    return rest


def _ranks(values: Float64) -> Float64:
    """The rank of each value; equal ones share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place.reshape(-1)], np.float64)


def _check(one: Float64, other: Float64) -> None:
    if one.shape != other.shape or one.ndim != 1 or not len(one):
        raise DataError(
            f"ranked numbers are two rows of one length, got {one.shape}, {other.shape}"
        )
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise DataError("ranked numbers must be finite")
