"""When every controller must stop the vehicle safely, and when it must not: predictions that are
withheld, old or of another clock, readings that are not finite. One that is added is covered by its
row.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from auxdrive.controllers import CONTROLLERS, make_controller
from auxdrive.types import Control, Flag, Prediction
from driven_controllers import SPEED_MPS, Predictions, in_a_bend
from steady_drive import STEERING, VEHICLE, SteadyDrive

every_controller = pytest.mark.parametrize("name", CONTROLLERS.names())


@every_controller
@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("withheld", "empty"),
        ("not finite", "not finite"),
        ("output_limit", "output_limit"),
        ("non_finite_output", "as it says"),
        ("runtime_failure", "runtime_failure"),
    ],
)
def test_a_prediction_that_must_not_be_driven_by_is_a_safe_stop(
    name: str, what: str, reason: str, predictions: Predictions
) -> None:
    if what == "withheld":
        bad = Prediction(0.0, 1.0, waypoint_times_s=predictions.left.waypoint_times_s)
    elif what == "not finite":
        bad = predictions.of(math.nan)
    else:
        told = reason if reason != what else ""
        bad = replace(predictions.left, flags=frozenset({Flag(what)}), reason=told)
    drive, held = in_a_bend(name, predictions, safe_stop_brake=0.8)
    assert drive.step(bad, SPEED_MPS) == Control(held, 0.0, 0.8)
    assert reason in drive.controller.stop_reason
    drive.controller.reset()
    assert drive.controller.stop_reason == ""
    assert drive.step(bad, SPEED_MPS) == Control(0.0, 0.0, 0.8)  # no angle was commanded yet


@every_controller
def test_a_guess_is_driven(name: str, predictions: Predictions) -> None:
    """It is flagged, and there is a prediction: whoever wants to stop for it looks at the flag."""
    flagged = replace(predictions.left, flags=frozenset({Flag.INPUT_OUT_OF_RANGE}))
    plain, controller = (make_controller(name, STEERING, VEHICLE) for _ in range(2))
    assert controller.step(flagged, SPEED_MPS, 0.0) == plain.step(predictions.left, SPEED_MPS, 0.0)
    assert controller.stop_reason == ""


@every_controller
def test_a_prediction_is_obeyed_up_to_its_greatest_age(name: str, predictions: Predictions) -> None:
    controller = make_controller(name, STEERING, VEHICLE, {"max_age_s": 0.3})
    prediction = replace(predictions.left, time_s=100.0)
    for now_s in (100.0, 100.1, 100.29):
        command = controller.step(prediction, SPEED_MPS, now_s)
        assert controller.stop_reason == ""
    assert controller.step(prediction, SPEED_MPS, 100.31) == Control(command.steer_rad, 0.0, 1.0)
    assert "0.310 s old; the limit is 0.3 s" in controller.stop_reason
    # a new one is obeyed again
    controller.step(replace(prediction, time_s=100.4), SPEED_MPS, 100.4)
    assert controller.stop_reason == ""


@every_controller
def test_the_greatest_age_has_a_default(name: str, predictions: Predictions) -> None:
    controller = make_controller(name, STEERING, VEHICLE)
    controller.step(predictions.left, SPEED_MPS, 0.4)
    assert controller.stop_reason == ""
    assert controller.step(predictions.left, SPEED_MPS, 0.6).brake == 1


@every_controller
def test_a_prediction_of_the_future_is_of_another_clock(
    name: str, predictions: Predictions
) -> None:
    controller, prediction = (
        make_controller(name, STEERING, VEHICLE),
        replace(predictions.left, time_s=7.2),
    )
    assert controller.step(prediction, SPEED_MPS, 7.0) == Control(0.0, 0.0, 1.0)
    assert "newer than now" in controller.stop_reason
    # but rounding is none
    controller.step(replace(prediction, time_s=7.1 + 1e-6), SPEED_MPS, 7.1)
    assert controller.stop_reason == ""


@every_controller
def test_a_clock_that_goes_back_stops_once_and_all_is_forgotten(
    name: str, predictions: Predictions
) -> None:
    drive, held = in_a_bend(name, predictions)
    for _ in range(5):
        held = drive.step(predictions.left, SPEED_MPS).steer_rad
    drive.start_s, drive.calls = -50.0, 0
    assert drive.step(predictions.left, SPEED_MPS) == Control(held, 0.0, 1.0)
    assert "went back" in drive.controller.stop_reason
    fresh = SteadyDrive(make_controller(name, STEERING, VEHICLE))
    for _ in range(5):
        again, first = (each.step(predictions.left, SPEED_MPS) for each in (drive, fresh))
        assert again.steer_rad == pytest.approx(first.steer_rad)
        assert again.throttle == pytest.approx(first.throttle)


@every_controller
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_readings_that_are_not_finite_are_a_safe_stop(
    name: str, broken: float, predictions: Predictions
) -> None:
    prediction = replace(predictions.left, time_s=0.1)
    for arguments, reason in (
        ((prediction, broken, 0.1), "the speed is"),
        ((prediction, SPEED_MPS, broken), "the clock says"),
        ((replace(prediction, time_s=broken), SPEED_MPS, 0.1), "the prediction's time is"),
    ):
        drive, held = in_a_bend(name, predictions)
        assert drive.controller.step(*arguments) == Control(held, 0.0, 1.0)
        assert reason in drive.controller.stop_reason
        drive.calls = 2
        drive.step(predictions.left, SPEED_MPS)
        assert drive.controller.stop_reason == ""


@every_controller
@pytest.mark.parametrize("speed_mps", [-1000.0, 71.0, 1e300])
def test_a_speed_that_no_car_has_is_a_safe_stop(
    name: str, speed_mps: float, predictions: Predictions
) -> None:
    controller = make_controller(name, STEERING, VEHICLE)
    assert controller.step(predictions.left, speed_mps, 0.0) == Control(0.0, 0.0, 1.0)


@every_controller
def test_at_one_time_there_is_one_command_and_a_stop_comes_first(
    name: str, predictions: Predictions
) -> None:
    controller, prediction = make_controller(name, STEERING, VEHICLE), predictions.left
    first = controller.step(prediction, SPEED_MPS, 0.0)
    assert controller.step(prediction, 0.5, 0.0) == first
    assert controller.step(prediction, math.nan, 0.0).brake == 1
    assert controller.step(prediction, SPEED_MPS, 0.0).brake == 1
    assert controller.stop_reason != ""
    controller.step(prediction, SPEED_MPS, 0.1)
    assert controller.stop_reason == ""
