"""Writes telemetry in a thread of its own, so that no command waits for a disk."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from auxdrive.loop.background import Background
from auxdrive.loop.health import LoopHealth
from auxdrive.loop.perception import Seen
from auxdrive.prediction_record import record_of, values_of
from auxdrive.telemetry.base import TelemetryFile
from auxdrive.types import UInt8

_LOG = logging.getLogger(__name__)
MOST_RECORDS, MOST_IMAGES = 2000, 32
"""Where as many things wait for the disk, further records, or images, are dropped. 32 images of
1280x720 are 90 MB, 2000 records 30 s at 20 Hz and more.
"""
CLOSE_S = 10.0
"""How long the end of a drive waits for the disk."""

_Write = Callable[[TelemetryFile], object]


class Recorder:
    """Hands what a loop sees and does to a telemetry file.

    Attributes:
        failure: why the file ended early; empty where it did not.

    Args:
        file: that is written and closed here; None where nothing is to be written.
        ego_names: the inputs of the model beside the image.
    """

    def __init__(self, file: TelemetryFile | None, ego_names: tuple[str, ...]) -> None:
        self.failure = ""
        self._file, self._ego_names = file, ego_names
        # each is counted by one thread alone
        self._dropped = {"seen": 0, "images": 0, "loop": 0, "late": 0}
        self._background: Background[_Write] | None = (
            None if file is None else Background("auxdrive telemetry", self._write)
        )

    @property
    def records_dropped(self) -> int:
        """Records that were dropped so far."""
        return self._dropped["seen"] + self._dropped["loop"] + self._dropped["late"]

    @property
    def images_dropped(self) -> int:
        """Images that were dropped so far."""
        return self._dropped["images"]

    def saw(self, seen: Seen) -> None:
        """Write an image and its prediction; for the thread that predicts."""
        if self._file is None or self._background is None:
            return
        observation = seen.observation
        # what the predictor refused need be no image, nor its time a time
        time_s = observation.time_s if math.isfinite(observation.time_s) else time.monotonic()
        if self._file.takes_images and _is_image(observation.image):
            self._put("images", MOST_IMAGES, _image(seen.frame, time_s, observation.image))
        self._put("seen", MOST_RECORDS, _record("prediction", time_s, lambda: self._told(seen)))

    def did(self, kind: str, time_s: float, values: Callable[[], Mapping[str, Any]]) -> None:
        """Write a record; for the thread of the loop.

        Args:
            kind: what it is of.
            time_s: when it was.
            values: gives them by name, as JSON can hold them; called when it is written.
        """
        self._put("loop", MOST_RECORDS, _record(kind, time_s, values))

    def health(self, health: LoopHealth) -> None:
        """Write a health, and force all before it onto the disk; for the thread of the loop."""
        self.did("health", health.time_s, health.as_json)
        self._put("loop", MOST_RECORDS, lambda file: file.flush())

    def close(self) -> None:
        """Write what waits, and end the file."""
        if self._background is None or self._file is None:
            return
        self._put("loop", 2 * MOST_RECORDS, _close)
        if not self._background.close(CLOSE_S):
            self._fail(f"the disk has not taken everything within {CLOSE_S:g} s")

    def _put(self, of: str, most: int, write: _Write) -> None:
        if self._background is not None and not self._background.put(write, most):
            self._dropped[of] += 1

    def _told(self, seen: Seen) -> dict[str, Any]:
        observation, prediction = seen.observation, seen.prediction
        values: dict[str, Any] = {"frame": seen.frame, "frame_time_s": observation.time_s}
        values |= {name: getattr(observation, name) for name in self._ego_names}
        if prediction is None:
            return values | {"flags": [], "reason": seen.refusal}
        return values | record_of(prediction) | values_of(prediction)

    def _write(self, write: _Write) -> None:
        """Write; in the thread of the telemetry. After a failure nothing is written any more."""
        assert self._file is not None
        if self.failure and write is not _close:
            self._dropped["late"] += 1
            return
        try:
            write(self._file)
        # Whatever disk or encoder do, the vehicle drives on; it is said now and at the end.
        except Exception as error:  # noqa: BLE001
            self._fail(f"{self._file.path}: {error}")

    def _fail(self, why: str) -> None:
        if not self.failure:
            self.failure = why
            _LOG.warning("telemetry ends here, the vehicle drives on: %s", why)


def _is_image(image: object) -> bool:
    return (
        isinstance(image, np.ndarray)
        and image.dtype == np.uint8
        and image.ndim == 3
        and image.shape[2] == 3
        and image.size > 0
    )


def _close(file: TelemetryFile) -> None:
    file.close()


def _record(kind: str, time_s: float, values: Callable[[], Mapping[str, Any]]) -> _Write:
    return lambda file: file.record(kind, time_s, values())


def _image(frame: int, time_s: float, image: UInt8) -> _Write:
    return lambda file: file.image(frame, time_s, image)
