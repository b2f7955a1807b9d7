"""However a driving loop ends, the last command is a safe stop, the error reaches the caller, and
no thread stays.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive import (
    Control,
    DrivingLoop,
    InputError,
    IteratorCamera,
    LoopHealth,
    Observation,
    Prediction,
    Predictor,
    Unguarded,
    UsageError,
    VehicleState,
)
from looping import STATE, Drive, frames, image, ours, stalling, stop_when

pytestmark = pytest.mark.usefixtures("no_thread_stays")


def test_it_ends_with_the_camera_after_the_last_image(waypoint_bundle: Path) -> None:
    drive = Drive(waypoint_bundle, frames(5))
    health = drive.run()
    assert health.ended == "the camera has ended"
    assert health.frames == 5
    assert health.predictions + health.frames_skipped == 5
    assert drive.has_stopped()
    assert len(drive.commands) == health.ticks + 1
    assert any(command.brake < 1.0 for command in drive.commands)  # it has driven


def test_a_camera_without_images_ends_it(waypoint_bundle: Path) -> None:
    drive = Drive(waypoint_bundle, frames(0))
    assert drive.run().frames == 0
    assert drive.has_stopped()


class CameraError(Exception):
    """What a driver of a user's own may raise."""


def broken_camera() -> Iterator[tuple[Any, float]]:
    yield from frames(3)
    raise CameraError("the cable is out")


def test_an_error_of_the_camera(waypoint_bundle: Path) -> None:
    told: list[LoopHealth] = []
    drive = Drive(waypoint_bundle, broken_camera(), health=told.append)
    with pytest.raises(CameraError, match="cable"):
        drive.run()
    assert drive.has_stopped()
    assert told[-1].ended == "CameraError: the cable is out"


class Failing(Predictor):
    """Fails at the third image."""

    def predict(self, observation: Observation) -> Prediction:
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 3:
            raise MemoryError("no room")
        return super().predict(observation)


def test_an_error_of_the_predictor(waypoint_bundle: Path) -> None:
    drive = Drive(waypoint_bundle, frames(100), loads=Failing)
    with pytest.raises(MemoryError, match="no room"):
        drive.run()
    assert drive.has_stopped()


class Spinning:
    """A controller that fails after it has steered."""

    stop_reason = ""

    def __init__(self) -> None:
        self.steps = 0

    def step(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        self.steps += 1
        if self.steps == 4:
            raise ZeroDivisionError("in the controller")
        return Control(0.2, 0.5, 0.0)

    def reset(self) -> None:
        self.steps = 0


def test_an_error_of_the_controller_and_the_wheels_stay_where_they_are(
    waypoint_bundle: Path,
) -> None:
    drive = Drive(waypoint_bundle, frames(200), envelope=Unguarded(Spinning()))
    with pytest.raises(ZeroDivisionError):
        drive.run()
    assert drive.commands[-2:] == [Control(0.2, 0.5, 0.0), Control(0.2, 0.0, 1.0)]


class NotANumber(Spinning):
    def step(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        return Control(float("nan"), 0.5, 0.0)


def test_a_command_that_is_no_number_is_not_given(waypoint_bundle: Path) -> None:
    drive = Drive(waypoint_bundle, frames(200), envelope=Unguarded(NotANumber()))
    with pytest.raises(InputError, match="not finite"):
        drive.run()
    assert all(np.isfinite(command.steer_rad) for command in drive.commands)
    assert drive.has_stopped()


def test_an_error_of_the_state(waypoint_bundle: Path) -> None:
    calls: list[int] = []

    def state() -> VehicleState:
        calls.append(1)
        if len(calls) == 5:
            raise OSError("the bus is gone")
        return STATE

    drive = Drive(waypoint_bundle, frames(100), state=state)
    with pytest.raises(OSError, match="bus"):
        drive.run()
    assert len(drive.commands) == 5
    assert drive.has_stopped()


def test_an_error_of_the_actuators_and_of_the_last_command(waypoint_bundle: Path) -> None:
    tried: list[Control] = []

    def actuate(control: Control) -> None:
        tried.append(control)
        raise ConnectionError("no actuator")

    drive = Drive(waypoint_bundle, frames(100), actuate=actuate)
    with pytest.raises(ConnectionError) as raised:
        drive.run()
    assert len(tried) == 2
    assert tried[-1].brake == 1.0
    assert "the last safe stop could not be given either" in raised.value.__notes__[0]


def test_it_is_stopped_from_another_thread(waypoint_bundle: Path) -> None:
    drive = Drive(waypoint_bundle, frames(10_000))
    stop_when(drive.loop, lambda: len(drive.commands) >= 5)
    assert drive.run().ended == "the test has seen enough"
    assert drive.has_stopped()


def test_it_ends_after_a_time(waypoint_bundle: Path) -> None:
    drive = Drive(waypoint_bundle, frames(10_000))
    assert drive.run(seconds=0.3).ended == "0.3 s are over"
    assert drive.has_stopped()


@pytest.mark.parametrize("seconds", [-1.0, 1e12, "3", float("nan")])
def test_a_time_that_cannot_be_is_told(waypoint_bundle: Path, seconds: Any) -> None:
    drive = Drive(waypoint_bundle, frames(1))
    with pytest.raises((UsageError, InputError), match="seconds is"):
        drive.run(seconds=seconds)
    assert drive.commands == []


def test_a_stop_before_it_runs_is_not_forgotten(waypoint_bundle: Path) -> None:
    drive = Drive(waypoint_bundle, frames(10))
    drive.loop.stop("no drive today")
    assert drive.run().ticks == 0
    assert [command.brake for command in drive.commands] == [1.0]


def test_it_runs_once(waypoint_bundle: Path) -> None:
    drive = Drive(waypoint_bundle, frames(1))
    drive.run()
    with pytest.raises(UsageError, match="once"):
        drive.loop.run()


def test_a_camera_that_hangs_is_left_behind(
    waypoint_bundle: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("auxdrive.loop.driving.JOIN_S", 0.1)
    until = threading.Event()
    drive = Drive(waypoint_bundle, stalling(2, until))
    stop_when(drive.loop, lambda: len(drive.commands) >= 5)
    drive.run()
    assert drive.has_stopped()
    assert "auxdrive camera" in caplog.text
    until.set()
    while ours():
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"rate_hz": 0.0}, "rate_hz is 0; it lies within 0.1 and 1000"),
        ({"stop_brake": 0.0}, "stop_brake is 0; it lies within 0.1 and 1"),
        ({"actuate": None}, "actuate must be a function, got None"),
        ({"state": STATE}, "state must be a function, got a VehicleState"),
        ({"health": 3}, "health must be a function"),
        ({"envelope": 3}, r"the envelope is an int, which has no step()"),
        ({"camera": frames(1)}, "the camera is a generator, which has no read"),
    ],
)
def test_wrong_arguments_are_told_before_anything_moves(
    waypoint_bundle: Path, arguments: dict[str, Any], told: str
) -> None:
    right = {
        "camera": IteratorCamera(frames(1)),
        "actuate": lambda control: None,
        "state": lambda: STATE,
    }
    with (
        Predictor.load(waypoint_bundle) as predictor,
        pytest.raises(UsageError, match=re.escape(told)),
    ):
        DrivingLoop(predictor, **{**right, **arguments})


def test_a_state_that_is_none_is_told(waypoint_bundle: Path) -> None:
    drive = Drive(waypoint_bundle, frames(5), state=lambda: 4.0)
    with pytest.raises(InputError, match=r"state\(\) gave"):
        drive.run()
    assert drive.has_stopped()


def test_a_camera_that_gives_no_pair_is_told(waypoint_bundle: Path) -> None:
    drive = Drive(waypoint_bundle, iter([image()]))
    with pytest.raises(InputError, match=r"read\(\) gave an array uint8 \(24, 32, 3\)"):
        drive.run()
    assert drive.has_stopped()
