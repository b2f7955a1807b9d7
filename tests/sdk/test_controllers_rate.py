"""Controllers on the clock: the PID says the same at any rate, and the wheel moves no faster than
the vehicle's spec allows.
"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from auxdrive.cards import VehicleSpec
from auxdrive.controllers import make_controller
from auxdrive.controllers.pid import Pid, PidGains
from auxdrive.types import Control
from hypothesis import given, settings
from hypothesis import strategies as st
from steady_drive import LEFT, STEERING, VEHICLE, SteadyDrive, steers

GAINS = PidGains(p=1.25, i=0.75, d=0.3, window_s=2.0)
RATES = [4.0, 10.0, 13.7, 20.0, 100.0, 250.0]


def last_of(error: object, rate_hz: float, duration_s: float, gains: PidGains = GAINS) -> float:
    """What the PID says at the end of a drive with the error as a function of time, called at that
    rate.
    """
    pid, calls = Pid(gains, 0.5), round(duration_s * rate_hz)
    return [
        pid.step(
            error(duration_s - (calls - call) / rate_hz), duration_s - (calls - call) / rate_hz
        )
        for call in range(calls + 1)
    ][-1]  # type: ignore[operator]


@pytest.mark.parametrize("rate_hz", RATES)
def test_a_constant_error_is_met_alike_at_any_rate(rate_hz: float) -> None:
    assert last_of(lambda _: 0.2, rate_hz, 5.0) == pytest.approx((1.25 + 0.75) * 0.2)


@pytest.mark.parametrize("rate_hz", RATES)
def test_a_growing_error_is_met_alike_at_any_rate(rate_hz: float) -> None:
    """0.4 per second: the change over 0.1 s is 0.04, and the mean over 2 s is that of 1 s ago, up
    to half a sample.
    """
    at_end = 0.4 * 5.0
    mean = at_end - 0.4 * (1.0 - 0.5 / rate_hz)
    assert last_of(lambda time_s: 0.4 * time_s, rate_hz, 5.0) == pytest.approx(
        1.25 * at_end + 0.75 * mean + 0.3 * 0.04, rel=1e-3
    )


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0.001, 0.6), st.floats(-1.0, 1.0)), min_size=1, max_size=40),
    st.sampled_from([0.02, 0.1, 0.3, 2.0]),
)
def test_every_step_says_what_all_samples_say(
    steps: list[tuple[float, float]], window_s: float
) -> None:
    """To the last bit, for any times: the error integrated from all samples there were."""
    gains = PidGains(p=0.0, i=1.0, d=0.0, window_s=window_s)
    pid, now_s = Pid(gains, 0.5), 100.0
    samples: list[tuple[float, float]] = []
    for pause_s, error in steps:
        now_s += pause_s
        if not samples or now_s - samples[-1][0] > 0.5:
            samples = [(now_s - gains.period_s, 0.0)]
        samples.append((now_s, error))
        since_s = now_s - window_s
        parts = [
            each * (time_s - max(before_s, since_s))
            for (before_s, _), (time_s, each) in pairwise(samples)
            if time_s > since_s
        ]
        assert pid.step(error, now_s) == math.fsum(parts) / window_s


@settings(max_examples=30)
@given(st.floats(0.2, 2.0), st.floats(0.0, 6.0))
def test_a_swinging_error_is_met_alike_at_any_rate(frequency_hz: float, phase: float) -> None:
    """Called ten times as often, the PID says what it says at the rate of its gains."""

    def error(time_s: float) -> float:
        return math.sin(math.tau * frequency_hz * time_s + phase)

    at_gains, often = (last_of(error, rate_hz, 5.0) for rate_hz in (10.0, 100.0))
    assert often == pytest.approx(at_gains, abs=0.05 * (1.25 + 0.75 + 0.3))


def test_an_irregular_clock_changes_little() -> None:
    def error(time_s: float) -> float:
        return math.sin(time_s)

    pid, time_s, index = Pid(GAINS, 0.5), 0.0, 0
    while time_s < 5.0:
        time_s, index = time_s + (0.03, 0.11, 0.07, 0.19)[index % 4], index + 1
        output = pid.step(error(time_s), time_s)
    steady = last_of(error, 10.0, time_s)
    assert output == pytest.approx(steady, abs=0.05)


def test_a_long_pause_begins_anew() -> None:
    pid = Pid(GAINS, 0.5)
    first = pid.step(0.2, 0.0)
    for call in range(1, 30):
        pid.step(0.2, 0.1 * call)
    assert pid.step(0.2, 3.6) == first
    assert len(pid._errors) == 2


def test_memory_does_not_grow() -> None:
    pid = Pid(GAINS, 0.5)
    for call in range(3000):
        pid.step(0.1, 0.01 * call)
    assert len(pid._errors) <= 203


@pytest.mark.parametrize("rate_hz", RATES)
def test_the_pid_controller_follows_the_same_path_alike_at_any_rate(rate_hz: float) -> None:
    drive = SteadyDrive(make_controller("pid", STEERING, VEHICLE), 1 / rate_hz)
    for _ in range(round(3 * rate_hz)):
        control = drive.step(LEFT, 4.3)
    angle = math.degrees(math.atan2(1.5, 3)) / 90
    assert control.steer_rad == pytest.approx((1.25 + 0.75) * angle * STEERING.max_road_wheel_rad)
    assert control.throttle == pytest.approx(
        min(0.75, (5.0 + 0.5) * (math.hypot(2, 1) / 0.5 - 4.3))
    )


SLOW = VehicleSpec(name="slow wheel", wheelbase_m=2.8, max_steer_rate_radps=0.5)


def test_after_a_stop_the_wheel_goes_on_from_where_it_was_held() -> None:
    drive = SteadyDrive(make_controller("steering", STEERING, SLOW))
    drive.step(steers(0.3), 4.0)
    assert drive.step(steers(None), 4.0) == Control(0.3, 0.0, 1.0)
    assert drive.step(steers(-0.3), 4.0).steer_rad == pytest.approx(0.25)
    # a clock that fails for once opens no gap in the limit
    drive.controller.step(steers(-0.3), 4.0, math.nan)
    assert drive.step(steers(-0.3), 4.0).steer_rad == pytest.approx(0.20)
