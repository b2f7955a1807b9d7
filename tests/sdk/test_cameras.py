"""Cameras: recorded images in real time, devices, and what cannot be opened."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from auxdrive import IteratorCamera, MissingExtra, UsageError, open_camera
from auxdrive.cameras.device import AvDevice, OpenCVDevice, open_device
from auxdrive.cameras.recorded import RecordedCamera
from auxdrive.errors import DataError
from looping import image
from PIL import Image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        Image.fromarray(image(number)).save(tmp_path / f"{number}.png")
    return tmp_path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("av")
    from auxdrive.data.video_files import written_video

    path = tmp_path_factory.mktemp("video") / "drive.mp4"
    with written_video(path, 20.0) as add:
        for number in range(8):
            add(np.full((24, 32, 3), 20 * number, np.uint8), number * 0.05)
    return path


def all_of(camera: object) -> list[tuple[np.ndarray, float]]:
    return list(iter(camera.read, None))


def test_a_folder_is_shown_at_its_rate_and_in_the_order_of_names(folder: Path) -> None:
    begin_s = time.monotonic()
    with open_camera(folder, rate_hz=25.0) as camera:
        shown = all_of(camera)
    assert [np.array_equal(each, image(number)) for number, (each, _) in enumerate(shown)] == [
        True
    ] * 4
    steps_s = np.diff([time_s for _, time_s in shown])
    assert (steps_s >= 0.04 - 1e-9).all()
    assert shown[0][1] >= begin_s
    assert time.monotonic() >= shown[-1][1]  # none is given before its time


def test_a_video_is_shown_by_its_own_times(video: Path) -> None:
    with open_camera(video, size=(16, 12)) as camera:
        shown = all_of(camera)
    assert [each.shape for each, _ in shown] == [(12, 16, 3)] * 8
    assert shown[-1][1] - shown[0][1] >= 7 * 0.05 - 1e-6
    assert shown[5][0].mean() > shown[1][0].mean() + 40


def test_what_is_decoded_too_slowly_is_shown_more_slowly() -> None:
    """By a clock that decoding moves, and looking at it a little: the third image takes as long as
    ten.
    """
    now = [100.0]

    def clock() -> float:
        now[0] += 1e-6
        return now[0]

    def decoded() -> object:
        for number in range(5):
            now[0] += 1.0 if number == 2 else 0.1
            yield image(number), number * 0.1

    times_s = [time_s - 100.0 for _, time_s in all_of(RecordedCamera(decoded(), clock))]
    assert times_s == pytest.approx([0.1, 0.2, 1.2, 1.3, 1.4], abs=1e-3)


def test_closing_wakes_a_camera_that_waits() -> None:
    camera = RecordedCamera([(image(0), 0.0), (image(1), 3600.0)])
    camera.read()
    threading.Timer(0.1, camera.close).start()
    assert camera.read() is None


def test_what_is_damaged_is_told_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"0\.png"):
        open_camera(tmp_path)


def test_a_camera_of_an_iterator_ends_with_it() -> None:
    camera = IteratorCamera([(image(), 1.0)])
    assert len(all_of(camera)) == 1
    assert camera.read() is None


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("nowhere", "no such file or folder, and no number of a camera"),
        ("", "no such file or folder"),
        ("empty", "holds no images"),
    ],
)
def test_what_is_no_camera_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=told):
        open_camera(source)


def test_a_rate_that_no_camera_has_is_told(folder: Path) -> None:
    with pytest.raises(UsageError, match="rate_hz is 0"):
        open_camera(folder, rate_hz=0.0)


@pytest.mark.parametrize("source", [987, "/dev/null", "file:///nothing", "nothing ! appsink"])
def test_a_device_that_is_not_there_is_told(source: int | str) -> None:
    pytest.importorskip("av")
    with pytest.raises(UsageError, match="cannot open it"):
        open_camera(source)


def test_a_device_without_a_package_for_it_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("auxdrive.cameras.device.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"auxdrive\[video\]"):
        open_device("0", 20.0)


def test_a_video_without_its_package_names_the_extra(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.delitem(sys.modules, "auxdrive.data.video_files")
    with pytest.raises(MissingExtra, match=r"auxdrive\[video\]"):
        open_camera(video)


def test_a_device_that_ffmpeg_opens() -> None:
    """FFmpeg's device of test images: the same calls as for a camera."""
    pytest.importorskip("av")
    device = AvDevice("testsrc=size=32x24:rate=100:duration=0.05", "lavfi")
    before_s = time.monotonic()
    shown = [device.read() for _ in range(5)]
    assert all(each.image.shape == (24, 32, 3) for each in shown)
    assert all(each.image.flags.c_contiguous for each in shown)
    assert before_s <= shown[0].time_s <= shown[-1].time_s <= time.monotonic()
    with pytest.raises(DataError, match="gives no more images"):
        device.read()
    device.close()
    device.close()
    assert device.read() is None


def test_a_device_that_does_not_wait_is_asked_again() -> None:
    """As FFmpeg's input of macOS: it says that there is no image yet."""
    av = pytest.importorskip("av")
    device = AvDevice("testsrc=size=32x24:rate=100:duration=0.05", "lavfi")

    def not_yet() -> Iterator[object]:
        raise av.BlockingIOError(11, "Resource temporarily unavailable")
        yield

    device._frames = not_yet()
    assert device.read().image.shape == (24, 32, 3)
    device._frames = not_yet()
    device._closed = True
    with pytest.raises(DataError, match="gives no more images"):
        device._next()
    device.close()


def test_a_device_that_opencv_opens(video: Path) -> None:
    """A video in place of a camera: the same calls, and red stays red."""
    pytest.importorskip("cv2")
    from auxdrive.data.video_files import written_video

    red = video.with_name("red.mp4")
    with written_video(red, 20.0) as add:
        for number in range(5):
            add(np.full((24, 32, 3), (200, 30, 30), np.uint8), number * 0.05)
    device = OpenCVDevice(str(red), 20.0)
    first = device.read()
    assert first.image.shape == (24, 32, 3)
    assert first.image[..., 0].mean() > 150 > first.image[..., 2].mean()
    for _ in range(4):
        device.read()
    with pytest.raises(DataError, match="gives no more images"):
        device.read()
    device.close()
    assert device.read() is None
    with pytest.raises(UsageError, match="OpenCV cannot open it"):
        OpenCVDevice(str(video.with_name("none.mp4")), 20.0)


def test_a_device_that_hangs_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.setattr("auxdrive.cameras.device.CLOSE_S", 0.1)
    let_go, released = threading.Event(), []

    class Hanging(AvDevice):
        def _next(self) -> object:
            let_go.wait(30)
            return super()._next()

        def _release(self) -> None:
            released.append(1)
            super()._release()

    device = Hanging("testsrc=size=32x24:rate=100", "lavfi")
    thread = threading.Thread(target=device.read, daemon=True)
    thread.start()
    while not device._reading.locked():
        time.sleep(0.005)
    device.close()
    assert released == []
    let_go.set()
    thread.join(30)
    device.close()
    assert released == [1]
