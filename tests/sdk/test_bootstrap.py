"""The bootstrap over routes and repeats, against a plain one that draws drive by drive."""

from __future__ import annotations

import numpy as np
import pytest
from auxdrive.bootstrap import (
    LEAST_ROUTES,
    BootstrapDifference,
    Ratio,
    paired_bootstrap,
    ratio_interval,
    resampled,
)
from auxdrive.cards import Interval
from auxdrive.errors import DataError
from auxdrive.types import Float64


def drives(routes: int, repeats: int, seed: int, of_routes: float = 25.0) -> Float64:
    """Scores (N, K): routes differ, and so do the repeats of each."""
    rng = np.random.default_rng(seed)
    return 50.0 + rng.normal(0, of_routes, (routes, 1)) + rng.normal(0, 10, (routes, repeats))


def width(found: Interval | BootstrapDifference) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def plain(one: Ratio, other: Ratio, draws: int = 1500) -> tuple[Float64, Float64]:
    """The same by loops and indices, with random numbers of its own: the bounds of both metrics'
    difference and of the first metric.
    """
    rng = np.random.default_rng(987)
    routes, repeats = one.above.shape
    differences, values = [], []
    for _ in range(draws):
        sums = np.zeros((2, 2))
        for route in rng.integers(routes, size=routes):
            chosen = rng.integers(repeats, size=repeats)
            for place, ratio in enumerate((one, other)):
                sums[place] += (ratio.above[route, chosen].sum(), ratio.below[route, chosen].sum())
        (a, b), (c, d) = sums
        differences.append(c / d - a / b)
        values.append(a / b)
    return np.quantile(differences, (0.025, 0.975)), np.quantile(values, (0.025, 0.975))


@pytest.mark.parametrize(("routes", "repeats"), [(12, 3), (20, 1), (7, 5)])
def test_it_draws_routes_and_the_repeats_within_them(routes: int, repeats: int) -> None:
    rng = np.random.default_rng(3)
    km = rng.uniform(0.1, 0.5, (routes, repeats))
    one = Ratio(rng.poisson(1.0, (routes, repeats)).astype(np.float64), km)
    other = Ratio(rng.poisson(1.5, (routes, repeats)).astype(np.float64), km * 1.1)
    found = paired_bootstrap(one, other, seed=0)
    alone = ratio_interval(one, seed=0)
    difference, value = plain(one, other)
    near = 0.1 * (difference[1] - difference[0])
    assert (found.low, found.high) == pytest.approx(tuple(difference), abs=near)
    assert (alone.low, alone.high) == pytest.approx(tuple(value), abs=near)
    assert found.difference == pytest.approx(
        other.above.sum() / other.below.sum() - one.above.sum() / one.below.sum()
    )
    assert (found.routes, found.repeats) == (routes, repeats)


def test_the_repeats_of_a_route_are_no_routes_of_their_own() -> None:
    """Each route driven ten times, always alike, tells no more than once."""
    scores = drives(15, 1, seed=1)
    once = ratio_interval(Ratio.mean(scores), seed=0)
    often = ratio_interval(Ratio.mean(np.repeat(scores, 10, axis=1)), seed=0)
    assert width(often) == pytest.approx(width(once), rel=0.05)
    wrong = ratio_interval(Ratio.mean(np.repeat(scores, 10, axis=1).reshape(-1, 1)), seed=0)
    assert width(wrong) < 0.5 * width(once)


def test_what_both_share_is_no_scatter_of_their_difference() -> None:
    scores = drives(20, 3, seed=2)
    better = scores + 5.0 + np.random.default_rng(5).normal(0, 1, scores.shape)
    paired = paired_bootstrap(Ratio.mean(scores), Ratio.mean(better), seed=0)
    assert width(paired) < 1.0
    assert paired.difference == pytest.approx(5.0, abs=0.5)
    assert paired.p_value == pytest.approx(2 / 10_001)
    alone = ratio_interval(Ratio.mean(scores), seed=0)
    assert width(alone) > 20 * width(paired)
    same = paired_bootstrap(Ratio.mean(scores), Ratio.mean(scores[:, ::-1]), seed=0)
    assert same.p_value is not None
    assert same.p_value > 0.5


def test_95_of_100_intervals_hold_the_truth_about() -> None:
    """Routes and repeats drawn anew each time; percentile intervals of 30 routes are a little too
    narrow.
    """
    inside = 0
    for seed in range(300):
        ratio = Ratio.mean(drives(30, 2, seed))
        low, high = np.quantile(resampled((ratio,), seed=0, resamples=400), (0.025, 0.975))
        inside += low <= 50.0 <= high
    assert 0.90 <= inside / 300 <= 0.98


def test_one_seed_gives_one_interval_however_the_work_is_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ratio = Ratio.mean(drives(9, 2, seed=4))
    assert ratio_interval(ratio, seed=3) == ratio_interval(ratio, seed=3)
    assert ratio_interval(ratio, seed=3) != ratio_interval(ratio, seed=4)
    monkeypatch.setattr("auxdrive.bootstrap._MOST_AT_ONCE", 1800)
    assert len(resampled((ratio,), seed=3, resamples=1234)) == 1234


def test_too_few_routes_and_equal_numbers_have_no_bounds() -> None:
    few = ratio_interval(Ratio.mean(drives(LEAST_ROUTES - 1, 3, seed=1)), seed=0)
    assert (few.low, few.high) == (None, None)
    enough = ratio_interval(Ratio.mean(drives(LEAST_ROUTES, 3, seed=1)), seed=0)
    assert enough.low is not None
    equal = ratio_interval(Ratio.mean(np.full((20, 2), 100.0)), seed=0, unit="%")
    assert (equal.value, equal.low, equal.high, equal.unit) == (100.0, None, None, "%")
    nothing = np.zeros((20, 1))
    nothing[0] = 1.0  # on some resamples nothing was driven
    assert ratio_interval(Ratio(nothing, nothing.copy()), seed=0).low is None


def test_what_cannot_be_resampled_is_refused() -> None:
    ones = np.ones((6, 2))
    with pytest.raises(DataError, match="denominator is 0"):
        ratio_interval(Ratio(ones, 0 * ones), seed=0)
    with pytest.raises(DataError, match="denominator is 0"):
        paired_bootstrap(Ratio(ones, ones), Ratio(ones, 0 * ones), seed=0)
    with pytest.raises(DataError, match="same routes and repeats"):
        paired_bootstrap(Ratio.mean(ones), Ratio.mean(np.ones((5, 2))), seed=0)
    for wrong in (np.ones(6), np.full((6, 2), np.nan), np.ones((0, 2))):
        with pytest.raises(DataError):
            resampled((Ratio(wrong, np.ones_like(wrong)),), seed=0)
