"""Intervals and tests, the same ones for training, export, evaluation, demo and benchmarks.

    seed_interval([0.41, 0.44, 0.39]).low                # over seeds: Student's t
    seed_difference(student, baseline).p_value           # over seeds: paired t-test
    paired_difference(student, baseline, seed=0).p_value # over routes: sign-flip test
    bootstrap_intervals(values, measure, group_of, ...)  # over groups of frames

Legend: N samples. SciPy, which the vehicle's base install does not bring, is imported by what needs
it; every extra brings it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auxdrive.cards import Interval
from auxdrive.errors import DataError
from auxdrive.types import AnyArray, Float64

ALPHA = 0.05
"""A difference is shown where its p-value is below this."""
EXACT_PAIRS = 12
DRAWN_SUBSETS = 9_999
_TAILS = (0.025, 0.975)


def seed_interval(values: Sequence[float], unit: str = "") -> Interval:
    """Mean of one value per seed with its two-sided 95 % t-interval; no bounds for a single seed.

    Args:
        values: one number per seed.
        unit: of the values.

    Raises:
        DataError: no values, or one that is not finite.
    """
    sample = np.asarray(values, dtype=np.float64).reshape(-1)
    if sample.size == 0 or not np.isfinite(sample).all():
        raise DataError(
            f"an interval needs at least one value and finite ones alone, got {sample.size} values"
        )
    mean = float(sample.mean())
    if sample.size == 1:
        return Interval(value=mean, unit=unit)
    from scipy import stats

    error = float(sample.std(ddof=1)) / math.sqrt(sample.size)
    half = float(stats.t.ppf(_TAILS[1], sample.size - 1)) * error
    return Interval(value=mean, low=mean - half, high=mean + half, unit=unit)


def bootstrap_intervals(
    values: Mapping[str, float],
    measure: Callable[[NDArray[np.intp]], Mapping[str, float]],
    group_of: AnyArray,
    *,
    resamples: int,
    seed: int,
    min_groups: int = 2,
    unit_of: Callable[[str], str] = lambda _: "",
) -> dict[str, Interval]:
    """Metrics with the 95 % percentile intervals of a bootstrap over whole groups of samples (Efron
    1979): neighbouring frames are not independent, and an interval over single frames is too
    narrow.

    Args:
        values: by name, each metric over all samples.
        measure: the metrics over samples of these indices; it may leave one out that is undefined
            there.
        group_of: (N,) label of each sample's group, such as its session.
        resamples: how many are drawn.
        seed: of the drawing.
        min_groups: with fewer groups there are no bounds.
        unit_of: the unit of a metric of that name.
    """
    rows = [np.flatnonzero(group_of == group) for group in np.unique(group_of)]
    if len(rows) < max(min_groups, 2):
        return {name: Interval(value=value, unit=unit_of(name)) for name, value in values.items()}
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in values}
    for _ in range(resamples):
        index = np.concatenate([rows[chosen] for chosen in rng.integers(len(rows), size=len(rows))])
        for name, value in measure(index).items():
            drawn[name].append(value)
    made = {}
    for name, value in values.items():
        low, high = np.quantile(drawn[name], _TAILS)
        # a metric may be undefined on a resample, as R2 is where all labels are equal
        bounded = math.isfinite(low) and math.isfinite(high)
        made[name] = Interval(
            value=value,
            low=float(low) if bounded else None,
            high=float(high) if bounded else None,
            unit=unit_of(name),
        )
    return made


@dataclass(frozen=True)
class PairedDifference:
    """One set of scores less another, pair by pair: the mean, the two-sided p-value of a test that
    it is zero, and the interval of all differences that this test at 5 % does not refuse (infinite
    where so few pairs, or pairs that all differ by the same, refuse nothing).

    Interval and p-value cannot disagree: zero lies outside the interval just where p is below 5 %.

    Attributes:
        test: the name of the test.
    """

    mean: float
    low: float
    high: float
    p_value: float
    pairs: int
    test: str

    @property
    def is_shown(self) -> bool:
        """Whether the test refuses that there is no difference."""
        return self.p_value < ALPHA


def seed_difference(one: Float64, other: Float64) -> PairedDifference:
    """Student's paired t-test of `one - other`, both (N,), one value per seed, and its interval.

    Differences without any scatter tell nothing of how far those of further seeds would lie from
    them: they, and a single one, have no bounds and a p-value of 1.

    Args:
        one: a metric of one method.
        other: the same metric of another, of the same seeds in the same order.

    Raises:
        DataError: the two are not of one length, or empty, or not finite.
    """
    differences = _differences(one, other)
    count, mean = len(differences), float(differences.mean())
    scatter = float(differences.std(ddof=1)) if count > 1 else 0.0
    # the mean of equal numbers is not always that number: deviations of its rounding are none
    if scatter <= 1e-12 * max(float(np.abs(differences).max()), 1e-300):
        return PairedDifference(mean, -math.inf, math.inf, 1.0, count, "paired t-test")
    from scipy import stats

    error = scatter / math.sqrt(count)
    half = float(stats.t.ppf(_TAILS[1], count - 1)) * error
    p_value = 2.0 * float(stats.t.sf(abs(mean) / error, count - 1))
    return PairedDifference(mean, mean - half, mean + half, p_value, count, "paired t-test")


def _differences(one: Float64, other: Float64) -> Float64:
    if one.shape != other.shape or one.ndim != 1 or not len(one):
        raise DataError(f"paired scores are two rows of one length, got {one.shape}, {other.shape}")
    differences = np.asarray(one - other, dtype=np.float64)
    if not np.isfinite(differences).all():
        raise DataError("paired scores must be finite")
    return differences


def paired_difference(one: Float64, other: Float64, seed: int) -> PairedDifference:
    """The sign-flip test of `one - other`, both (N,), and its inversion.

    Under the hypothesis that the differences scatter evenly about d, each difference less d is as
    likely with either sign. A pattern of signs gives a sum as large as the one found exactly where
    the mean of the differences that it flips is at most d (Hartigan 1969, "Using subsample values
    as typical values"), so p-value and interval both come from the means of all non-empty subsets:
    of all of them up to 12 pairs, of 9,999 drawn ones beyond.

    Args:
        one: scores.
        other: scores of the same routes, seeds or samples, in the same order.
        seed: of the drawing of subsets.

    Raises:
        DataError: the two are not of one length, or empty, or not finite.
    """
    differences = _differences(one, other)
    means = np.sort(_subset_means(differences, seed))
    patterns = len(means) + 1
    tail = min(np.count_nonzero(means <= 0), np.count_nonzero(means >= 0))
    p_value = min(1.0, 2.0 * (1 + int(tail)) / patterns)
    # d is refused where 2 (1 + number of means up to d) / patterns is below 5 %: so many means may
    # lie outside on each side.
    outside = int(np.ceil(ALPHA * patterns / 2 - 1e-9)) - 1
    low, high = (
        (float(means[outside - 1]), float(means[-outside])) if outside > 0 else (-np.inf, np.inf)
    )
    return PairedDifference(
        float(differences.mean()), low, high, p_value, len(differences), "sign-flip test"
    )


def _subset_means(differences: Float64, seed: int) -> Float64:
    n = len(differences)
    if n <= EXACT_PAIRS:
        chosen = (np.arange(1, 2**n)[:, None] >> np.arange(n)) & 1
    else:
        chosen = np.random.default_rng(seed).integers(0, 2, (DRAWN_SUBSETS, n))
        chosen = chosen[chosen.any(axis=1)]
    return np.asarray((chosen @ differences) / chosen.sum(axis=1), dtype=np.float64)
