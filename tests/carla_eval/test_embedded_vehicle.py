"""The vehicle compared with analytical solutions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive.types import Control, Pose2
from auxdrive_eval.simulators.embedded.ego.vehicle import Vehicle, VehicleParameters
from hypothesis import given, settings
from hypothesis import strategies as st


def test_where_its_middle_is_and_what_slows_it() -> None:
    """4.5 m long, 0.9 m of it behind the rear axle: the middle is 1.35 m ahead of the axle."""
    vehicle = Vehicle()
    vehicle.place(Pose2(1.0, 2.0, math.pi / 2), speed_mps=20.0)
    assert vehicle.centre == pytest.approx((1.0, 3.35))
    assert vehicle.resistance_mps2() == pytest.approx(0.15 + 0.0003 * 400)
    vehicle.step(Control(0.0, 0.0, 0.0), 1.0)
    assert vehicle.speed_mps == pytest.approx(20.0 - 0.27, abs=0.005)


@pytest.mark.parametrize("steer_rad", [0.1, -0.3, 0.5])
def test_steady_circle_has_the_radius_of_the_wheelbase_over_the_tangent(steer_rad: float) -> None:
    vehicle = Vehicle(VehicleParameters(rolling_mps2=0.0, drag_per_m=0.0))
    vehicle.place(Pose2(3.0, -2.0, 0.7), speed_mps=3.0)
    vehicle.steer_rad = steer_rad
    radius = 2.8 / math.tan(steer_rad)
    centre = (3.0 - radius * math.sin(0.7), -2.0 + radius * math.cos(0.7))
    for tick in range(200):
        vehicle.step(Control(steer_rad, 0.0, 0.0), 0.05)
        assert math.dist(centre, (vehicle.x_m, vehicle.y_m)) == pytest.approx(abs(radius), rel=1e-9)
        expected_yaw = 0.7 + (tick + 1) * 0.15 / radius
        assert math.remainder(vehicle.yaw_rad - expected_yaw, math.tau) == pytest.approx(
            0.0, abs=1e-9
        )


def test_steering_answers_as_a_first_order_lag_under_its_rate_limit() -> None:
    vehicle = Vehicle()
    for tick in range(1, 21):
        vehicle.step(Control(0.1, 0.0, 0.0), 0.05)  # 0.1 rad / 0.1 s stays under 1.2 rad/s
        assert vehicle.steer_rad == pytest.approx(
            0.1 * (1 - math.exp(-tick * 0.05 / 0.1)), rel=1e-9
        )
    quick = Vehicle()
    quick.step(Control(0.7, 0.0, 0.0), 0.1)
    assert quick.steer_rad == pytest.approx(1.2 * 0.1, rel=1e-6)


def test_braking_distance_is_that_of_the_brake() -> None:
    p = VehicleParameters(rolling_mps2=0.0, drag_per_m=0.0, drive_lag_s=1e-6)
    vehicle = Vehicle(p)
    vehicle.place(Pose2(0.0, 0.0, 0.0), speed_mps=8.0)
    for _ in range(100):
        vehicle.step(Control(0.0, 0.0, 1.0), 0.05)
    assert vehicle.speed_mps == 0.0
    assert vehicle.x_m == pytest.approx(8.0**2 / 16.0, abs=0.05)


def test_drive_falls_with_speed_and_pedals_are_clipped() -> None:
    vehicle = Vehicle()
    assert vehicle.demanded_mps2(1.0, 0.0) == pytest.approx(3.5)
    vehicle.speed_mps = 20.0
    assert vehicle.demanded_mps2(1.0, 0.0) == pytest.approx(28.0 / 20.0)
    one, two = Vehicle(), Vehicle()
    one.step(Control(9.0, 7.0, -3.0), 1.0)
    two.step(Control(math.radians(45), 1.0, 0.0), 1.0)
    assert (one.x_m, one.speed_mps, one.steer_rad) == (two.x_m, two.speed_mps, two.steer_rad)


CONTROLS = st.lists(
    st.tuples(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40
)


@settings(max_examples=50, deadline=None)
@given(CONTROLS)
def test_it_never_rolls_back_nor_beyond_its_limits(
    controls: list[tuple[float, float, float]],
) -> None:
    vehicle = Vehicle()
    for control in controls:
        before, yaw, speed = (
            np.array([vehicle.x_m, vehicle.y_m]),
            vehicle.yaw_rad,
            vehicle.speed_mps,
        )
        vehicle.step(Control(*control), 0.05)
        forward = (vehicle.x_m - before[0]) * math.cos(yaw) + (vehicle.y_m - before[1]) * math.sin(
            yaw
        )
        assert forward >= -1e-9
        assert abs(vehicle.steer_rad) <= math.radians(45) + 1e-12
        turned = abs(math.remainder(vehicle.yaw_rad - yaw, math.tau))
        assert turned * max(speed, vehicle.speed_mps) / 0.05 <= 0.85 * 9.81 * 1.1 + 1e-6
