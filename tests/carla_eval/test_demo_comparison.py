"""The demo's verdict claims a difference only if the test finds one, and gives its direction."""

from __future__ import annotations

import numpy as np
from auxdrive.statistics import paired_difference
from auxdrive_eval.demo.comparison import verdict
from hypothesis import given, settings
from hypothesis import strategies as st


@given(st.lists(st.integers(-100, 100).map(float), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_the_verdict_claims_a_difference_just_where_zero_lies_outside_the_interval(
    gaps: list[float],
) -> None:
    found = paired_difference(np.array(gaps), np.zeros(len(gaps)), 3)
    outside = not found.low <= 0.0 <= found.high
    assert ("No difference" in verdict(found)) == (not outside)


def said(student: list[float], baseline: float) -> str:
    return verdict(paired_difference(np.array(student), np.full(len(student), baseline), 0))


def test_the_verdict_says_which_way() -> None:
    assert "drives better" in said([60.0] * 10, 50.0)
    assert "drives worse" in said([40.0] * 10, 50.0)
    assert "No difference" in said([51.0, 60.0, 70.0], 50.0)
    assert "over 10 routes +10.0 to +10.0, p = 0.002" in said([60.0] * 10, 50.0)
