"""Intervals and tests against SciPy and against plain enumeration."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Mapping
from itertools import product

import numpy as np
import pytest
from auxdrive.errors import DataError
from auxdrive.statistics import (
    bootstrap_intervals,
    paired_difference,
    seed_difference,
    seed_interval,
    seed_ratio,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

GAPS = st.lists(st.integers(-100, 100).map(float), min_size=1, max_size=9)


def test_nothing_but_the_t_interval_asks_for_scipy() -> None:
    code = (
        "import sys, numpy as np, auxdrive.statistics as s\n"
        "s.paired_difference(np.ones(9), np.zeros(9), 0); s.seed_interval([1.0])\n"
        "print('scipy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


# Over seeds


def test_seed_interval_by_hand() -> None:
    got = seed_interval([1.0, 2.0, 3.0], unit="deg")
    # the table's t for 2 degrees of freedom; the standard deviation is 1
    half = 4.302652729911275 / math.sqrt(3)
    assert got.value == 2.0
    assert got.unit == "deg"
    assert (got.low, got.high) == (pytest.approx(2 - half), pytest.approx(2 + half))


def test_one_seed_has_no_bounds() -> None:
    assert seed_interval([3.0]).model_dump() == {
        "value": 3.0,
        "low": None,
        "high": None,
        "unit": "",
    }


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_intervals_need_finite_values(values: list[float]) -> None:
    with pytest.raises(DataError, match="at least one value and finite ones"):
        seed_interval(values)


def test_seed_interval_covers_the_truth_19_times_in_20() -> None:
    rng = np.random.default_rng(0)
    intervals = [seed_interval(rng.normal(5.0, 2.0, size=4).tolist()) for _ in range(2000)]
    covered = np.mean(
        [i.low is not None and i.high is not None and i.low <= 5.0 <= i.high for i in intervals]
    )
    assert 0.935 < covered < 0.965


def test_a_ratios_interval_is_what_the_paired_t_test_does_not_reject() -> None:
    rng = np.random.default_rng(5)
    gap = rng.normal(12.0, 3.0, 6)
    gain = 0.6 * gap + rng.normal(0.0, 2.0, 6)
    got = seed_ratio(gain, gap)
    assert got.value == pytest.approx(gain.mean() / gap.mean())
    assert got.low is not None
    assert got.high is not None
    for bound, inwards in ((got.low, 1e-6), (got.high, -1e-6)):
        assert stats.ttest_1samp(gain - bound * gap, 0.0).pvalue == pytest.approx(0.05, abs=1e-6)
        assert seed_difference(gain, (bound + inwards) * gap).p_value > 0.05
    assert seed_difference(gain, got.value * gap).p_value == pytest.approx(1.0)


def test_a_ratio_over_a_gap_that_is_not_shown_has_no_bounds() -> None:
    gap = np.array([3.0, -2.0, 1.5])
    assert not seed_difference(gap, np.zeros(3)).is_shown
    assert seed_ratio(np.array([1.0, 2.0, 3.0]), gap).low is None
    assert seed_ratio(np.array([1.0]), np.array([2.0])).model_dump()["high"] is None
    with pytest.raises(DataError, match="denominator is 0"):
        seed_ratio(np.array([1.0, 2.0]), np.array([1.0, -1.0]))


# Over groups of frames


def mean_bounds(
    values: NDArray[np.float64], group_of: NDArray[np.intp], **options: int
) -> tuple[float | None, float | None]:
    def measure(index: NDArray[np.intp]) -> Mapping[str, float]:
        return {"mean": float(values[index].mean())}

    everything = np.arange(len(values))
    settled = {"resamples": 1000, "seed": 0} | options
    found = bootstrap_intervals(measure(everything), measure, group_of, **settled)["mean"]  # type: ignore[arg-type]
    assert found.value == values.mean()
    return found.low, found.high


def test_bootstrap_agrees_with_scipys_and_repeats() -> None:
    values = np.random.default_rng(1).normal(size=150)
    low, high = mean_bounds(values, np.arange(150))
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=1000, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert (low, high) == (
        pytest.approx(theirs.low, abs=0.1 * width),
        pytest.approx(theirs.high, abs=0.1 * width),
    )
    assert (low, high) == mean_bounds(values, np.arange(150))
    assert (low, high) != mean_bounds(values, np.arange(150), seed=1)


def test_bootstrap_over_episodes_is_wider_where_frames_of_one_are_alike() -> None:
    rng = np.random.default_rng(2)
    episode = np.repeat(np.arange(10), 50)
    values = rng.normal(size=10)[episode] + 0.01 * rng.normal(size=500)
    frames, episodes = mean_bounds(values, np.arange(500)), mean_bounds(values, episode)
    assert None not in (*frames, *episodes)
    assert episodes[1] - episodes[0] > 4 * (frames[1] - frames[0])  # type: ignore[operator]


def test_bounds_are_quantiles_over_whole_groups_drawn_from_the_seed() -> None:
    """Plain loops; what stands in bundles' cards was drawn so."""
    values, group_of = np.random.default_rng(4).normal(size=40), np.arange(40) // 4
    rng = np.random.default_rng(7)
    means = []
    for _ in range(300):
        groups = rng.integers(10, size=10)
        means.append(np.concatenate([values[4 * g : 4 * g + 4] for g in groups]).mean())
    assert mean_bounds(values, group_of, resamples=300, seed=7) == (
        float(np.quantile(means, 0.025)),
        float(np.quantile(means, 0.975)),
    )


def test_too_few_groups_have_no_bounds() -> None:
    values = np.arange(6.0)
    assert mean_bounds(values, np.zeros(6, np.intp)) == (None, None)
    assert mean_bounds(values, np.arange(6) // 2, min_groups=4) == (None, None)
    assert None not in mean_bounds(values, np.arange(6) // 2, min_groups=3)


def test_a_metric_that_a_resample_makes_undefined_has_no_bounds() -> None:
    def measure(index: NDArray[np.intp]) -> Mapping[str, float]:
        return {"r2": math.nan if len(np.unique(index)) < 3 else 1.0}

    found = bootstrap_intervals({"r2": 1.0}, measure, np.arange(4), resamples=50, seed=0)["r2"]
    assert (found.value, found.low, found.high) == (1.0, None, None)


# Pair by pair


def plain_p(gaps: list[float], shift: float) -> float:
    """The sign-flip test, pattern by pattern: the share of those whose sum is at least as far from
    zero as the one found.
    """
    shifted = [gap - shift for gap in gaps]
    sums = [
        abs(sum(sign * gap for sign, gap in zip(signs, shifted, strict=True)))
        for signs in product((1, -1), repeat=len(gaps))
    ]
    return sum(value >= abs(sum(shifted)) - 1e-9 for value in sums) / len(sums)


@given(GAPS)
@settings(max_examples=60, deadline=None)
def test_the_p_value_is_the_sign_flip_tests(gaps: list[float]) -> None:
    found = paired_difference(np.array(gaps), np.zeros(len(gaps)), 0)
    assert found.p_value == pytest.approx(plain_p(gaps, 0.0))
    assert found.mean == pytest.approx(np.mean(gaps))
    assert found.pairs == len(gaps)


def test_the_p_value_is_scipys() -> None:
    gaps = np.array([3.0, -1.0, 4.0, 1.5, 5.0, -2.0, 6.0])
    theirs = stats.permutation_test(
        (gaps,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert paired_difference(gaps, np.zeros(7), 0).p_value == pytest.approx(theirs.pvalue)


@given(GAPS)
@settings(max_examples=60, deadline=None)
def test_the_interval_is_what_the_test_does_not_refuse(gaps: list[float]) -> None:
    found = paired_difference(np.array(gaps), np.zeros(len(gaps)), 0)
    assert found.low <= found.mean <= found.high
    if np.isinf(found.low):
        assert 2.0 / 2 ** len(gaps) >= 0.05 or len(gaps) < 6
        return
    for limit, outwards in ((found.low, -1e-3), (found.high, 1e-3)):
        assert plain_p(gaps, limit + outwards) < 0.05
        assert plain_p(gaps, limit - outwards) >= 0.05 or found.low == found.high


@given(st.lists(st.integers(-100, 100).map(float), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_zero_lies_outside_the_interval_just_where_a_difference_is_shown(
    gaps: list[float],
) -> None:
    found = paired_difference(np.array(gaps), np.zeros(len(gaps)), 3)
    assert (not found.low <= 0.0 <= found.high) == found.is_shown == (found.p_value < 0.05)


def test_unpaired_scores_are_refused() -> None:
    for one, other in (([1.0], [1.0, 2.0]), ([], []), ([math.nan], [1.0])):
        with pytest.raises(DataError, match="paired scores"):
            paired_difference(np.array(one), np.array(other), 0)


# Differences over seeds


def test_a_difference_over_seeds_is_the_paired_t_test() -> None:
    one, other = np.array([1.0, 2.5, 3.0, 2.0]), np.array([0.5, 2.0, 1.0, 2.2])
    got, expected = seed_difference(one, other), stats.ttest_rel(one, other)
    bounds = expected.confidence_interval()
    assert got.p_value == pytest.approx(expected.pvalue)
    assert (got.low, got.high) == pytest.approx((bounds.low, bounds.high))
    assert (got.mean, got.pairs, got.test) == (pytest.approx(0.7), 4, "paired t-test")


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_over_seeds_zero_lies_outside_the_interval_just_where_a_difference_is_shown(
    gaps: list[float],
) -> None:
    got = seed_difference(np.array(gaps), np.zeros(len(gaps)))
    assert got.is_shown == (not got.low <= 0.0 <= got.high)


@pytest.mark.parametrize("gaps", [[0.3], [0.1] * 3, [0.0, 0.0], [1e-320] * 2])
def test_differences_without_scatter_show_nothing(gaps: list[float]) -> None:
    got = seed_difference(np.array(gaps) + 7.0, np.full(len(gaps), 7.0))
    assert (got.low, got.high, got.p_value) == (-math.inf, math.inf, 1.0)


def test_unpaired_or_endless_values_over_seeds_are_refused() -> None:
    with pytest.raises(DataError, match="two rows of one length"):
        seed_difference(np.zeros(2), np.zeros(3))
    with pytest.raises(DataError, match="must be finite"):
        seed_difference(np.array([np.inf]), np.zeros(1))
