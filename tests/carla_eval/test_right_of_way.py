"""Who goes first where two ways meet, whatever the simulator."""

from __future__ import annotations

import math

import pytest
from auxdrive_eval.simulators.right_of_way import (
    Care,
    Comer,
    Stay,
    are_there_together,
    has_priority,
    is_past_stopping,
    rank_of,
    travel_s,
)

NORTHWARD = math.pi / 2
STRAIGHT, LEFT, MINOR = rank_of(False), rank_of(True), rank_of(False, gives_way=True)
CARE = Care(before_s=1.0, after_s=0.5, firm_mps2=4.0)


def test_priority_goes_by_lights_then_ways_then_sides() -> None:
    own = Comer(NORTHWARD, None, False, STRAIGHT)
    right, left = own._replace(yaw_rad=math.pi), own._replace(yaw_rad=0.0)
    assert has_priority(right, own)
    assert not has_priority(left, own)
    assert not has_priority(own._replace(yaw_rad=-NORTHWARD), own)
    assert not has_priority(right, own._replace(signed=True))
    assert not has_priority(right._replace(rank=MINOR), own)
    assert has_priority(left, own._replace(rank=LEFT))
    lit = Comer(NORTHWARD, 0, True, LEFT)
    assert has_priority(Comer(-NORTHWARD, 0, True, STRAIGHT), lit)
    assert not has_priority(Comer(math.pi, 1, True, STRAIGHT), lit)
    assert STRAIGHT < LEFT < MINOR < rank_of(True, gives_way=True)


def test_who_is_too_fast_for_his_line_comes() -> None:
    assert is_past_stopping(8.0, 7.9, CARE)
    assert not is_past_stopping(8.0, 8.1, CARE)
    assert is_past_stopping(0.0, -0.1, CARE)


def test_a_gap_counts_from_leaving_to_arriving() -> None:
    own = Stay(2.0, 4.0)
    for other, together in (
        (Stay(0.0, 1.4), False),
        (Stay(0.0, 1.6), True),
        (Stay(4.9, 9.0), True),
        (Stay(5.1, 9.0), False),
    ):
        assert are_there_together(own, other, CARE) == together


def test_the_time_for_a_way() -> None:
    assert travel_s(-1.0, 5.0, 1.0, 8.0) == 0.0
    assert travel_s(8.0, 0.0, 1.0, 8.0) == pytest.approx(4.0)
    assert travel_s(32.0 + 16.0, 0.0, 1.0, 8.0) == pytest.approx(8.0 + 2.0)
    assert travel_s(30.0, 10.0, 1.0, 8.0) == pytest.approx(3.0)
