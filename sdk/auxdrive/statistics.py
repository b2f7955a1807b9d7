"""Intervals and statistical tests, the same for training, export, evaluation, demo and benchmarks.

    seed_interval([0.41, 0.44, 0.39]).low                # over seeds: Student's t
    seed_difference(student, baseline).p_value           # over seeds: paired t-test
    seed_ratio(student - baseline, teacher - baseline)   # over seeds: Fieller's interval
    paired_difference(student, baseline, seed=0).p_value # over routes: sign-flip test
    bootstrap_intervals(values, measure, group_of, ...)  # over groups of frames

Legend: N samples. SciPy is imported inside functions: the vehicle's base install lacks it, while
every extra brings it.
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
"""A difference counts as shown where its p-value is below this."""
EXACT_PAIRS = 12
DRAWN_SUBSETS = 9_999
_TAILS = (0.025, 0.975)


def seed_interval(values: Sequence[float], unit: str = "") -> Interval:
    """The mean of one value per seed with its two-sided 95 % t-interval; without bounds for a
    single seed.

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
    """Metrics with their 95 % intervals, the percentiles of a bootstrap over whole groups of
    samples (Efron 1979). Single frames would give too narrow an interval, since neighbouring frames
    are not independent.

    Args:
        values: each metric over all samples, by its name.
        measure: computes the metrics over the samples of given indices. It may leave out a metric
            that is undefined there.
        group_of: (N,), a label for each sample's group, such as its session.
        resamples: how many resamples are drawn.
        seed: of the random numbers.
        min_groups: with fewer groups there are no bounds.
        unit_of: gives the unit of a metric by its name.
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
        # a metric may be undefined on a resample: R2 is, where all labels are equal
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
    """The mean difference of paired scores, tested against zero.

    The interval holds all differences that the same test would not reject at 5 %. So interval and
    p-value cannot disagree: zero lies outside the interval exactly where p is below 5 %. The bounds
    are infinite where the pairs cannot reject anything: there are too few, or all differ by the
    same amount.

    Attributes:
        mean: of the differences.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        p_value: two-sided, of the test that the mean difference is zero.
        pairs: how many there are.
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
        """Whether the test shows that there is a difference."""
        return self.p_value < ALPHA


def seed_difference(one: Float64, other: Float64) -> PairedDifference:
    """Student's paired t-test of `one - other` and its interval.

    Differences that are all equal say nothing of how much those of further seeds would vary. For
    them, and for a single seed, there are no bounds and the p-value is 1.

    Args:
        one: (N,), a metric of one method, one value per seed.
        other: (N,), the same metric of another method, for the same seeds in the same order.

    Raises:
        DataError: the two have different lengths, or are empty or not finite.
    """
    differences = _differences(one, other)
    count, mean = len(differences), float(differences.mean())
    scatter = float(differences.std(ddof=1)) if count > 1 else 0.0
    # the mean of equal numbers may differ from them by rounding; that is no scatter
    if scatter <= 1e-12 * max(float(np.abs(differences).max()), 1e-300):
        return PairedDifference(mean, -math.inf, math.inf, 1.0, count, "paired t-test")
    from scipy import stats

    error = scatter / math.sqrt(count)
    half = float(stats.t.ppf(_TAILS[1], count - 1)) * error
    p_value = 2.0 * float(stats.t.sf(abs(mean) / error, count - 1))
    return PairedDifference(mean, mean - half, mean + half, p_value, count, "paired t-test")


def seed_ratio(above: Float64, below: Float64) -> Interval:
    """The ratio of two means over the same seeds, such as the share of a gap that is closed, with
    its 95 % interval by Fieller (1954): all ratios that the paired t-test of
    `above - ratio * below` would not reject at 5 %. It has no bounds where the mean below is itself
    not shown to differ from zero, since any ratio is then possible, nor for a single seed.

    Args:
        above: (S,), one value per seed.
        below: (S,), of the same seeds in the same order.

    Raises:
        DataError: the two have different lengths, or are empty or not finite; or the mean below is
            zero.
    """
    _differences(above, below)
    top, bottom = float(above.mean()), float(below.mean())
    if bottom == 0.0:
        raise DataError("a ratio whose denominator is 0 has no value")
    count, value = len(above), top / bottom
    if count == 1:
        return Interval(value=value)
    from scipy import stats

    spread = np.cov(above, below) * float(stats.t.ppf(_TAILS[1], count - 1)) ** 2 / count
    square = bottom**2 - spread[1, 1]
    if square <= 0.0:
        return Interval(value=value)
    middle = top * bottom - spread[0, 1]
    reach = math.sqrt(max(middle**2 - square * (top**2 - spread[0, 0]), 0.0))
    return Interval(
        value=value, low=float((middle - reach) / square), high=float((middle + reach) / square)
    )


def _differences(one: Float64, other: Float64) -> Float64:
    if one.shape != other.shape or one.ndim != 1 or not len(one):
        raise DataError(f"paired scores are two rows of one length, got {one.shape}, {other.shape}")
    differences = np.asarray(one - other, dtype=np.float64)
    if not np.isfinite(differences).all():
        raise DataError("paired scores must be finite")
    return differences


def paired_difference(one: Float64, other: Float64, seed: int) -> PairedDifference:
    """The sign-flip test of `one - other` and the interval that belongs to it.

    The hypothesis is that the differences lie symmetrically about some d: each difference minus d
    is then as likely with either sign. Flipping some of the signs gives a sum at least as large as
    the observed one exactly where the mean of the flipped differences is at most d (Hartigan 1969,
    "Using subsample values as typical values"). So the means of all non-empty subsets of the
    differences give both p-value and interval. Up to 12 pairs all subsets are used, beyond that
    9,999 random ones.

    Args:
        one: (N,), scores.
        other: (N,), scores of the same routes, seeds or samples, in the same order.
        seed: of the random subsets.

    Raises:
        DataError: the two have different lengths, or are empty or not finite.
    """
    differences = _differences(one, other)
    means = np.sort(_subset_means(differences, seed))
    patterns = len(means) + 1
    tail = min(np.count_nonzero(means <= 0), np.count_nonzero(means >= 0))
    p_value = min(1.0, 2.0 * (1 + int(tail)) / patterns)
    # d is rejected where 2 (1 + number of means up to d) / patterns is below 5 %; so this many
    # means may lie outside the interval on each side.
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
