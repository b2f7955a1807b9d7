"""Creeping and proportional speed control: what they do, and what they must never do."""

from __future__ import annotations

import numpy as np
import pytest
from auxdrive.cards import VehicleSpec
from auxdrive.controllers import make_controller
from auxdrive.controllers.creep import CREEP_S, CREEP_THROTTLE, Creeping
from auxdrive.controllers.speed import ProportionalSpeed, ProportionalSpeedConfig
from auxdrive.errors import UsageError
from auxdrive.steering import SteeringSpec
from auxdrive.types import Prediction
from hypothesis import given
from hypothesis import strategies as st

TIMES = (0.5, 1.0, 1.5, 2.0)
STAND = Prediction(0.0, 0.0, waypoints_ego_m=np.zeros((4, 2), dtype=np.float32), waypoint_times_s=TIMES)
NOTHING = Prediction(0.0, 0.0, waypoint_times_s=TIMES)


def creeping(after_s: float) -> Creeping:
    return Creeping(make_controller("pure_pursuit", SteeringSpec(max_road_wheel_deg=45), VehicleSpec(wheelbase_m=2.8)), after_s)


def test_it_pushes_on_after_standing_for_so_long_and_no_sooner() -> None:
    controller = creeping(2.0)
    throttles = [controller.step(STAND, 0.0, 0.1).throttle for _ in range(60)]
    first = throttles.index(CREEP_THROTTLE)
    assert first * 0.1 == pytest.approx(2.0, abs=0.11)
    assert sum(throttle > 0 for throttle in throttles[: first + 20]) == pytest.approx(CREEP_S / 0.1, abs=1)


def test_moving_or_a_reset_starts_the_wait_anew() -> None:
    controller = creeping(1.0)
    for _ in range(50):
        assert controller.step(STAND, 0.0, 0.1).throttle == 0 or controller.step(STAND, 3.0, 0.1) is not None
        controller.reset()
    for _ in range(30):
        assert controller.step(STAND, 1.0, 0.1).throttle == 0


def test_it_never_pushes_against_a_safe_stop() -> None:
    controller = creeping(0.5)
    for _ in range(100):
        control = controller.step(NOTHING, 0.0, 0.1)
        assert control.throttle == 0
        assert control.brake > 0
    # Nor does the time in a safe stop count as waiting.
    assert controller.step(STAND, 0.0, 0.1).throttle == 0


def test_a_wait_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="above 0"):
        creeping(0.0)


@given(desired=st.floats(-5, 30), speed=st.floats(0, 30))
def test_speed_control_uses_one_pedal_in_the_right_direction(desired: float, speed: float) -> None:
    throttle, brake = ProportionalSpeed(ProportionalSpeedConfig()).step(desired, speed)
    assert 0 <= throttle <= 0.75
    assert 0 <= brake <= 1
    assert throttle == 0 or brake == 0
    if desired >= 0.2:
        assert (throttle > 0) == (desired > speed)
        assert (brake > 0) == (desired < speed)
    else:
        assert brake >= 0.5


def test_a_path_that_leads_backwards_stands() -> None:
    backwards = np.array([[-0.1, 0], [-0.4, 0], [-0.8, 0], [-1.4, 0]], dtype=np.float32)
    control = make_controller("pure_pursuit", SteeringSpec(max_road_wheel_deg=45), VehicleSpec(wheelbase_m=2.8)).step(
        Prediction(0.0, 0.0, waypoints_ego_m=backwards, waypoint_times_s=TIMES), 0.0, 0.1
    )
    assert control.throttle == 0
    assert control.brake > 0
