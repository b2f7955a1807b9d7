"""The ticks of a loop, by a clock that the test sets: no drift, no burst, each deadline counted."""

from __future__ import annotations

import pytest
from auxdrive.loop.ticker import SLICE_S, Ticker
from hypothesis import given
from hypothesis import strategies as st

PERIOD_S = 0.05


class Clock:
    """A clock that goes forward by sleeping alone.

    Args:
        oversleeps: how much longer each sleep takes than asked for, one after the other.
    """

    def __init__(self, *oversleeps: float) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []
        self._oversleeps = list(oversleeps)

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds + (self._oversleeps.pop(0) if self._oversleeps else 0.0)


def ticker(clock: Clock) -> Ticker:
    return Ticker(1 / PERIOD_S, clock, clock.sleep)


def never() -> bool:
    return False


def begun(clock: Clock, works_s: list[float]) -> tuple[list[float], Ticker]:
    """When ticks begin whose work takes so long, in periods after the first."""
    ticks = ticker(clock)
    at = []
    for work_s in works_s:
        assert ticks.wait(never) is not None
        at.append(round((clock.now_s - 1000.0) / PERIOD_S, 3))
        clock.now_s += work_s
    return at, ticks


def test_ticks_come_at_multiples_of_the_period_however_long_their_work_takes() -> None:
    at, ticks = begun(Clock(), [0.0, 0.01, 0.049, 0.03, 0.0])
    assert at == [0, 1, 2, 3, 4]
    assert ticks.missed == 0


def test_oversleeping_does_not_add_up() -> None:
    at, ticks = begun(Clock(*[0.004] * 10), [0.001] * 6)
    assert at == [0, 1.08, 2.08, 3.08, 4.08, 5.08]
    assert ticks.missed == 0


def test_work_that_takes_too_long_is_counted_and_not_made_up_for_by_a_burst() -> None:
    """The second tick takes 5.5 periods: its deadline and those of four left-out ticks are missed,
    one late tick begins at once, and then all is as before.
    """
    at, ticks = begun(Clock(), [0.0, 5.5 * PERIOD_S, 0.0, 0.0])
    assert at == [0, 1, 6.5, 7]
    assert ticks.missed == 5


def test_a_tick_that_begins_late_and_ends_in_time_misses_nothing_more() -> None:
    at, ticks = begun(Clock(), [1.2 * PERIOD_S, 0.5 * PERIOD_S, 0.0])
    assert at == [0, 1.2, 2]
    assert ticks.missed == 1


def test_sleeping_past_a_deadline_misses_it() -> None:
    clock = Clock(2.3 * PERIOD_S)
    ticks = ticker(clock)
    ticks.wait(never)
    assert ticks.wait(never) == pytest.approx(2.3 * PERIOD_S)
    assert ticks.missed == 2  # of the ticks 1 and 2; tick 3 is the one that begins
    ticks.wait(never)
    assert (clock.now_s - 1000.0) / PERIOD_S == pytest.approx(4)
    assert ticks.missed == 2


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40))
def test_every_period_has_its_tick_or_a_missed_deadline(works: list[float]) -> None:
    clock = Clock()
    ticks = ticker(clock)
    for done, work in enumerate(works, start=1):
        ticks.wait(never)
        periods = int((clock.now_s - 1000.0) / PERIOD_S + 1e-6)
        assert done + ticks.missed >= periods  # none is lost
        assert 0 <= ticks.missed <= periods  # none is counted twice
        clock.now_s += work * PERIOD_S


def test_it_stops_while_it_waits_for_long() -> None:
    clock = Clock()
    ticks = Ticker(0.1, clock, clock.sleep)
    ticks.wait(never)
    assert ticks.wait(lambda: clock.now_s > 1001.0) is None
    assert clock.now_s < 1001.2
    assert max(clock.slept) <= SLICE_S


def test_it_does_not_begin_a_tick_once_it_is_stopped() -> None:
    assert ticker(Clock()).wait(lambda: True) is None
