"""What every controller must do, whatever it drives by: commands in their ranges, the same at any
rate, mistakes that are told. When it must stop: `test_every_controller_stops.py`. One that is added
is covered by its row.

What a controller drives by is found out and not listed: the task whose predictions it takes.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from auxdrive.cards import VehicleSpec
from auxdrive.controllers import CONTROLLERS, make_controller
from auxdrive.controllers.base import GuardedController
from auxdrive.controllers.options import ControllerOptions
from auxdrive.errors import ConfigError, InputError
from auxdrive.tasks import TASKS
from auxdrive.types import Control
from driven_controllers import ANY, SPEED_MPS, Predictions, is_command, takes
from hypothesis import given, settings
from hypothesis import strategies as st
from steady_drive import STEERING, VEHICLE, SteadyDrive

RATES_HZ = (4.0, 10.0, 13.7, 100.0, 250.0)
SLOW = VehicleSpec(name="slow wheel", wheelbase_m=2.8, max_steer_rate_radps=0.5)
every_controller = pytest.mark.parametrize("name", CONTROLLERS.names())


@every_controller
def test_it_drives_by_a_task_and_refuses_what_is_of_another(name: str) -> None:
    driven_by = list(takes(name))
    assert driven_by
    for task in (TASKS[each] for each in TASKS if TASKS[each] not in driven_by):
        with pytest.raises(InputError, match=task.name):
            make_controller(name, STEERING, VEHICLE).step(task.example(), SPEED_MPS, 1.0)


@every_controller
def test_it_says_what_configures_it(name: str) -> None:
    entry = CONTROLLERS[name]
    assert issubclass(entry, GuardedController)
    assert entry.__doc__
    assert issubclass(entry.options_type, ControllerOptions)
    for preset in entry.presets:
        make_controller(name, STEERING, VEHICLE, {"preset": preset})
    with pytest.raises(ConfigError, match=rf"'{name}': max_agee_s.*Did you mean 'max_age_s'"):
        make_controller(name, STEERING, VEHICLE, {"max_agee_s": 0.3})


@every_controller
def test_left_is_positive_and_right_negative(name: str, predictions: Predictions) -> None:
    for prediction, sign in ((predictions.left, 1), (predictions.right, -1)):
        control = make_controller(name, STEERING, VEHICLE).step(prediction, SPEED_MPS, 0.0)
        assert sign * control.steer_rad > 0.01


@every_controller
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_at_any_rate_it_ends_with_the_same_command(
    name: str, rate_hz: float, predictions: Predictions
) -> None:
    def last_of(rate_hz: float) -> Control:
        drive = SteadyDrive(make_controller(name, STEERING, VEHICLE), 1 / rate_hz)
        for _ in range(round(5 * rate_hz)):
            control = drive.step(predictions.left, SPEED_MPS)
            assert is_command(control)
            assert drive.controller.stop_reason == ""
        return control

    there, here = last_of(20.0), last_of(rate_hz)
    assert here.steer_rad == pytest.approx(there.steer_rad, abs=0.05)
    assert here.throttle == pytest.approx(there.throttle, abs=0.05)
    assert here.brake == pytest.approx(there.brake, abs=0.05)


@settings(max_examples=60)
@every_controller
@given(calls=st.lists(st.tuples(st.lists(ANY, min_size=1, max_size=8), ANY, ANY, ANY), max_size=5))
def test_whatever_comes_in_a_command_comes_out(
    name: str, calls: list[tuple[list[float], float, float, float]]
) -> None:
    predictions = Predictions(next(takes(name)))
    controller = make_controller(name, STEERING, VEHICLE)
    for numbers, speed_mps, time_s, now_s in calls:
        now = now_s if not abs(now_s) > 1e9 or not math.isfinite(now_s) else 1.0
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite
            prediction = predictions.of(numbers)
        at = replace(prediction, time_s=min(max(time_s, now - 0.1), now))
        assert is_command(controller.step(at, speed_mps, now))


@every_controller
def test_numbers_of_numpy_come_out_as_plain_floats(name: str, predictions: Predictions) -> None:
    prediction = replace(predictions.left, time_s=np.float64(1.0))
    if prediction.steer_rad is not None:
        prediction = replace(prediction, steer_rad=np.float32(prediction.steer_rad))  # type: ignore[arg-type]
    control = make_controller(name, STEERING, VEHICLE).step(
        prediction,
        np.float32(SPEED_MPS),  # type: ignore[arg-type]
        np.float64(1.0),
    )
    assert control.steer_rad > 0
    assert is_command(control)


@every_controller
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, 4.0, 0.0), "takes a Prediction"),
        (("prediction", "4", 0.0), "speed_mps is '4'"),
        (("prediction", None, 0.0), "speed_mps is None"),
        (("prediction", 4.0, None), "now_s is None"),
        (("prediction", 4.0, 1.7e18), "now_s is 1.7e\\+18, which are no seconds"),
    ],
)
def test_wrong_types_and_units_are_mistakes_of_the_program(
    name: str, arguments: tuple[object, ...], message: str, predictions: Predictions
) -> None:
    given_ = [predictions.left if each == "prediction" else each for each in arguments]
    with pytest.raises(InputError, match=message):
        make_controller(name, STEERING, VEHICLE).step(*given_)  # type: ignore[arg-type]


@every_controller
@pytest.mark.parametrize("period_s", [0.01, 0.1, 0.3])
def test_the_wheel_moves_no_faster_than_the_vehicle_allows(
    name: str, period_s: float, predictions: Predictions
) -> None:
    drive = SteadyDrive(make_controller(name, STEERING, SLOW), period_s)
    free = SteadyDrive(make_controller(name, STEERING, VEHICLE), period_s)
    angle = drive.step(predictions.left, SPEED_MPS).steer_rad
    # the first is free: where the wheel stands is not known
    assert angle == free.step(predictions.left, SPEED_MPS).steer_rad
    for call in range(round(5.0 / period_s)):
        command, wanted = (
            each.step(predictions.right, SPEED_MPS).steer_rad for each in (drive, free)
        )
        assert abs(command - angle) <= 0.5 * period_s + 1e-9, call
        angle = command
    assert angle == pytest.approx(wanted)  # and it gets there


@every_controller
def test_without_a_limit_the_wheel_is_free(name: str, predictions: Predictions) -> None:
    drive = SteadyDrive(make_controller(name, STEERING, VEHICLE), 0.01)
    assert drive.step(predictions.left, SPEED_MPS).steer_rad > 0
    assert drive.step(predictions.right, SPEED_MPS).steer_rad < 0


@every_controller
def test_a_reset_gives_the_first_command_again(name: str, predictions: Predictions) -> None:
    drive = SteadyDrive(make_controller(name, STEERING, VEHICLE))
    first = drive.step(predictions.left, SPEED_MPS)
    drive.step(predictions.left, 0.2)
    drive.controller.reset()
    assert drive.step(predictions.left, SPEED_MPS) == first
