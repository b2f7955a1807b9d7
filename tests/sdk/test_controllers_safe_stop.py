"""What is not to be driven by is a safe stop, for every controller; and what comes out is always a
command that an actuator takes.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from auxdrive.controllers import CONTROLLERS, make_controller
from auxdrive.controllers.base import ControllerOptions, GuardedController
from auxdrive.errors import InputError
from auxdrive.types import Control, Flag, Prediction
from hypothesis import given, settings
from hypothesis import strategies as st
from steady_drive import OF_CONTROLLER, STEERING, TIMES, VEHICLE, SteadyDrive, steers, waypoints

NAMES = sorted(CONTROLLERS)
NOTHING = Prediction(0.0, 1.0, waypoint_times_s=TIMES)
ANY = st.floats(allow_nan=True, allow_infinity=True)


def turning(name: str, **options: object) -> tuple[SteadyDrive, float]:
    """A controller in a bend to the left, and the angle that it holds."""
    drive = SteadyDrive(make_controller(name, STEERING, VEHICLE, options))
    held = drive.step(OF_CONTROLLER[name], 3.9).steer_rad
    assert held > 0
    return drive, held


def not_finite(name: str) -> Prediction:
    return (
        steers(math.nan)
        if name == "steering"
        else waypoints([(1, 0), (math.nan, 0), (3, 0), (4, 0)])
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: NOTHING, "the prediction is empty"),
        (lambda name: not_finite(name), "not finite"),
        (
            lambda name: replace(OF_CONTROLLER[name], flags=frozenset({Flag.OUTPUT_LIMIT})),
            "output_limit",
        ),
        (
            lambda name: replace(
                OF_CONTROLLER[name], flags=frozenset({Flag.NON_FINITE_OUTPUT}), reason="as it says"
            ),
            "as it says",
        ),
        (
            lambda name: replace(OF_CONTROLLER[name], flags=frozenset({Flag.RUNTIME_FAILURE})),
            "runtime_failure",
        ),
    ],
    ids=["withheld", "nan", "output limit", "non-finite flag", "runtime failure"],
)
def test_a_prediction_that_cannot_be_driven_by(name: str, change: object, reason: str) -> None:
    drive, held = turning(name, safe_stop_brake=0.8)
    bad = change(name)  # type: ignore[operator]
    assert drive.step(bad, 4.0) == Control(held, 0.0, 0.8)
    assert reason in drive.controller.stop_reason
    drive.controller.reset()
    assert drive.controller.stop_reason == ""
    assert drive.step(bad, 4.0) == Control(0.0, 0.0, 0.8)  # no angle was commanded yet


@pytest.mark.parametrize("name", NAMES)
def test_a_prediction_from_an_input_out_of_range_is_driven(name: str) -> None:
    """It is flagged, and there is a prediction: whoever wants to stop for it looks at the flag."""
    flagged = replace(OF_CONTROLLER[name], flags=frozenset({Flag.INPUT_OUT_OF_RANGE}))
    controller = make_controller(name, STEERING, VEHICLE)
    assert controller.step(flagged, 3.9, 0.0).throttle > 0
    assert controller.stop_reason == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_prediction_is_obeyed_up_to_its_greatest_age(name: str) -> None:
    controller, prediction = (
        make_controller(name, STEERING, VEHICLE, {"max_age_s": 0.3}),
        replace(OF_CONTROLLER[name], time_s=100.0),
    )
    commands = [controller.step(prediction, 3.9, now_s) for now_s in (100.0, 100.1, 100.29)]
    assert all(command.brake == 0 for command in commands)
    assert controller.step(prediction, 3.9, 100.31) == Control(commands[-1].steer_rad, 0.0, 1.0)
    assert "0.310 s old; the limit is 0.3 s" in controller.stop_reason
    # a new one is obeyed again
    assert controller.step(replace(prediction, time_s=100.4), 3.9, 100.4).brake == 0
    assert controller.stop_reason == ""


@pytest.mark.parametrize("name", NAMES)
def test_the_greatest_age_has_a_default(name: str) -> None:
    controller = make_controller(name, STEERING, VEHICLE)
    assert controller.step(OF_CONTROLLER[name], 3.9, 0.4).brake == 0
    assert controller.step(OF_CONTROLLER[name], 3.9, 0.6).brake == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_prediction_of_the_future_is_of_another_clock(name: str) -> None:
    controller, prediction = (
        make_controller(name, STEERING, VEHICLE),
        replace(OF_CONTROLLER[name], time_s=7.2),
    )
    assert controller.step(prediction, 3.9, 7.0) == Control(0.0, 0.0, 1.0)
    assert "newer than now" in controller.stop_reason
    # but rounding is none
    assert controller.step(replace(prediction, time_s=7.1 + 1e-6), 3.9, 7.1).brake == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_clock_that_goes_back_stops_once_and_all_is_forgotten(name: str) -> None:
    drive, held = turning(name)
    for _ in range(5):
        held = drive.step(OF_CONTROLLER[name], 3.9).steer_rad
    drive.start_s, drive.calls = -50.0, 0
    assert drive.step(OF_CONTROLLER[name], 3.9) == Control(held, 0.0, 1.0)
    assert "went back" in drive.controller.stop_reason
    fresh = SteadyDrive(make_controller(name, STEERING, VEHICLE))
    for _ in range(5):
        again, first = drive.step(OF_CONTROLLER[name], 3.9), fresh.step(OF_CONTROLLER[name], 3.9)
        assert again.steer_rad == pytest.approx(first.steer_rad)
        assert again.throttle == pytest.approx(first.throttle)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_readings_that_are_not_finite(name: str, broken: float) -> None:
    prediction = replace(OF_CONTROLLER[name], time_s=0.1)
    for arguments, reason in (
        ((prediction, broken, 0.1), "the speed is"),
        ((prediction, 3.9, broken), "the clock says"),
        ((replace(prediction, time_s=broken), 3.9, 0.1), "the prediction's time is"),
    ):
        drive, held = turning(name)
        assert drive.controller.step(*arguments) == Control(held, 0.0, 1.0)
        assert reason in drive.controller.stop_reason
        drive.calls = 2
        assert drive.step(OF_CONTROLLER[name], 3.9).brake == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("speed_mps", [-1000.0, 71.0, 1e300])
def test_speeds_that_no_car_has(name: str, speed_mps: float) -> None:
    controller = make_controller(name, STEERING, VEHICLE)
    assert controller.step(OF_CONTROLLER[name], speed_mps, 0.0) == Control(0.0, 0.0, 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_at_one_time_there_is_one_command_and_a_stop_comes_first(name: str) -> None:
    controller, prediction = make_controller(name, STEERING, VEHICLE), OF_CONTROLLER[name]
    first = controller.step(prediction, 3.9, 0.0)
    assert controller.step(prediction, 2.0, 0.0) == first
    assert controller.step(prediction, math.nan, 0.0).brake == 1
    assert controller.step(prediction, 3.9, 0.0).brake == 1
    assert controller.stop_reason != ""
    assert controller.step(prediction, 3.9, 0.1).brake == 0


class Overflowing(GuardedController):
    """A controller whose numbers get out of hand."""

    def __init__(self, command: Control | Exception) -> None:
        super().__init__(STEERING, VEHICLE, ControllerOptions())
        self.command = command

    def _forget(self) -> None:
        pass

    def _command(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        if isinstance(self.command, Exception):
            raise self.command
        return self.command


@pytest.mark.parametrize(
    "command",
    [
        Control(math.nan, 0.5, 0.0),
        Control(0.1, math.inf, 0.0),
        Control(0.1, 0.5, math.nan),
        OverflowError("too large"),
        ZeroDivisionError(),
    ],
)
def test_a_command_that_is_not_finite_is_a_stop(command: Control | Exception) -> None:
    controller = Overflowing(command)
    assert controller.step(steers(0.1), 4.0, 0.0) == Control(0.0, 0.0, 1.0)
    assert controller.stop_reason != ""


def test_a_controller_of_ones_own_is_cut_to_its_ranges_and_gives_plain_floats() -> None:
    control = Overflowing(Control(np.float32(9), np.float32(2.0), np.float64(-1.0))).step(
        steers(0.1), 4.0, 0.0
    )  # type: ignore[arg-type]
    assert control == Control(STEERING.max_road_wheel_rad, 1.0, 0.0)
    assert all(
        type(value) is float for value in (control.steer_rad, control.throttle, control.brake)
    )


@pytest.mark.parametrize("name", NAMES)
def test_numbers_of_numpy_come_out_as_plain_floats(name: str) -> None:
    prediction = replace(OF_CONTROLLER[name], time_s=np.float64(1.0))
    if name == "steering":
        prediction = replace(prediction, steer_rad=np.float32(0.3))  # type: ignore[arg-type]
    control = make_controller(name, STEERING, VEHICLE).step(
        prediction, np.float32(3.9), np.float64(1.0)
    )  # type: ignore[arg-type]
    assert control.steer_rad > 0
    assert all(
        type(value) is float for value in (control.steer_rad, control.throttle, control.brake)
    )


@settings(max_examples=300)
@given(
    st.sampled_from(NAMES),
    st.lists(
        st.tuples(st.lists(st.tuples(ANY, ANY), min_size=2, max_size=4), ANY, ANY, ANY), max_size=5
    ),
)
def test_whatever_comes_in_a_command_in_its_ranges_comes_out(
    name: str, calls: list[tuple[list[tuple[float, float]], float, float, float]]
) -> None:
    controller = make_controller(name, STEERING, VEHICLE)
    for points, speed_mps, time_s, now_s in calls:
        path = np.array(points, np.float64)
        predicted = (
            {"steer_rad": points[0][0]}
            if name == "steering"
            else {"waypoints_ego_m": path, "waypoint_times_s": TIMES[: len(path)]}
        )
        now = now_s if not abs(now_s) > 1e9 or not math.isfinite(now_s) else 1.0
        control = controller.step(
            Prediction(min(max(time_s, now - 0.1), now), 1.0, **predicted), speed_mps, now
        )  # type: ignore[arg-type]
        assert abs(control.steer_rad) <= STEERING.max_road_wheel_rad
        assert 0 <= control.throttle <= 1
        assert 0 <= control.brake <= 1
        assert not (control.throttle and control.brake)


@pytest.mark.parametrize("name", NAMES)
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
    name: str, arguments: tuple[object, ...], message: str
) -> None:
    given_ = tuple(
        OF_CONTROLLER[name] if argument == "prediction" else argument for argument in arguments
    )
    with pytest.raises(InputError, match=message):
        make_controller(name, STEERING, VEHICLE).step(*given_)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"waypoints_ego_m": [[1, 0], [2]]}, "no array"),
        ({"waypoints_ego_m": [["a", "b"], ["c", "d"]]}, "no numbers"),
        ({"waypoint_times_s": (0.5, math.nan, 1.5, 2.0)}, "must increase"),
        ({"waypoint_times_s": (0.5, "1", 1.5, 2.0)}, "a waypoint's time is '1'"),
        ({"time_s": None}, "time_s is None"),
        ({"waypoint_times_s": None}, "times are None"),
        ({"waypoint_times_s": 0.5}, "times are 0.5"),
        ({"flags": None}, "flags are None"),
        ({"flags": ["output_limit"]}, "flags are a list"),  # as JSON brings them back
        ({"flags": "output_limit"}, "flags are 'output_limit'"),
    ],
)
def test_predictions_that_are_none(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_controller("pid", STEERING, VEHICLE).step(
            replace(OF_CONTROLLER["pid"], **change), 4.0, 0.1
        )  # type: ignore[arg-type]
