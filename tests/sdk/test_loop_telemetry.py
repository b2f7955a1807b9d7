"""Telemetry of a driving loop: complete where the disk keeps up, readable after a kill, and never
waited for.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive import UsageError
from auxdrive.loop import recorder
from auxdrive.loop.recorder import Recorder
from auxdrive.telemetry import TELEMETRY, open_telemetry
from auxdrive.telemetry.base import TelemetryFile
from auxdrive.types import UInt8
from looping import Drive, frames, image, messages, of, ours, records

pytestmark = pytest.mark.usefixtures("threads_end")


def test_json_lines_hold_every_command_and_prediction(
    waypoint_bundle: Path, tmp_path: Path
) -> None:
    path = tmp_path / "drive.jsonl"
    drive = Drive(waypoint_bundle, frames(60), telemetry=path)
    health = drive.run()
    found = records(path)
    assert (found[0]["kind"], found[-1]["kind"]) == ("begin", "end")
    assert found[0]["task"] == "waypoints"
    assert abs(found[0]["since_1970_s"] - time.time()) < 60
    assert found[-1]["ended"] == "the camera has ended"
    controls, predictions = of("control", found), of("prediction", found)
    assert [record["tick"] for record in controls] == list(range(1, health.ticks + 1))
    assert [(record["steer_rad"], record["throttle"], record["brake"]) for record in controls] == [
        (each.steer_rad, each.throttle, each.brake) for each in drive.commands[:-1]
    ]
    assert len(predictions) == health.predictions
    assert np.shape(predictions[0]["waypoints_ego_m"]) == (4, 2)
    assert predictions[0]["target_ego_m"] == [20.0, 0.0]
    numbers = {record["frame"] for record in predictions}
    assert {record["frame"] for record in controls} <= {None, *numbers}
    assert len(of("health", found)) >= 1
    assert (health.records_dropped, health.telemetry_failure) == (0, "")


def test_a_line_is_there_as_soon_as_it_is_written(tmp_path: Path) -> None:
    with open_telemetry(tmp_path / "drive.jsonl") as file:
        file.record("control", 1.5, {"brake": float("nan")})
        assert records(file.path) == [{"kind": "control", "time_s": 1.5, "brake": None}]


def test_a_drive_is_never_overwritten(waypoint_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "drive.jsonl"
    path.write_text("an earlier one")
    drive = Drive(waypoint_bundle, frames(1), telemetry=path)
    with pytest.raises(UsageError, match="is there already"):
        drive.run()
    assert path.read_text() == "an earlier one"
    assert drive.commands == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("drive.csv", "unknown telemetry format 'csv'"),
        ("drive", r"must end in \.jsonl or \.mcap"),
        ("none/drive.jsonl", "there is no directory"),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_moves(
    waypoint_bundle: Path, tmp_path: Path, name: str, told: str
) -> None:
    drive = Drive(waypoint_bundle, frames(1), telemetry=tmp_path / name)
    with pytest.raises(UsageError, match=told):
        drive.run()
    assert drive.commands == []


class Disk(TelemetryFile):
    """A disk that takes a record only when it is told to, or fails at the fifth."""

    takes_images = True
    let_go = threading.Event()
    fails = False

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.count = 0

    def record(self, kind: str, time_s: float, values: Mapping[str, Any]) -> None:
        self.count += 1
        if self.fails and self.count >= 5:
            raise OSError(28, "No space left on device")
        self.let_go.wait(60)

    def image(self, frame: int, time_s: float, image: UInt8) -> None:
        self.let_go.wait(60)


@pytest.fixture
def disk() -> Iterator[type[Disk]]:
    TELEMETRY.add("disk", Disk)
    Disk.let_go.clear()
    yield Disk
    Disk.let_go.set()
    TELEMETRY.remove("disk")


def test_a_disk_that_hangs_delays_no_command_and_what_is_dropped_is_said(
    waypoint_bundle: Path,
    tmp_path: Path,
    disk: type[Disk],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(recorder, "MOST_RECORDS", 20)
    monkeypatch.setattr(recorder, "MOST_IMAGES", 2)
    monkeypatch.setattr(recorder, "CLOSE_S", 0.2)
    drive = Drive(waypoint_bundle, frames(10_000), telemetry=tmp_path / "drive.disk")
    health = drive.run(seconds=1.5)
    assert health.ticks > 20
    assert health.records_dropped >= health.ticks - 20
    assert health.images_dropped >= 1
    assert "has not taken everything" in health.telemetry_failure
    assert f"lacks {health.records_dropped} records" in caplog.text
    assert drive.has_stopped()


def test_a_disk_that_fails_stops_no_vehicle_and_is_told(
    waypoint_bundle: Path,
    tmp_path: Path,
    disk: type[Disk],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(disk, "fails", True)
    disk.let_go.set()
    drive = Drive(waypoint_bundle, frames(20), telemetry=tmp_path / "drive.disk")
    health = drive.run()
    assert health.ended == "the camera has ended"
    assert "No space left" in health.telemetry_failure
    assert health.records_dropped >= 1
    assert caplog.text.count("the vehicle drives on") == 1


def test_without_telemetry_there_is_no_thread_for_it() -> None:
    written = Recorder(None, ())
    written.did("control", 0.0, dict)
    assert ours() == []
    written.close()


@pytest.mark.parametrize("form", ["jsonl", "mcap"])
def test_images_that_are_none_end_neither_drive_nor_telemetry(
    steering_bundle: Path, tmp_path: Path, form: str
) -> None:
    """After a good one: nothing, floats, no colours, no pixels, another size, and times that are
    none; the envelope is shown them all.
    """
    if form == "mcap":
        pytest.importorskip("mcap")
    odd = [None, "text", image() / 255, image()[..., 0], image()[:0], image(1, 48, 64)]

    def given() -> Iterator[tuple[Any, float]]:
        yield from frames(3)
        for each in odd:
            time.sleep(0.06)
            yield each, time.monotonic()
        for wrong in (float("nan"), float("inf"), -float("inf"), 1e12):
            time.sleep(0.06)
            yield image(), wrong

    path = tmp_path / f"drive.{form}"
    health = Drive(steering_bundle, given(), telemetry=path, envelope=None).run()
    assert health.ended == "the camera has ended"
    assert health.frames_refused >= 5
    assert health.flags["frame_malformed"] >= 3
    assert (health.telemetry_failure, health.records_dropped) == ("", 0)
    if form == "jsonl":
        found = records(path)
        assert len(of("control", found)) == health.ticks
        assert len([each for each in of("prediction", found) if each["reason"]]) >= 5
    else:
        read = messages(path)
        assert len(read["/control"]) == health.ticks
        assert len(read["/prediction"]) == health.predictions + health.frames_refused


KILLED = """
import sys, time
import numpy as np
from auxdrive import DrivingLoop, IteratorCamera, Predictor, VehicleState

rng = np.random.default_rng(0)
def frames():
    while True:
        time.sleep(0.02)
        yield rng.integers(0, 256, (24, 32, 3), np.uint8), time.monotonic()

with Predictor.load(sys.argv[1]) as predictor:
    loop = DrivingLoop(
        predictor, IteratorCamera(frames()), lambda control: None,
        lambda: VehicleState(4.0, (20.0, 0.0)), telemetry=sys.argv[2],
        health=lambda health: print(health.line(), flush=True),
    )
    loop.run()
"""


@pytest.mark.parametrize("form", ["jsonl", "mcap"])
def test_what_was_written_before_a_kill_can_be_read(
    waypoint_bundle: Path, tmp_path: Path, form: str
) -> None:
    """The process is killed a moment after its second health: all before that is there."""
    if form == "mcap":
        pytest.importorskip("mcap")
    path = tmp_path / f"drive.{form}"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(waypoint_bundle), str(path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    healths = [json.loads(process.stdout.readline()) for _ in range(2)]
    time.sleep(0.3)  # the disk is another thread's
    process.kill()
    process.communicate(timeout=30)
    if form == "mcap":
        found = messages(path)
        assert len(found["/control"]) >= healths[1]["ticks"]
        assert len(found["/camera"]) >= healths[0]["predictions"]
        assert "/end" not in found
        return
    lines = path.read_bytes().split(b"\n")
    found = [json.loads(line) for line in lines[:-1]]
    assert lines[-1] == b""  # lines are written whole
    assert len(of("control", found)) >= healths[1]["ticks"]
    assert of("end", found) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_by_its_own_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = open_telemetry(tmp_path / "drive.jsonl")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, file._file.fileno())
    os.close(full)
    written = Recorder(file, ())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            written.did("control", 0.0, dict)
        written.close()
    assert "No space left on device" in written.failure
    assert written.records_dropped >= 2
