"""What a driving loop does while it drives: the newest image wins, and a camera or a predictor that
gives nothing new stops the vehicle and hangs nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive import (
    Control,
    InputError,
    Observation,
    Prediction,
    Predictor,
    Unguarded,
    VehicleState,
)
from auxdrive.cameras.base import Frame
from auxdrive.ego import EGO_INPUTS
from auxdrive.loop.perception import NewestFrame
from looping import Drive, drives, frames, image, sometimes_wrong, stalling, stop_when

pytestmark = pytest.mark.usefixtures("threads_end")


def test_the_newest_image_wins() -> None:
    newest = NewestFrame()
    for number in range(5):
        newest.put(Frame(image(number), float(number)))
    taken, is_over = newest.take()
    assert taken is not None
    assert (taken[0], taken[1].time_s, is_over) == (5, 4.0, False)
    assert (newest.given, newest.skipped) == (5, 4)
    newest.put(Frame(image(), 9.0))
    newest.end()
    taken, is_over = newest.take()
    assert taken is not None
    assert (taken[1].time_s, is_over) == (9.0, True)
    assert newest.take() == (None, True)


class Slow(Predictor):
    """Takes as long as the images of several ticks."""

    def predict(self, observation: Observation) -> Prediction:
        time.sleep(0.15)
        return super().predict(observation)


def test_a_slow_predictor_skips_images_and_delays_no_command(waypoint_bundle: Path) -> None:
    drive = Drive(waypoint_bundle, frames(60), loads=Slow)
    health = drive.run()
    assert health.predictions >= 2
    assert health.frames_skipped > health.predictions
    assert health.frames == health.predictions + health.frames_skipped
    assert health.ticks > health.predictions  # 7.5 times as many where the machine is idle
    assert health.latency_ms.p50 < 0.15e3 < health.frame_age_ms.worst


class Hanging(Predictor):
    """Hangs at the third image, until `LET_GO`."""

    let_go = threading.Event()

    def predict(self, observation: Observation) -> Prediction:
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 3:
            self.let_go.wait(60)
        return super().predict(observation)


def test_a_predictor_that_hangs_stops_the_vehicle(
    waypoint_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auxdrive.loop.driving.JOIN_S", 0.1)
    drive = Drive(waypoint_bundle, frames(10_000), loads=Hanging)
    commands = drive.commands
    stop_when(
        drive.loop, lambda: any(map(drives, commands)) and not any(map(drives, commands[-5:]))
    )
    health = drive.run()
    assert health.ended == "the test has seen enough"
    assert any(map(drives, commands))
    assert not any(map(drives, commands[-5:]))
    assert "old" in health.reason
    Hanging.let_go.set()


def test_a_camera_that_stalls_stops_the_vehicle_and_hangs_nothing(
    waypoint_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auxdrive.loop.driving.JOIN_S", 0.1)
    until = threading.Event()
    drive = Drive(waypoint_bundle, stalling(4, until))
    commands = drive.commands
    stop_when(
        drive.loop, lambda: any(map(drives, commands)) and not any(map(drives, commands[-5:]))
    )
    health = drive.run()
    assert health.ended == "the test has seen enough"
    assert any(map(drives, commands))
    assert not any(map(drives, commands[-5:]))
    assert "the prediction is" in health.reason
    assert health.flags["safe_stop"] >= 5
    until.set()


def test_a_camera_that_goes_on_after_a_stall_is_driven_by_again(waypoint_bundle: Path) -> None:
    go_on = threading.Event()

    def pausing() -> Iterator[tuple[Any, float]]:
        yield from frames(3)
        go_on.wait(30)
        yield from frames(10_000)

    drive = Drive(waypoint_bundle, pausing())
    commands, marks = drive.commands, {}

    def has_recovered() -> bool:
        if any(map(drives, commands)) and not any(map(drives, commands[-3:])) and not marks:
            marks["stopped"] = len(commands)
            go_on.set()
        return bool(marks) and any(map(drives, commands[marks["stopped"] :]))

    stop_when(drive.loop, has_recovered)
    drive.run()
    assert marks
    assert any(map(drives, commands[marks["stopped"] :]))


def test_single_images_of_a_wrong_size_are_refused_and_the_drive_goes_on(
    waypoint_bundle: Path,
) -> None:
    drive = Drive(waypoint_bundle, sometimes_wrong(12))
    health = drive.run()
    assert health.ended == "the camera has ended"
    assert health.frames_refused >= 1
    assert health.frames == health.predictions + health.frames_refused + health.frames_skipped
    assert health.predictions >= 4


def test_a_camera_of_the_wrong_size_is_told_at_once(waypoint_bundle: Path) -> None:
    wrong = ((image(0, 48, 64), time_s) for _, time_s in frames(5))
    drive = Drive(waypoint_bundle, wrong)
    with pytest.raises(InputError, match=r"shape \(48, 64, 3\), this model takes \(24, 32, 3\)"):
        drive.run()
    assert drive.has_stopped()


def test_an_input_that_the_state_lacks_is_told_at_once(waypoint_bundle: Path) -> None:
    drive = Drive(waypoint_bundle, frames(5), state=lambda: VehicleState(4.0))
    with pytest.raises(InputError, match="target_ego_m is None"):
        drive.run()
    assert drive.has_stopped()


def test_a_camera_on_another_clock_is_not_driven_by(waypoint_bundle: Path) -> None:
    """Times since 1970 are far in the future of the monotonic clock."""
    other = ((each, time.time()) for each, _ in frames(10))
    drive = Drive(waypoint_bundle, other)
    health = drive.run()
    assert not any(map(drives, drive.commands))
    assert health.flags["safe_stop"] == health.ticks


def test_a_clock_that_jumps_is_not_driven_by(waypoint_bundle: Path) -> None:
    """A camera whose clock stood still an hour ago, and one that says no time."""
    for wrong in (-3600.0, float("nan"), float("-inf")):
        drive = Drive(waypoint_bundle, ((each, time_s + wrong) for each, time_s in frames(6)))
        if np.isfinite(wrong):
            health = drive.run()
            assert health.flags["safe_stop"] == health.ticks
        else:
            with pytest.raises(InputError, match="time_s"):
                drive.run()
        assert not any(map(drives, drive.commands))


def test_the_state_of_the_last_tick_goes_into_the_prediction(waypoint_bundle: Path) -> None:
    seen: list[Observation] = []

    class Noting(Predictor):
        def predict(self, observation: Observation) -> Prediction:
            seen.append(observation)
            return super().predict(observation)

    speeds = iter(range(10_000))
    drive = Drive(
        waypoint_bundle,
        frames(20),
        loads=Noting,
        state=lambda: VehicleState(float(next(speeds)) / 100, (20.0, 1.0)),
    )
    drive.run()
    given = [observation.speed_mps for observation in seen]
    assert given == sorted(given)
    assert given[-1] > given[0]
    assert all(observation.target_ego_m == (20.0, 1.0) for observation in seen)


def test_every_input_of_a_model_is_a_field_of_the_state() -> None:
    assert set(EGO_INPUTS) <= {field.name for field in fields(VehicleState)}


def test_the_driver_takes_over(steering_bundle: Path) -> None:
    wheel = Control(0.3, 0.2, 0.0)
    ticks = iter(range(10_000))

    def state() -> VehicleState:
        return VehicleState(4.0, override=wheel if 5 <= next(ticks) < 10 else None)

    drive = Drive(steering_bundle, frames(10_000), state=state)
    stop_when(drive.loop, lambda: len(drive.commands) > 12)
    health = drive.run()
    assert drive.commands.count(wheel) == health.flags["override"] == 5


def test_a_model_that_nothing_drives_by_is_held_by_its_brake(steering_bundle: Path) -> None:
    drive = Drive(steering_bundle, frames(5), envelope=Unguarded(None))
    health = drive.run()
    assert health.predictions >= 1
    assert not any(map(drives, drive.commands))
    assert health.reason == "no controller drives by these predictions"


def test_a_loop_drives_a_bundle_of_each_task(steering_bundle: Path, waypoint_bundle: Path) -> None:
    for bundle in (steering_bundle, waypoint_bundle):
        drive = Drive(bundle, frames(20))
        assert drive.run().predictions >= 1
        assert any(map(drives, drive.commands)), bundle


def test_the_loop_counts_how_long_the_vehicle_stands(waypoint_bundle: Path) -> None:
    seen: list[Observation] = []

    class Noting(Predictor):
        def predict(self, observation: Observation) -> Prediction:
            seen.append(observation)
            return super().predict(observation)

    state = VehicleState(0.0, (20.0, 1.0))
    drive = Drive(waypoint_bundle, frames(10), loads=Noting, state=lambda: state)
    card = drive.predictor.card
    inputs = (*card.inputs, EGO_INPUTS["standing_s"].spec, EGO_INPUTS["moving_s"].spec)
    drive.predictor.card = card.model_copy(update={"inputs": inputs})
    drive.run()
    counted = [o.standing_s for o in seen if o.standing_s is not None]
    assert len(counted) == len(seen)
    assert counted == sorted(counted)
    assert 0.0 < counted[-1] < 10.0
    assert {o.moving_s for o in seen} == {0.0}
