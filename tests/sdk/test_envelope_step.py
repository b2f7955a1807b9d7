"""The envelope as a whole: options, the delay that it compensates, controllers that fail, refused
arguments, and the record of a stop.
"""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cards import VehicleSpec
from auxdrive.controllers import make_controller
from auxdrive.envelope.compensation import at_now
from auxdrive.envelope.envelope import SafetyEnvelope
from auxdrive.envelope.guarded import EnvelopeFlag, EnvelopeMode
from auxdrive.envelope.recorder import FIELDS
from auxdrive.errors import ConfigError, InputError, UsageError
from auxdrive.frames import world_to_ego
from auxdrive.types import Control, Observation, Pose2, Prediction
from enveloped import CAMERA, STEERING, TIMES_S, VEHICLE, Drive, ahead, frame, steers
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limits": {"lateral_jerk": 1.0}}, "Did you mean 'lateral_jerk_mps3'"),
        ({"limits": {"lateral_acceleration_mps2": math.nan}}, "finite"),
        ({"limits": {"lateral_acceleration_mps2": "3"}}, "valid number"),
        ({"limits": {"acceleration_mps2": [4.0, 0.0]}}, "acceleration_mps2, second entry"),
        ({"fallback": {"begin_bad": 5, "of_last": 4}}, "the fallback would never begin"),
        ({"fallback": {"kind": "pull_over"}}, "'stop', 'slow_straight' or 'hold'"),
        ({"fallback": {"tolerated": ["no_prediction"]}}, "no_prediction cannot be tolerated"),
        ({"max_frame_age_s": 0}, "max_frame_age_s"),
        ("strict", "the options are 'strict'; give them by name"),
    ],
)
def test_wrong_options(options: Any, message: str) -> None:
    controller = make_controller("pid", STEERING, VEHICLE)
    with pytest.raises(ConfigError, match=f"^safety envelope: .*{message}"):
        SafetyEnvelope(controller, STEERING, VEHICLE, CAMERA, options)


def test_what_an_envelope_needs() -> None:
    controller = make_controller("pid", STEERING, VEHICLE)
    with pytest.raises(UsageError, match="needs a VehicleSpec, got None"):
        SafetyEnvelope(controller, STEERING, None, CAMERA)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"a controller \(make_controller\), got 'pid'"):
        SafetyEnvelope("pid", STEERING, VEHICLE, CAMERA)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="record_to is an int; give a folder or a function"):
        SafetyEnvelope(controller, STEERING, VEHICLE, CAMERA, record_to=5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="needs the wheelbase"):
        SafetyEnvelope(controller, STEERING, VehicleSpec(), CAMERA)


# The delay

poses = st.tuples(st.floats(0.001, 0.5), st.floats(-5, 40), st.floats(-1.5, 1.5))


@given(poses, st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=2, max_size=6))
def test_waypoints_are_moved_as_frames_has_it(
    motion: tuple[float, float, float], points: list[tuple[float, float]]
) -> None:
    """The ego's motion in a thousand small steps, and `world_to_ego` at its end."""
    delay_s, speed_mps, yaw_rate = motion
    waypoints = np.array(points, np.float64)
    prediction = Prediction(1.0, 2.0, None, waypoints, tuple(range(1, len(points) + 1)))  # type: ignore[arg-type]
    moved = at_now(prediction, delay_s, speed_mps, yaw_rate).waypoints_ego_m
    x_m = y_m = 0.0
    for step in range(1000):
        yaw = yaw_rate * delay_s * (step + 0.5) / 1000
        x_m += speed_mps * delay_s / 1000 * math.cos(yaw)
        y_m += speed_mps * delay_s / 1000 * math.sin(yaw)
    expected = world_to_ego(waypoints, Pose2(x_m, y_m, yaw_rate * delay_s))
    np.testing.assert_allclose(moved, expected, atol=1e-5)


def test_waypoints_of_the_past_are_left_out_but_two_remain() -> None:
    prediction = ahead(10.0)
    assert at_now(prediction, 0.4, 4.0, 0.0).waypoint_times_s == TIMES_S
    moved = at_now(prediction, 0.5, 4.0, 0.0)
    assert moved.waypoint_times_s == TIMES_S[1:]
    np.testing.assert_allclose(moved.waypoints_ego_m, [(2, 0), (4, 0), (6, 0)], atol=1e-6)
    assert at_now(prediction, 9.0, 4.0, 0.0).waypoint_times_s == TIMES_S[2:]
    assert moved.time_s == 10.0


class Recording:
    """A controller that remembers what it was given."""

    stop_reason = ""

    def __init__(self, command: Any = None) -> None:
        self.command = Control(0.0, 0.0, 0.0) if command is None else command
        self.given: list[Prediction] = []
        self.resets = 0

    def step(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        self.given.append(prediction)
        if isinstance(self.command, Exception):
            raise self.command
        return self.command

    def reset(self) -> None:
        self.resets += 1


def enveloped(controller: Any) -> SafetyEnvelope:
    return SafetyEnvelope(controller, STEERING, VEHICLE, CAMERA)


def test_the_controller_is_given_the_waypoints_of_now() -> None:
    """By the measured yaw rate, or by that of the last commanded angle."""
    controller = Recording(Control(0.2, 0.0, 0.0))
    envelope = enveloped(controller)
    seen, prediction = Observation(frame(), 10.0), ahead(10.0)
    guarded = envelope.step(seen, prediction, 4.0, 10.1)
    assert guarded.delay_s == pytest.approx(0.1)
    np.testing.assert_allclose(
        controller.given[0].waypoints_ego_m, [(1.6, 0), (3.6, 0), (5.6, 0), (7.6, 0)], atol=1e-6
    )
    envelope.step(seen, prediction, 4.0, 10.2)
    by_angle = at_now(prediction, 10.2 - 10.0, 4.0, 4.0 * math.tan(0.2) / 2.8)
    np.testing.assert_allclose(controller.given[1].waypoints_ego_m, by_angle.waypoints_ego_m)
    envelope.step(seen, prediction, 4.0, 10.3, yaw_rate_radps=-0.5)
    by_rate = at_now(prediction, 10.3 - 10.0, 4.0, -0.5)
    np.testing.assert_allclose(controller.given[2].waypoints_ego_m, by_rate.waypoints_ego_m)
    assert np.array_equal(prediction.waypoints_ego_m, ahead(10.0).waypoints_ego_m)


@pytest.mark.parametrize(("frame_s", "speed_mps"), [(10.0005, 4.0), (10.0, math.nan), (-1.0, 4.0)])
def test_without_a_delay_or_a_speed_nothing_is_moved(frame_s: float, speed_mps: float) -> None:
    controller = Recording()
    prediction = ahead(frame_s)
    guarded = enveloped(controller).step(None, prediction, speed_mps, 10.0 + (frame_s == 10.0))
    assert guarded.delay_s == 0.0
    assert controller.given == [prediction]


def test_steering_is_not_moved() -> None:
    assert enveloped(Recording()).step(None, steers(10.0, 0.1), 4.0, 10.1).delay_s == 0.0


def test_a_compensated_path_is_met_better_than_a_late_one() -> None:
    """Pure pursuit at a point beside the car, seen a moment ago: the compensated command is the one
    that a prediction of this moment would give.
    """
    limits = {"limits": {"steer_rate_radps": 100.0, "lateral_jerk_mps3": 100.0}}
    late, speed_mps = 0.2, 4.0
    points = np.array([(2, 0.2), (4, 0.8), (6, 1.8), (8, 3.2)], np.float32)
    then = Prediction(10.0, 1.0, None, points, TIMES_S)
    envelope = SafetyEnvelope(
        make_controller("pure_pursuit", STEERING, VEHICLE), STEERING, VEHICLE, CAMERA, limits
    )
    given_late = envelope.step(Observation(frame(), 10.0), then, speed_mps, 10.0 + late).control
    bare = make_controller("pure_pursuit", STEERING, VEHICLE)
    uncompensated = bare.step(then, speed_mps, 10.0 + late).steer_rad
    now = Prediction(10.2, 1.0, None, points - np.float32([speed_mps * late, 0]), TIMES_S)
    bare.reset()
    assert given_late.steer_rad == pytest.approx(bare.step(now, speed_mps, 10.2).steer_rad)
    assert given_late.steer_rad != pytest.approx(uncompensated, abs=0.01)


# Controllers and arguments


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (ZeroDivisionError("by nought"), "the controller failed: ZeroDivisionError: by nought"),
        (KeyError("gain"), "the controller failed: KeyError: 'gain'"),
        (Control(math.nan, 0.0, 0.0), "the controller's command's steer_rad is nan"),
        (Control(0.0, None, 0.0), "the controller's command's throttle is None"),  # type: ignore[arg-type]
        ((0.0, 0.5, 0.0), "the controller's command is a tuple"),
    ],
)
def test_a_controller_that_fails_is_a_bad_input(command: Any, reason: str) -> None:
    controller = Recording()
    envelope = enveloped(controller)
    envelope.step(Observation(frame(1), 10.0), ahead(10.0), 4.0, 10.0)
    controller.command = command
    guarded = envelope.step(Observation(frame(2), 10.1), ahead(10.1), 4.0, 10.1)
    assert guarded.mode is EnvelopeMode.BRIDGING
    assert EnvelopeFlag.CONTROLLER_FAILURE in guarded.flags
    assert guarded.reason.startswith(reason)


def test_numpys_numbers_come_out_as_plain_floats() -> None:
    controller = Recording(Control(np.float32(0.1), np.float64(0.0), 0))  # type: ignore[arg-type]
    control = enveloped(controller).step(None, ahead(10.0), 4.0, 10.0).control
    assert {type(each) for each in (control.steer_rad, control.throttle, control.brake)} == {float}


def test_the_controller_begins_anew_after_a_driver_and_a_release() -> None:
    controller = Recording()
    envelope = enveloped(controller)
    envelope.step(None, ahead(10.0), 4.0, 10.0, override=Control(0.1, 0.0, 0.0))
    assert (len(controller.given), controller.resets) == (0, 0)
    envelope.step(None, ahead(10.1), 4.0, 10.1)
    envelope.step(None, ahead(10.2), 4.0, 10.2)
    assert (len(controller.given), controller.resets) == (2, 1)
    envelope.release()
    assert controller.resets == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"observation": "frame"}, "takes an Observation, got 'frame'"),
        ({"observation": Observation(frame(), None)}, "the observation's time_s is None"),  # type: ignore[arg-type]
        ({"prediction": 0.1}, "takes a Prediction, got 0.1"),
        ({"prediction": Prediction("now", 1.0)}, "the prediction's time_s is 'now'"),  # type: ignore[arg-type]
        ({"prediction": Prediction(1.0, 1.0, flags=None)}, "flags are None; give a set"),  # type: ignore[arg-type]
        ({"prediction": Prediction(1.0, 1.0, values=[1])}, "values are a list"),  # type: ignore[arg-type]
        ({"prediction": Prediction(1.0, 1.0, reason=object())}, "reason is an object"),  # type: ignore[arg-type]
        ({"prediction": ahead(100.0)}, "use the controller 'pid'"),
        ({"speed_mps": "4"}, "speed_mps is '4'"),
        ({"now_s": None}, "now_s is None"),
        ({"yaw_rate_radps": "left"}, "yaw_rate_radps is 'left'"),
    ],
)
def test_wrong_types_are_mistakes_of_the_program_and_change_nothing(
    change: dict[str, Any], message: str
) -> None:
    drive = Drive()
    drive.ticks(3, steer_rad=0.1)
    before = drive.last
    with pytest.raises(InputError, match=message):
        drive.tick(**change)
    drive.now_s -= drive.period_s  # a call that was refused moves nothing
    guarded = drive.tick(steer_rad=0.1)
    assert guarded.mode is EnvelopeMode.DRIVING
    assert abs(guarded.control.steer_rad - before.steer_rad) <= 1.2 * drive.period_s


# The record


def test_a_stop_writes_the_last_ticks(tmp_path: Path) -> None:
    drive = Drive(record_to=tmp_path / "stops", record_ticks=8)
    drive.ticks(10, steer_rad=0.1)
    assert not (tmp_path / "stops").exists()
    drive.ticks(5, dark=True)
    drive.envelope.wait()
    (file,) = (tmp_path / "stops").iterdir()
    assert file.name == "stop-0001.jsonl"
    ticks = [json.loads(line) for line in file.read_text().splitlines()]
    assert [tick["mode"] for tick in ticks] == [*["driving"] * 5, "bridging", "bridging", "stop"]
    assert tuple(ticks[0]) == FIELDS
    assert ticks[-1]["flags"] == ["frame_dark", "longitudinal_jerk", "fallback"]
    assert ticks[-1]["reason"].startswith("the image is dark; ")
    assert ticks[-1]["reason"].endswith("; the fallback 'stop' commands")
    assert (ticks[-1]["speed_mps"], ticks[-1]["yaw_rate_radps"]) == (4.0, None)
    # one record for a stop, and another for the next
    drive.envelope.release()
    drive.ticks(3)
    drive.ticks(5, dark=True)
    drive.envelope.wait()
    assert sorted(path.name for path in (tmp_path / "stops").iterdir()) == [
        "stop-0001.jsonl",
        "stop-0002.jsonl",
    ]
    assert drive.envelope.counters["stops"] == 2


def test_a_record_goes_to_a_function_too(tmp_path: Path) -> None:
    got: list[bytes] = []
    drive = Drive(record_to=got.append, fallback={"kind": "slow_straight"})
    drive.ticks(4)
    drive.ticks(5, dark=True)
    drive.envelope.wait()
    assert len(got) == 1
    assert drive.envelope.record.count(b"\n") == 9


def test_a_record_that_cannot_be_written_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    drive = Drive(record_to=tmp_path / "file")
    drive.ticks(4)
    with caplog.at_level(logging.WARNING):
        drive.ticks(5, dark=True)
        drive.envelope.wait()
    assert drive.envelope.counters["records_failed"] == 1
    assert "the record of a stop could not be written" in caplog.text
    assert drive.tick().mode is EnvelopeMode.STOP
