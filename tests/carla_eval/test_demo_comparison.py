"""The demo's verdict and its interval come from one test, and cannot disagree."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from auxdrive_eval.demo.comparison import compare
from hypothesis import given, settings
from hypothesis import strategies as st

GAPS = st.lists(st.integers(-100, 100).map(float), min_size=1, max_size=12)


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
    found = compare(np.array(gaps), np.zeros(len(gaps)), 0)
    assert found.p_value == pytest.approx(plain_p(gaps, 0.0))
    assert found.mean == pytest.approx(np.mean(gaps))


@given(GAPS)
@settings(max_examples=60, deadline=None)
def test_the_interval_is_what_the_test_does_not_refuse(gaps: list[float]) -> None:
    found = compare(np.array(gaps), np.zeros(len(gaps)), 0)
    assert found.low <= found.mean <= found.high
    if np.isinf(found.low):
        assert 2.0 / 2 ** len(gaps) >= 0.05 or len(gaps) < 6
        return
    for limit, outwards in ((found.low, -1e-3), (found.high, 1e-3)):
        assert plain_p(gaps, limit + outwards) < 0.05
        assert plain_p(gaps, limit - outwards) >= 0.05 or found.low == found.high


@given(st.lists(st.integers(-100, 100).map(float), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_zero_lies_outside_the_interval_just_where_the_verdict_claims_a_difference(
    gaps: list[float],
) -> None:
    found = compare(np.array(gaps), np.zeros(len(gaps)), 3)
    outside = not found.low <= 0.0 <= found.high
    assert outside == (found.p_value < 0.05)
    assert ("No difference" in found.verdict) == (not outside)


def test_the_verdict_says_which_way() -> None:
    better = compare(np.full(10, 60.0), np.full(10, 50.0), 0)
    assert (better.mean, better.low, better.high) == (10, 10, 10)
    assert "drives better" in better.verdict
    assert "drives worse" in compare(np.full(10, 40.0), np.full(10, 50.0), 0).verdict
    assert (
        "No difference"
        in compare(np.array([51.0, 60.0, 70.0]), np.array([50.0, 50.0, 50.0]), 0).verdict
    )
