"""Rank correlations against SciPy's and by counting orders."""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive.errors import DataError
from auxdrive.ranking import rank_correlation
from scipy import stats


def test_rank_correlation_is_scipys_with_ties_and_its_interval_by_hand() -> None:
    rng = np.random.default_rng(6)
    one = np.round(rng.normal(size=30), 1)
    other = np.round(one + rng.normal(size=30), 1)
    got = rank_correlation(one, other, seed=0)
    theirs = stats.spearmanr(one, other)
    assert got.rho == pytest.approx(theirs.statistic)
    assert got.p_value == pytest.approx(theirs.pvalue, abs=0.004)
    assert got.rho is not None
    half = 1.959964 * math.sqrt((1 + got.rho**2 / 2) / 27)
    assert got.low == pytest.approx(math.tanh(math.atanh(got.rho) - half), rel=1e-5)
    assert got.high == pytest.approx(math.tanh(math.atanh(got.rho) + half), rel=1e-5)
    assert got == rank_correlation(one, other, seed=0)


def test_few_runs_have_a_rank_correlation_without_bounds() -> None:
    few = rank_correlation(np.array([1.0, 2.0, 3.0, 5.0]), np.array([9.0, 8.0, 7.0, 1.0]), seed=0)
    assert (few.rho, few.low, few.high, few.pairs) == (pytest.approx(-1.0), None, None, 4)
    assert few.p_value == pytest.approx(2 / 24, abs=0.01)  # one order in 24, either way
    same = rank_correlation(np.ones(12), np.arange(12.0), seed=0)
    assert (same.rho, same.p_value) == (None, 1.0)


def test_within_groups_only_their_own_things_are_exchanged() -> None:
    # of two things in a group the one's difference from their mean is the other's with its sign
    groups = [name for name in "abc" for _ in range(2)]
    one = np.array([1.0, 2.0, 11.0, 12.5, 5.0, 7.0])
    got = rank_correlation(one, one**2, 0, groups)
    assert got.pairs == 4
    assert got.rho == pytest.approx(1.0, abs=0.3)
    assert got.p_value == pytest.approx(2 / 8, abs=0.02)  # of 2 x 2 x 2 orders this and its mirror
    single = rank_correlation(one, one**2, 0)
    assert single == rank_correlation(one, one**2, 0, ["one"] * 6)
    # means that differ between groups add nothing
    rng = np.random.default_rng(1)
    shift = np.repeat([0.0, 100.0, 1000.0], 20)
    noise = rng.normal(size=(2, 60))
    apart = rank_correlation(shift + noise[0], shift + noise[1], 0, np.repeat(list("abc"), 20))
    assert apart.rho is not None
    assert abs(apart.rho) < 0.4
    assert rank_correlation(shift + noise[0], shift + noise[1], 0).rho > 0.8


def test_what_cannot_be_ranked_is_refused() -> None:
    with pytest.raises(DataError, match="two rows of one length"):
        rank_correlation(np.ones(3), np.ones(4), seed=0)
    with pytest.raises(DataError, match="finite"):
        rank_correlation(np.ones(3), np.array([1.0, math.nan, 2.0]), seed=0)
