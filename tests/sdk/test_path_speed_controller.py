"""The controller of path_speed: what its speed follows, and when it brakes to stand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from auxdrive import InputError, Prediction, SteeringSpec, UsageError, VehicleSpec, make_controller
from auxdrive.controllers.speed import IntegralSpeed, IntegralSpeedOptions
from auxdrive.tasks.path_speed import PATH_SPEED, SPEED_COLUMN

VEHICLE = VehicleSpec(name="car", wheelbase_m=2.8)


def planned(speed_mps: float, stands: float = 0.0, left_m: float = 0.0) -> Prediction:
    row = PATH_SPEED.row(PATH_SPEED.example()).copy()
    row[1:SPEED_COLUMN:2] = left_m * (np.arange(1, 21) / 20) ** 2
    row[SPEED_COLUMN], row[SPEED_COLUMN + 1], row[-1] = speed_mps, stands, 1.0 - stands
    return Prediction(0.0, 0.0, **PATH_SPEED.fields(row))


def test_a_lasting_error_is_made_up_for_and_not_wound_up() -> None:
    """A car that rolls with a resistance of 0.3 m/s^2 comes to its speed; a second in which it
    could not follow leaves no overshoot behind.
    """
    speed, pedals = 0.0, IntegralSpeed(IntegralSpeedOptions())
    seen = []
    for tick in range(800):
        throttle, brake = pedals.step(6.0, speed, 0.05 * tick)
        accel = 3.5 * throttle - 8.0 * brake - 0.3
        speed = max(speed + 0.05 * (0.0 if tick < 40 else accel), 0.0)  # held for two seconds
        seen.append(speed)
    assert max(seen) < 6.3
    assert seen[-1] == pytest.approx(6.0, abs=0.05)


def test_it_brakes_to_stand_where_the_model_tends_to() -> None:
    controller = make_controller("path_speed", SteeringSpec(), VEHICLE)
    sure = controller.step(planned(0.2, stands=0.95), 3.0, 0.0)
    assert sure.throttle == 0.0
    assert sure.brake >= 0.4
    held = controller.step(planned(0.2, stands=0.95), 0.0, 0.1)
    assert (held.throttle, held.brake) == (0.0, 0.4)
    drives = make_controller("path_speed", SteeringSpec(), VEHICLE)
    assert drives.step(planned(4.0, stands=0.49), 3.0, 0.2).throttle > 0.2  # as it expects
    assert drives.step(planned(4.0, stands=0.5), 3.0, 0.3).brake >= 0.4
    assert drives.step(planned(1.0), 6.0, 0.4).brake > 0.5


def test_who_has_stood_sets_off_though_unsure_and_is_held_to_more_once_under_way() -> None:
    controller = make_controller("path_speed", SteeringSpec(), VEHICLE)

    def pedals(stands: float, speed_mps: float, time_s: float) -> tuple[float, float]:
        prediction = replace(planned(2.0, stands=stands), time_s=time_s)
        control = controller.step(prediction, speed_mps, time_s)
        assert controller.stop_reason == ""
        return control.throttle, control.brake

    assert pedals(0.95, 0.0, 10.0) == (0.0, 0.4)
    assert pedals(0.8, 0.0, 10.1)[0] > 0.2
    for time_s, speed_mps, goes in ((10.2, 0.5, True), (13.0, 1.0, True), (13.2, 1.0, False)):
        throttle, brake = pedals(0.8, speed_mps, time_s)
        assert (throttle > 0.2, brake >= 0.4) == (goes, not goes), time_s
    controller.reset()
    assert pedals(0.8, 1.0, 13.3)[1] >= 0.4, "what it remembers is forgotten"


def test_it_steers_along_the_path_by_the_distance_that_grows_with_speed() -> None:
    slow, fast = (
        make_controller("path_speed", SteeringSpec(), VEHICLE).step(planned(5.0, left_m=4.0), v, 0)
        for v in (0.0, 9.0)
    )
    # on y = 0.01 x^2 the circle to every point is about the same: atan(2 L 0.01)
    for control in (slow, fast):
        assert control.steer_rad == pytest.approx(math.atan(2 * 2.8 * 0.01), rel=0.02)


def test_what_is_no_such_prediction_is_refused() -> None:
    controller = make_controller("path_speed", SteeringSpec(), VEHICLE)
    values = {**planned(1.0).values, "speed_shares": np.zeros(3, np.float32)}
    with pytest.raises(InputError, match=r"speed_shares must be numbers of the shape \(12,\)"):
        controller.step(Prediction(0.0, 0.0, values=values), 1.0, 0.0)
    with pytest.raises(UsageError, match="needs the wheelbase of the vehicle 'car'"):
        make_controller("path_speed", SteeringSpec(), VehicleSpec(name="car"))
