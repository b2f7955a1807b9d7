"""How long a vehicle has stood still, and moved since."""

from __future__ import annotations

import math

import numpy as np
from auxdrive import StandingTime
from auxdrive.standing import MAX_MOVING_S, MAX_STANDING_S, STANDING_MPS
from hypothesis import given
from hypothesis import strategies as st

SPEEDS = st.lists(st.sampled_from([0.0, -0.05, STANDING_MPS, 0.11, -3.0, 8.0]), min_size=1)


@given(speeds_mps=SPEEDS, step_s=st.sampled_from([0.05, 0.5, 7.0]))
def test_both_times_are_those_of_the_whole_history(speeds_mps: list[float], step_s: float) -> None:
    standing = StandingTime()
    for count in range(1, len(speeds_mps) + 1):
        told = standing.update(speeds_mps[count - 1], step_s * (count - 1))
        still = np.abs(speeds_mps[:count]) <= STANDING_MPS
        run = int(np.argmin(still[::-1])) if not still.all() else count
        stood_s = step_s * (run - 1) if run else 0.0
        last = np.flatnonzero(still)
        moved_s = step_s * (count - 1 - last[-1]) if last.size else math.inf
        assert told == standing.standing_s
        assert math.isclose(told, min(stood_s, MAX_STANDING_S), abs_tol=1e-9)
        assert math.isclose(standing.moving_s, min(moved_s, MAX_MOVING_S), abs_tol=1e-9)


def test_a_speed_that_is_not_known_is_no_stop() -> None:
    standing = StandingTime()
    assert standing.update(4.0, 0.0) == 0.0
    assert standing.moving_s == MAX_MOVING_S, "it was never seen to stand"
    standing.update(0.0, 1.0)
    assert math.isnan(standing.update(math.nan, 2.0))
    assert math.isnan(standing.moving_s)
    standing.update(4.0, 3.0)
    assert standing.moving_s == 2.0
