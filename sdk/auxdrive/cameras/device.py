"""Cameras that are devices of the machine, by OpenCV where that is installed, otherwise by PyAV
(the extra `video`). An image's time is that of its arrival: how long exposure and transport took is
not known here.
"""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import Any

import numpy as np

from auxdrive.cameras.base import Frame
from auxdrive.errors import DataError, MissingExtra, UsageError

CLOSE_S = 1.0
"""How long closing a device waits for a `read` that is under way. A device that gives nothing any
more is then left open: to close it while it is read may crash the process.
"""
_POLL_S = 0.002
# What FFmpeg calls the cameras of a system, and how the name of a numbered one begins there.
_OF_SYSTEM = {"linux": ("v4l2", "/dev/video"), "darwin": ("avfoundation", "")}


class Device(ABC):
    """Base of the devices: one thread reads, and another one may close.

    Args:
        name: of the device, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._reading = threading.Lock()
        self._closed = False

    def read(self) -> Frame | None:
        """Wait for the next image; None once it is closed.

        Raises:
            DataError: the device gives no more images.
        """
        with self._reading:
            return None if self._closed else self._next()

    def close(self) -> None:
        """Release the device (see `CLOSE_S`)."""
        self._closed = True
        if self._reading.acquire(timeout=CLOSE_S):
            try:
                self._release()
            finally:
                self._reading.release()

    @abstractmethod
    def _next(self) -> Frame: ...

    @abstractmethod
    def _release(self) -> None: ...


class OpenCVDevice(Device):
    """A camera that OpenCV opens.

    Args:
        source: what `cv2.VideoCapture` takes: a number, a path, an address or a GStreamer pipeline.
        rate_hz: how many images in a second are asked for; the device may give others.

    Raises:
        UsageError: it cannot be opened.
    """

    def __init__(self, source: int | str, rate_hz: float) -> None:
        import cv2

        super().__init__(f"the camera {source}")
        self._cv2: Any = cv2
        self._capture = cv2.VideoCapture(source)
        if not self._capture.isOpened():
            raise UsageError(f"{self._name}: OpenCV cannot open it")
        self._capture.set(cv2.CAP_PROP_FPS, rate_hz)
        # older images would only make the prediction late
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def _next(self) -> Frame:
        is_there, image = self._capture.read()
        time_s = time.monotonic()
        if not is_there:
            raise DataError(f"{self._name}: gives no more images")
        return Frame(self._cv2.cvtColor(image, self._cv2.COLOR_BGR2RGB), time_s)

    def _release(self) -> None:
        self._capture.release()


class AvDevice(Device):
    """A camera that FFmpeg opens.

    Args:
        source: as FFmpeg names it: "/dev/video0" or another.
        kind: FFmpeg's input device, such as "v4l2"; None for an address.
        options: of FFmpeg, by name.

    Raises:
        UsageError: it cannot be opened.
    """

    def __init__(
        self, source: str, kind: str | None, options: dict[str, str] | None = None
    ) -> None:
        import av

        super().__init__(f"the camera {source}")
        try:
            self._container = av.open(source, format=kind, options=options or {})
        except (OSError, ValueError) as error:
            raise UsageError(f"{self._name}: FFmpeg cannot open it: {error}") from error
        if not self._container.streams.video:
            self._container.close()
            raise UsageError(f"{self._name}: gives no images")
        self._failures: type[Exception] = av.FFmpegError
        self._not_yet: type[Exception] = av.BlockingIOError
        self._frames = self._container.decode(video=0)

    def _next(self) -> Frame:
        frame = time_s = None
        while time_s is None:
            try:
                frame = next(self._frames, None)
                time_s = time.monotonic()
            except self._not_yet:  # macOS's cameras do not wait for the next image
                if self._closed:
                    break
                time.sleep(_POLL_S)
                self._frames = self._container.decode(video=0)
            except self._failures as error:
                raise DataError(f"{self._name}: gives no more images ({error})") from error
        if frame is None or time_s is None:
            raise DataError(f"{self._name}: gives no more images")
        return Frame(np.ascontiguousarray(frame.to_ndarray(format="rgb24")), time_s)

    def _release(self) -> None:
        self._container.close()


def open_device(name: str, rate_hz: float) -> Device:
    """Open a camera of the machine or of a network.

    Args:
        name: its number, or its name or address as OpenCV or FFmpeg takes it.
        rate_hz: how many images in a second are asked for; the device may give others.

    Raises:
        MissingExtra: neither OpenCV nor PyAV is installed.
        UsageError: it cannot be opened.
    """
    if find_spec("cv2") is not None:
        return OpenCVDevice(int(name) if name.isdecimal() else name, rate_hz)
    if find_spec("av") is None:
        raise MissingExtra(f"the camera {name}", "video")
    if "://" in name:
        return AvDevice(name, None)
    if sys.platform not in _OF_SYSTEM:
        raise UsageError(
            f"the camera {name}: on this system OpenCV is needed: pip install "
            "opencv-python-headless"
        )
    kind, before = _OF_SYSTEM[sys.platform]
    options = {"framerate": f"{rate_hz:g}"} if kind == "v4l2" else {}
    return AvDevice(f"{before}{name}" if name.isdecimal() else name, kind, options)
