"""Creeping and proportional speed control: what they do, and what they must never do."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from auxdrive.controllers import make_controller
from auxdrive.controllers.creep import CREEP_S, CREEP_THROTTLE, CREEP_UP_TO_MPS, Creeping
from auxdrive.controllers.speed import ProportionalSpeed, ProportionalSpeedOptions
from auxdrive.errors import InputError, UsageError
from auxdrive.types import Control, Flag, Prediction
from hypothesis import given
from hypothesis import strategies as st
from steady_drive import LEFT, STEERING, TIMES, VEHICLE, SteadyDrive, straight

STAND = Prediction(
    0.0, 0.0, waypoints_ego_m=np.zeros((4, 2), dtype=np.float32), waypoint_times_s=TIMES
)
NOTHING = Prediction(0.0, 0.0, waypoint_times_s=TIMES)


def creeping(after_s: float) -> SteadyDrive:
    return SteadyDrive(Creeping(make_controller("pure_pursuit", STEERING, VEHICLE), after_s))


def test_it_pushes_on_after_standing_for_so_long_and_no_sooner() -> None:
    controller = creeping(2.0)
    throttles = [controller.step(STAND, 0.0).throttle for _ in range(60)]
    first = throttles.index(CREEP_THROTTLE)
    assert first * 0.1 == pytest.approx(2.0, abs=0.11)
    assert sum(throttle > 0 for throttle in throttles[: first + 20]) == pytest.approx(
        CREEP_S / 0.1, abs=1
    )


def test_moving_or_a_reset_starts_the_wait_anew() -> None:
    def pushes(ticks: int, speed_mps: float) -> list[bool]:
        return [controller.step(STAND, speed_mps).throttle > 0 for _ in range(ticks)]

    controller = creeping(1.0)
    assert not any(pushes(9, 0.0))
    controller.controller.reset()
    assert not any(pushes(9, 0.0))
    assert not any(pushes(1, 1.0))  # it rolls
    assert not any(pushes(9, 0.0))
    assert not any(pushes(30, 1.0))
    assert any(pushes(13, 0.0))


def test_the_push_ends_once_the_car_has_speed() -> None:
    controller = creeping(1.0)
    while controller.step(STAND, 0.0).throttle == 0:
        pass
    assert controller.step(STAND, CREEP_UP_TO_MPS - 0.1).throttle == CREEP_THROTTLE
    assert controller.step(STAND, CREEP_UP_TO_MPS + 0.1).throttle == 0


def test_it_never_pushes_against_a_safe_stop() -> None:
    controller = creeping(0.5)
    for _ in range(100):
        control = controller.step(NOTHING, 0.0)
        assert control.throttle == 0
        assert control.brake > 0
    # Nor does the time in a safe stop count as waiting.
    assert controller.step(STAND, 0.0).throttle == 0


@pytest.mark.parametrize("speed_mps", [math.nan, math.inf])
def test_a_push_ends_where_the_speed_is_lost(speed_mps: float) -> None:
    drive = pushing(1.0)
    control = drive.step(STAND, speed_mps)
    assert (control.throttle, control.brake) == (0.0, 1.0)
    assert "the speed is" in drive.controller.stop_reason
    # Nor does the push go on afterwards: the wait begins anew.
    assert drive.step(STAND, 0.0).throttle == 0


@pytest.mark.parametrize(
    "bad",
    [
        Prediction(
            0.0, 0.0, waypoints_ego_m=np.full((4, 2), np.nan, np.float32), waypoint_times_s=TIMES
        ),
        replace(STAND, flags=frozenset({Flag.OUTPUT_LIMIT})),
    ],
)
def test_a_push_ends_where_the_prediction_is_not_to_be_driven_by(bad: Prediction) -> None:
    drive = pushing(1.0)
    assert drive.step(bad, 0.0) == Control(0.0, 0.0, 1.0)
    assert drive.step(STAND, 0.0).throttle == 0


def test_a_push_ends_where_predictions_stay_away() -> None:
    drive = pushing(1.0)
    old = replace(STAND, time_s=drive.now_s - 0.1)
    controls = [drive.controller.step(old, 0.0, drive.now_s + 0.1 * call) for call in range(10)]
    assert controls[0].throttle == CREEP_THROTTLE
    assert [control.throttle for control in controls[5:]] == [0.0] * 5


def test_a_push_that_was_not_used_up_is_over_when_the_car_has_moved_on() -> None:
    drive = pushing(5.0)
    for _ in range(5):
        drive.step(STAND, CREEP_UP_TO_MPS + 0.2)  # the push has brought the car to speed
    for _ in range(600):
        drive.step(straight(6.0), 6.0)
    # a minute later the model brakes for a red light
    assert [drive.step(STAND, 2.5).throttle for _ in range(30)] == [0.0] * 30


def test_a_push_is_over_by_the_clock_and_then_it_waits_as_long_again() -> None:
    drive = pushing(1.0)
    throttles = [drive.step(STAND, 0.0).throttle for _ in range(60)]
    ends = throttles.index(0.0)
    assert ends * 0.1 == pytest.approx(CREEP_S, abs=0.21)
    assert throttles[ends:].index(CREEP_THROTTLE) * 0.1 == pytest.approx(1.0, abs=0.11)


def test_the_wait_begins_anew_after_a_pause_in_which_somebody_else_may_have_driven() -> None:
    drive = creeping(2.0)
    for _ in range(15):
        drive.step(STAND, 0.0)
    drive.calls += 600
    assert [drive.step(STAND, 0.0).throttle for _ in range(15)] == [0.0] * 15


def pushing(after_s: float) -> SteadyDrive:
    """In the middle of a push."""
    drive = creeping(after_s)
    while drive.step(STAND, 0.0).throttle == 0:
        pass
    return drive


def test_the_steering_is_the_other_controllers() -> None:
    drive, alone = creeping(1.0), SteadyDrive(make_controller("pure_pursuit", STEERING, VEHICLE))
    assert all(
        drive.step(LEFT, 0.0).steer_rad == alone.step(LEFT, 0.0).steer_rad for _ in range(20)
    )


@pytest.mark.parametrize("after_s", [0.0, -1.0, math.nan, math.inf])
def test_a_wait_that_is_none_is_refused(after_s: float) -> None:
    with pytest.raises(UsageError, match="above 0"):
        creeping(after_s)


@pytest.mark.parametrize("after_s", ["5", None, True])
def test_a_wait_of_another_type_is_refused(after_s: object) -> None:
    with pytest.raises(InputError, match="after_s"):
        creeping(after_s)  # type: ignore[arg-type]


@given(desired=st.floats(-5, 30), speed=st.floats(0, 30))
def test_speed_control_uses_one_pedal_in_the_right_direction(desired: float, speed: float) -> None:
    throttle, brake = ProportionalSpeed(ProportionalSpeedOptions()).step(desired, speed)
    assert 0 <= throttle <= 0.75
    assert 0 <= brake <= 1
    assert throttle == 0 or brake == 0
    if desired >= 0.2:
        assert (throttle > 0) == (desired > speed)
        assert (brake > 0) == (desired < speed)
    else:
        assert brake >= 0.5


def test_pedals_give_the_acceleration_that_is_asked_for() -> None:
    """0.5 s to reach the speed: 1 m/s short asks for 2 m/s2 of the 3.5 that full throttle gives, 1
    m/s over for 2 of the brake's 8.
    """
    control = ProportionalSpeed(ProportionalSpeedOptions())
    assert control.step(5.0, 4.0) == (pytest.approx(2 / 3.5), 0.0)
    assert control.step(5.0, 6.0) == (0.0, pytest.approx(2 / 8))
    assert control.step(5.0, 0.0) == (0.75, 0.0)
    assert control.step(0.0, 0.0) == (0.0, 0.5)


def test_pure_pursuit_drives_at_the_speed_that_the_waypoints_are_apart() -> None:
    """From the first to the second, 0.25 s apart and 1 m: 4 m/s; not from the car, which may be
    standing, to the first.
    """
    path = np.array([[5.0, 0.0], [6.0, 0.0], [8.0, 0.0]], dtype=np.float32)
    prediction = Prediction(0.0, 0.0, waypoints_ego_m=path, waypoint_times_s=(0.5, 0.75, 1.25))
    control = make_controller("pure_pursuit", STEERING, VEHICLE).step(prediction, 3.5, 0.1)
    assert control.throttle == pytest.approx(0.5 / 0.5 / 3.5)


def test_a_path_that_leads_backwards_stands() -> None:
    backwards = np.array([[-0.1, 0], [-0.4, 0], [-0.8, 0], [-1.4, 0]], dtype=np.float32)
    control = make_controller("pure_pursuit", STEERING, VEHICLE).step(
        Prediction(0.0, 0.0, waypoints_ego_m=backwards, waypoint_times_s=TIMES), 0.0, 0.1
    )
    assert control.throttle == 0
    assert control.brake > 0
