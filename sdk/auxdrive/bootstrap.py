"""The bootstrap over the drives of a benchmark: over routes, and over the repeats of each.

    ratio_interval(Ratio(infractions, driven_km), seed=0).low
    paired_bootstrap(one, other, seed=0).high

Legend: N routes, K repeats of each, B resamples, M metrics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auxdrive.cards import Interval
from auxdrive.errors import DataError
from auxdrive.types import AnyArray, Float64

RESAMPLES = 10_000
LEAST_ROUTES = 6
"""With fewer routes a bootstrap has no bounds: its intervals would be much too narrow."""
_TAILS = (0.025, 0.975)
_MOST_AT_ONCE = 2_000_000
_EQUAL = 1e-12


@dataclass(frozen=True)
class Ratio:
    """A metric of a benchmark: the ratio of two sums over all drives, such as that of infractions
    and driven kilometres. A mean has ones below.

    Attributes:
        above: (N, K), what each drive adds to the numerator.
        below: (N, K), what it adds to the denominator.
    """

    above: Float64
    below: Float64

    @classmethod
    def mean(cls, values: AnyArray) -> Ratio:
        """The mean of one value per drive, (N, K)."""
        above = np.asarray(values, np.float64)
        return cls(above, np.ones_like(above))

    @property
    def value(self) -> float:
        """The metric; NaN where the denominator is 0."""
        return float(_divided(self.above.sum(), self.below.sum()))


def ratio_interval(ratio: Ratio, *, seed: int, unit: str = "") -> Interval:
    """A metric of a benchmark with its 95 % interval, the percentiles of a bootstrap over routes,
    and over the repeats of each route that was drawn. Drives of one route are alike, so they are
    drawn together. There are no bounds for fewer than `LEAST_ROUTES` routes, where the metric is
    undefined on some resample, or where it is the same on all: numbers that do not vary say nothing
    of how much others would.

    Args:
        ratio: the metric.
        seed: of the random numbers.
        unit: of the metric.

    Raises:
        DataError: it has no finite value, or its numbers are not (N, K).
    """
    value = ratio.value
    if not math.isfinite(value):
        raise DataError("a metric whose denominator is 0 has no interval")
    low, high = _percentiles(resampled((ratio,), seed=seed)[:, 0], len(ratio.above))
    return Interval(value=value, low=low, high=high, unit=unit)


@dataclass(frozen=True)
class BootstrapDifference:
    """The difference of a metric between two benchmarks on the same routes, with the 95 % interval
    of the paired bootstrap.

    Attributes:
        difference: the other's metric minus the one's.
        low: lower end of the interval; None where there is none (see `ratio_interval`).
        high: upper end.
        p_value: two-sided: twice the smaller share of resamples on either side of zero; None where
            there is no interval.
        routes: number of routes.
        repeats: how often each was driven.
    """

    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    routes: int
    repeats: int


def paired_bootstrap(one: Ratio, other: Ratio, *, seed: int) -> BootstrapDifference:
    """The difference `other - one` over the same routes and repeats, each with the same traffic in
    both. Each resample draws routes, and of each drawn route its repeats, and takes both benchmarks
    there.

    Args:
        one: a metric of one benchmark.
        other: of another, of the same routes in the same order, each as often repeated.
        seed: of the random numbers.

    Raises:
        DataError: the two do not have the same shape, or a metric has no value.
    """
    if one.above.shape != other.above.shape:
        raise DataError(
            f"paired benchmarks have the same routes and repeats, got {one.above.shape} and "
            f"{other.above.shape}"
        )
    difference = other.value - one.value
    if not math.isfinite(difference):
        raise DataError("a metric whose denominator is 0 cannot be compared")
    both = resampled((one, other), seed=seed)
    routes, repeats = one.above.shape
    drawn = both[:, 1] - both[:, 0]
    low, high = _percentiles(drawn, routes)
    p_value = None
    if low is not None:
        tail = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
        p_value = min(1.0, 2.0 * (1 + int(tail)) / (len(drawn) + 1))
    return BootstrapDifference(difference, low, high, p_value, routes, repeats)


def resampled(ratios: Sequence[Ratio], *, seed: int, resamples: int = RESAMPLES) -> Float64:
    """Metrics on resamples of their drives, the same for all of them: routes are drawn with
    replacement, and for each time that a route was drawn as many of its repeats, with replacement,
    as it has.

    Args:
        ratios: M metrics over the same routes.
        seed: of the random numbers.
        resamples: B.

    Returns:
        (B, M). NaN where a denominator is 0.

    Raises:
        DataError: the numbers of a metric are not finite, or not (N, K) of one N and K.
    """
    routes, repeats = _shape(ratios)
    rng = np.random.default_rng(seed)
    made = []
    step = max(1, _MOST_AT_ONCE // (routes * repeats))
    for begun in range(0, resamples, step):
        count = min(step, resamples - begun)
        # How often each route is drawn, and how often each of its repeats: the repeats of a route
        # that was drawn w times are w times K draws among K.
        drawn = rng.multinomial(routes, np.full(routes, 1 / routes), size=count)
        often = rng.multinomial(drawn * repeats, np.full(repeats, 1 / repeats))
        often = often.reshape(count, -1).astype(np.float64)
        made.append(
            np.stack(
                [
                    _divided(often @ ratio.above.ravel(), often @ ratio.below.ravel())
                    for ratio in ratios
                ],
                axis=1,
            )
        )
    return np.concatenate(made)


def _shape(ratios: Sequence[Ratio]) -> tuple[int, int]:
    shapes = {array.shape for ratio in ratios for array in (ratio.above, ratio.below)}
    (shape, *others) = shapes
    whole = all(np.isfinite(array).all() for each in ratios for array in (each.above, each.below))
    if others or len(shape) != 2 or not min(shape) or not whole:
        raise DataError(
            f"a metric over drives is (routes, repeats) of finite numbers, got {shapes}"
        )
    return shape[0], shape[1]


def _divided(above: AnyArray, below: AnyArray) -> Float64:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(above, np.float64) / np.asarray(below, np.float64)
    return np.where(np.asarray(below) > 0, ratio, np.nan)


def _percentiles(drawn: Float64, routes: int) -> tuple[float | None, float | None]:
    if routes < LEAST_ROUTES or not np.isfinite(drawn).all():
        return None, None
    low, high = (float(bound) for bound in np.quantile(drawn, _TAILS))
    return (low, high) if high - low > _EQUAL * max(abs(low), abs(high)) else (None, None)
