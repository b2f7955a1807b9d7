"""What every controller must do, whatever it drives by: commands in their ranges, a safe stop where
a prediction must not be driven by, the same at any rate. One that is added is covered by its row.

What a controller drives by is found out and not listed: the task whose predictions it takes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from auxdrive.cards import VehicleSpec
from auxdrive.controllers import CONTROLLERS, make_controller
from auxdrive.controllers.base import GuardedController
from auxdrive.controllers.options import ControllerOptions
from auxdrive.errors import ConfigError, InputError
from auxdrive.tasks import TASKS
from auxdrive.tasks.base import TaskSpec
from auxdrive.types import Control, Flag, Prediction
from hypothesis import given, settings
from hypothesis import strategies as st
from steady_drive import STEERING, VEHICLE, SteadyDrive

ANY = st.floats(allow_nan=True, allow_infinity=True)
SPEED_MPS = 1.0
RATES_HZ = (4.0, 10.0, 13.7, 100.0, 250.0)
SLOW = VehicleSpec(name="slow wheel", wheelbase_m=2.8, max_steer_rate_radps=0.5)
every_controller = pytest.mark.parametrize("name", CONTROLLERS.names())


@dataclass(frozen=True)
class Predictions:
    """Of one task, at the time 0."""

    task: TaskSpec

    def of(self, numbers: object) -> Prediction:
        """One that holds these numbers, as many as they are."""
        example = self.task.example()
        row = np.resize(np.asarray(numbers, np.float32), self.shape)
        return replace(example, time_s=0.0, **self.task.fields(row))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a row."""
        return self.task.shape(self.task.example().waypoint_times_s)

    @property
    def left(self) -> Prediction:
        """To the left, slowly: 0.5 rad, or waypoints at 45 degrees."""
        return self.of(np.cumsum(np.full(self.shape, 0.5), axis=0))

    @property
    def right(self) -> Prediction:
        """To the right: what has a lateral part has it last."""
        signs = np.ones(self.shape)
        signs[..., -1] = -1.0
        return self.of(signs * np.cumsum(np.full(self.shape, 0.5), axis=0))


def takes(name: str) -> Iterator[TaskSpec]:
    """The tasks whose predictions a controller drives by."""
    for task in (TASKS[each] for each in TASKS):
        try:
            make_controller(name, STEERING, VEHICLE).step(task.example(), SPEED_MPS, 1.0)
        except InputError:
            continue
        yield task


@pytest.fixture
def predictions(name: str) -> Predictions:
    """What the controller of the test drives by."""
    return Predictions(next(takes(name)))


def in_a_bend(
    name: str, predictions: Predictions, period_s: float = 0.1, **config: object
) -> tuple[SteadyDrive, float]:
    """A controller in a bend to the left, and the angle that it holds."""
    drive = SteadyDrive(make_controller(name, STEERING, VEHICLE, config), period_s)
    held = drive.step(predictions.left, SPEED_MPS).steer_rad
    assert held > 0
    return drive, held


def is_command(control: Control) -> bool:
    """Whether an actuator takes it."""
    return (
        all(type(each) is float for each in (control.steer_rad, control.throttle, control.brake))
        and abs(control.steer_rad) <= STEERING.max_road_wheel_rad
        and 0 <= control.throttle <= 1
        and 0 <= control.brake <= 1
        and not (control.throttle and control.brake)
    )


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
