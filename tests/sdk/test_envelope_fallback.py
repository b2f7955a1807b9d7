"""When the envelope falls back, how, and how it goes on: hysteresis, latching, release, the driver.
A machine of states drives the whole envelope beside a model of it that is kept in lists.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from auxdrive.envelope.fallback import Fallback
from auxdrive.envelope.guarded import EnvelopeFlag, EnvelopeMode
from auxdrive.envelope.options import EnvelopeFallback
from auxdrive.errors import InputError
from auxdrive.types import Control, Flag, Observation
from enveloped import Drive, frame, steers
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

M = EnvelopeMode
QUICK = {"begin_bad": 2, "of_last": 4, "end_good": 3}


def drive(kind: str = "stop", **fallback: Any) -> Drive:
    made = Drive(fallback={"kind": kind, **QUICK, **fallback})
    made.ticks(5, steer_rad=0.1)
    return made


def test_one_bad_frame_holds_the_last_good_command() -> None:
    envelope = drive()
    held = envelope.last
    guarded = envelope.tick(steer_rad=-0.4, dark=True)
    assert (guarded.mode, guarded.control) == (M.BRIDGING, held)
    assert guarded.flags == {EnvelopeFlag.FRAME_DARK, EnvelopeFlag.BRIDGED}
    assert guarded.reason == "the image is dark; the last good command is held"
    assert envelope.tick().mode is M.DRIVING


def test_so_many_bad_frames_of_so_many_begin_the_fallback() -> None:
    envelope = drive("slow_straight")
    dark = [True, False, False, False, True, False, False, True]
    modes = [envelope.tick(dark=each).mode for each in dark]
    assert modes[:7] == [M.BRIDGING, M.DRIVING, M.DRIVING, M.DRIVING, M.BRIDGING, *[M.DRIVING] * 2]
    assert modes[7] is M.SLOW_STRAIGHT


def test_so_many_good_frames_in_a_row_end_it() -> None:
    envelope = drive("slow_straight")
    envelope.ticks(2, dark=True)
    dark = [False, False, True, False, False, False, False]
    modes = [envelope.tick(dark=each).mode for each in dark]
    assert modes == [*[M.SLOW_STRAIGHT] * 5, M.DRIVING, M.DRIVING]


def test_a_frame_counts_once_however_often_it_is_given() -> None:
    envelope = drive()
    seen = Observation((frame() % 20).astype(np.uint8), envelope.now_s + 0.05, 4.0)
    prediction = steers(seen.time_s, 0.1)
    modes = {envelope.tick(observation=seen, prediction=prediction).mode for _ in range(8)}
    assert modes == {M.BRIDGING}
    # but when it becomes stale, every call counts
    envelope.ticks(5, observation=seen, prediction=prediction)
    assert envelope.envelope.mode is M.STOP


def test_slow_straight_straightens_the_wheels_and_brakes_gently() -> None:
    envelope = drive("slow_straight")
    guarded = envelope.ticks(30, dark=True)
    assert guarded.control == Control(0.0, 0.0, 2.0 / 8.0)
    assert EnvelopeFlag.FALLBACK in guarded.flags


def test_stop_keeps_the_wheels_and_stays_until_release() -> None:
    envelope = drive()
    angle = envelope.last.steer_rad
    envelope.ticks(30, dark=True)
    assert envelope.last == Control(angle, 0.0, 4.0 / 8.0)
    assert envelope.ticks(50).mode is M.STOP
    envelope.envelope.release()
    before = envelope.last
    guarded = envelope.tick(steer_rad=0.1)
    assert guarded.mode is M.DRIVING
    assert guarded.control.brake == pytest.approx(before.brake - 5.0 * 0.05 / 8.0)  # no jump


def test_hold_becomes_a_stop() -> None:
    envelope = drive("hold", hold_s=0.5)
    held = envelope.last
    envelope.ticks(2, dark=True)
    guarded = envelope.ticks(8, dark=True)
    assert (guarded.mode, guarded.control) == (M.HOLD, held)
    assert envelope.ticks(5, dark=True).mode is M.STOP
    assert envelope.ticks(9).mode is M.STOP


def test_hold_ends_even_on_a_clock_that_jumps() -> None:
    envelope = drive("hold", hold_s=1.0)
    modes = [envelope.tick(now_s=envelope.now_s - 5.0 * n).mode for n in range(12)]
    assert modes[-1] is M.STOP


def test_before_the_first_good_input_the_car_is_braked_and_nothing_is_counted() -> None:
    envelope = Drive(fallback=QUICK)
    guarded = envelope.ticks(50, observation=None, prediction=None)
    assert (guarded.mode, guarded.control) == (M.BRIDGING, Control(0.0, 0.0, 0.5))
    assert guarded.reason.endswith("the car is braked until the input is good")
    assert envelope.tick().mode is M.DRIVING


def test_what_is_tolerated_is_flagged_and_driven() -> None:
    envelope = drive(tolerated=("frame_dark",))
    guarded = envelope.ticks(20, dark=True, steer_rad=0.1)
    assert guarded.mode is M.DRIVING
    assert EnvelopeFlag.FRAME_DARK in guarded.flags
    assert envelope.envelope.counters["frame_dark"] == 20


@pytest.mark.parametrize("tolerated", [None, ()])
def test_images_unlike_the_training_are_driven_by_unless_asked_otherwise(
    tolerated: tuple[EnvelopeFlag, ...] | None,
) -> None:
    envelope = drive(**({} if tolerated is None else {"tolerated": tolerated}))
    for _ in range(5):
        given = replace(
            steers(envelope.now_s + 0.05, 0.1),
            flags=frozenset({Flag.OUT_OF_DISTRIBUTION}),
            ood_score=9.0,
        )
        guarded = envelope.tick(prediction=given)
    assert guarded.mode is (M.DRIVING if tolerated is None else M.STOP)
    assert EnvelopeFlag.OUT_OF_DISTRIBUTION in guarded.flags
    assert "unlike those of the training" in guarded.reason
    assert envelope.envelope.counters["out_of_distribution"] == 5


def test_the_driver_commands_and_the_envelope_goes_on_from_there() -> None:
    envelope = drive()
    hard = Control(-0.5, 0.0, 1.0)
    guarded = envelope.tick(override=hard)
    assert (guarded.control, guarded.mode) == (hard, M.OVERRIDE)
    assert guarded.flags == {EnvelopeFlag.OVERRIDE}
    envelope.speed_mps = 2.0
    guarded = envelope.tick(steer_rad=0.3)
    assert guarded.mode is M.DRIVING
    assert guarded.control.steer_rad == pytest.approx(-0.5 + 1.2 * 0.05)  # no jump
    assert guarded.control.brake == pytest.approx((8.0 - 5.0 * 0.05) / 8.0)


def test_a_drivers_command_is_cut_to_what_the_car_can_do_and_must_be_finite() -> None:
    envelope = drive()
    guarded = envelope.tick(override=Control(9.0, 2.0, -1.0))
    assert guarded.control == Control(np.radians(45.0), 1.0, 0.0)
    with pytest.raises(InputError, match="the driver's command's steer_rad is nan"):
        envelope.tick(override=Control(float("nan"), 0.0, 0.0))
    with pytest.raises(InputError, match="the driver's command is True; give a Control"):
        envelope.tick(override=True)


def test_a_stop_outlasts_the_driver() -> None:
    envelope = drive()
    envelope.ticks(3, dark=True)
    assert envelope.tick(override=Control(0.0, 0.2, 0.0)).mode is M.OVERRIDE
    assert envelope.tick().mode is M.STOP


def test_a_driver_who_takes_over_in_time_leaves_no_stop() -> None:
    envelope = drive()
    for _ in range(5):
        envelope.tick(dark=True, override=Control(0.0, 0.2, 0.0))
    modes = [envelope.tick(override=Control(0.0, 0.2, 0.0)).mode for _ in range(4)]
    assert modes == [M.OVERRIDE] * 4
    assert envelope.tick().mode is M.DRIVING


def test_reset_begins_a_new_drive() -> None:
    envelope = drive()
    envelope.ticks(3, dark=True)
    envelope.envelope.reset()
    envelope.last = None
    envelope.now_s = 0.0
    assert envelope.tick(steer_rad=0.3).mode is M.DRIVING
    assert envelope.last.steer_rad == 0.3


class Model:
    """What `Fallback` must say, kept in lists."""

    def __init__(self, options: EnvelopeFallback) -> None:
        self.options = options
        self.inputs: list[bool] = []
        self.since: list[bool] | None = None
        self.held_s = 0.0
        self.latched = False

    def count(self, bad: bool) -> None:
        if self.since is None:
            self.inputs.append(bad)
            if sum(self.inputs[-self.options.of_last :]) >= self.options.begin_bad:
                self.since, self.held_s = [], 0.0
            return
        self.since.append(bad)
        run = self.since[-self.options.end_good :]
        if len(run) == self.options.end_good and not any(run):
            self.since, self.inputs = None, []

    def mode(self, bad: bool, elapsed_s: float) -> EnvelopeMode:
        if self.since is not None and not self.latched:
            if self.options.kind == "slow_straight":
                return M.SLOW_STRAIGHT
            self.latched = self.options.kind == "stop" or self.held_s >= self.options.hold_s
            self.held_s += elapsed_s
        if self.latched:
            return M.STOP
        if self.since is not None:
            return M.HOLD
        return M.BRIDGING if bad else M.DRIVING


class Envelopes(RuleBasedStateMachine):
    """Drives an envelope through good and bad input, overrides and releases, beside the model.
    `Drive` checks the limits of each command.
    """

    @initialize(
        kind=st.sampled_from(["stop", "slow_straight", "hold"]),
        begin_bad=st.integers(1, 3),
        more=st.integers(0, 3),
        end_good=st.integers(1, 4),
        hold_s=st.sampled_from([0.0, 0.22, 1.03]),
    )
    def begin(self, kind: str, begin_bad: int, more: int, end_good: int, hold_s: float) -> None:
        values = {
            "kind": kind,
            "begin_bad": begin_bad,
            "of_last": begin_bad + more,
            "end_good": end_good,
            "hold_s": hold_s,
        }
        self.options = EnvelopeFallback.model_validate(values)
        self.drive = Drive(fallback=values)
        self.model = Model(self.options)
        self.driven = False
        self.seen: Observation | None = None
        self.was_dark = False
        self.driver: Control | None = None
        self.expected = M.BRIDGING

    def tick(self, bad: bool, counts: bool, **changes: Any) -> None:
        if self.driven and counts:
            self.model.count(bad)
        guarded = self.drive.tick(steer_rad=0.2 * (-1) ** (self.drive.frames // 7), **changes)
        if changes.get("override") is not None:
            self.expected = M.OVERRIDE
        else:
            self.expected = self.model.mode(bad, 0.05)
        self.driven |= self.expected in (M.DRIVING, M.OVERRIDE)
        assert guarded.mode is self.expected
        self.guarded = guarded

    def show(self, dark: bool, **changes: Any) -> None:
        image = frame(self.drive.frames + 1)
        image = (image % 20).astype(np.uint8) if dark else image
        self.seen = Observation(image, self.drive.now_s + self.drive.period_s, 4.0)
        self.was_dark = dark
        self.tick(dark, True, observation=self.seen, **changes)

    @rule(dark=st.booleans(), speed_mps=st.sampled_from([0.0, 4.0, 15.0]))
    def a_new_frame(self, dark: bool, speed_mps: float) -> None:
        self.drive.speed_mps = speed_mps
        self.show(dark)

    @rule()
    def the_same_frame_and_a_new_prediction(self) -> None:
        if self.seen is not None and self.drive.now_s - self.seen.time_s < 0.4:
            self.tick(self.was_dark, True, observation=self.seen)

    @rule()
    def no_prediction(self) -> None:
        self.seen = None
        self.tick(True, True, prediction=None)

    @rule(dark=st.booleans(), steer_rad=st.floats(-0.7, 0.7), brake=st.floats(0, 1))
    def the_driver(self, dark: bool, steer_rad: float, brake: float) -> None:
        self.driver = Control(steer_rad, 0.0, brake)
        self.show(dark, override=self.driver)
        assert self.guarded.control == self.driver

    @rule()
    def released(self) -> None:
        self.drive.envelope.release()
        self.model = Model(self.options)
        self.driven = False

    @invariant()
    def a_stop_gives_no_throttle(self) -> None:
        if getattr(self, "expected", None) is M.STOP:
            assert self.guarded.control.throttle == 0.0


TestEnvelopes = Envelopes.TestCase
TestEnvelopes.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


def test_the_window_is_of_the_last_ones_alone() -> None:
    fallback = Fallback(EnvelopeFallback(begin_bad=2, of_last=3))
    for bad in (True, False, False, True, False, False, True):
        fallback.count(bad)
    assert not fallback.active
    fallback.count(True)
    assert fallback.active
