"""Watches what comes in: the frames of the camera, and the clock.

Of a frame 16 rows and 64 columns are looked at, and of those the green channel alone. They are kept
as bytes, a row after the other: for a thousand values that is several times as fast as arrays. No
memory of an image's size is made.
"""

from __future__ import annotations

import math

from auxdrive.cards import CameraSpec
from auxdrive.checks.gate import camera_image
from auxdrive.checks.numbers import MAX_TIME_S, seconds
from auxdrive.controllers.base import CLOCK_TOLERANCE_S
from auxdrive.data.camera_faults import (
    DARK_LEVEL,
    DARK_SHARE,
    SATURATED_LEVEL,
    SATURATED_SHARE,
    grid_of,
)
from auxdrive.envelope.guarded import EnvelopeFlag, Findings
from auxdrive.errors import InputError

MOVING_MPS = 0.5
"""From this speed on, forward or backward, two frames differ somewhere on the grid. Slower, those
of a simulator may be equal.
"""
TORN_SHARE = 0.25
"""A frame is torn if at least this share of its rows, the lowest, is still the last frame's."""

_GREEN = 1
_DARK = bytes(range(DARK_LEVEL + 1))
_NOT_SATURATED = bytes(range(SATURATED_LEVEL))


class Clock:
    """Measures the time between calls.

    Args:
        longest_gap_s: a longer time counts as a jump.
    """

    def __init__(self, longest_gap_s: float) -> None:
        self._longest_gap_s = longest_gap_s
        self._last_s: float | None = None

    def look(self, now_s: float, findings: Findings) -> float:
        """The seconds since the last call; 0 at the first one, and where the clock has jumped.

        Args:
            now_s: the time of this call; it need not be finite.
            findings: get a jump.

        Raises:
            InputError: `now_s` is in another unit.
        """
        if not math.isfinite(now_s):
            findings.add(EnvelopeFlag.CLOCK_JUMP, f"the clock says {now_s}")
            return 0.0
        if not -MAX_TIME_S <= now_s <= MAX_TIME_S:
            seconds("now_s", now_s)  # raises what it says of it
        before, self._last_s = self._last_s, now_s
        if before is None:
            return 0.0
        elapsed_s = now_s - before
        if elapsed_s < 0.0:
            findings.add(
                EnvelopeFlag.CLOCK_JUMP, f"the clock went back from {before:.3f} to {now_s:.3f} s"
            )
            return 0.0
        if elapsed_s > self._longest_gap_s:
            findings.add(
                EnvelopeFlag.CLOCK_JUMP,
                f"no call for {elapsed_s:.3f} s; the longest gap is {self._longest_gap_s:g} s",
            )
            return 0.0
        return elapsed_s


class FrameWatch:
    """Looks at frames: their time and, once for each, their content.

    Args:
        camera: whose frames they are.
        max_age_s: an older frame is stale.
    """

    def __init__(self, camera: CameraSpec, max_age_s: float) -> None:
        self._shape = (camera.height, camera.width, 3)
        self._max_age_s = max_age_s
        rows, columns = grid_of(camera.height, camera.width)
        self._grid = (rows, columns, _GREEN)
        height, self._row = (
            len(range(camera.height)[rows]),
            len(range(camera.width)[columns]),
        )
        self._size = height * self._row
        self._tail = self._size - math.ceil(TORN_SHARE * height) * self._row
        self.frames = 0
        self.reset()

    def reset(self) -> None:
        """Forget the frames so far, but not how many there were (`frames`)."""
        self._time_s = math.nan
        # of the last frame and the one before it, where those could be read
        self._last: bytes | None = None
        self._earlier: bytes | None = None
        self._content = Findings()

    def look(
        self, image: object, time_s: float, now_s: float, speed_mps: float, findings: Findings
    ) -> bool:
        """Look at the newest frame, which may be the last one again.

        Args:
            image: should be uint8 (H, W, 3) of the camera's size.
            time_s: its capture time; it need not be finite.
            now_s: the time of this call; it need not be finite.
            speed_mps: the measured speed; it need not be finite, and then the car may move.
            findings: get what is wrong.

        Returns:
            Whether it is a new one.
        """
        before, is_new = self._time_s, time_s != self._time_s
        if is_new:
            self._time_s = time_s
            self.frames += 1
            self._content = Findings()
            self._look_into(image, not abs(speed_mps) < MOVING_MPS)
        self._look_at_time(time_s, before, now_s, findings)
        findings.flags += self._content.flags
        findings.reasons += self._content.reasons
        return is_new

    def _look_at_time(
        self, time_s: float, before_s: float, now_s: float, findings: Findings
    ) -> None:
        age_s = now_s - time_s
        if age_s > self._max_age_s:
            findings.add(
                EnvelopeFlag.FRAME_STALE,
                f"the frame is {age_s:.3f} s old; the limit is {self._max_age_s:g} s",
            )
        elif not math.isfinite(time_s):
            findings.add(EnvelopeFlag.FRAME_TIME, f"the frame's time is {time_s}")
        elif age_s < -CLOCK_TOLERANCE_S:
            findings.add(EnvelopeFlag.FRAME_TIME, f"the frame is {-age_s:.3f} s newer than now")
        elif time_s < before_s:
            findings.add(
                EnvelopeFlag.FRAME_TIME,
                f"the frame is {before_s - time_s:.3f} s older than the last",
            )

    def _look_into(self, image: object, moving: bool) -> None:
        """Look at the content of a new frame."""
        last, earlier, found = self._last, self._earlier, self._content
        self._last, self._earlier = None, last
        try:
            pixels = camera_image(image, self._shape)
        except InputError as error:
            found.add(EnvelopeFlag.FRAME_MALFORMED, str(error))
            return
        self._last = now = pixels[self._grid].tobytes()
        bright = len(now.translate(None, _DARK))
        if bright <= DARK_SHARE * self._size:
            found.add(EnvelopeFlag.FRAME_DARK, "the image is dark")
        elif bright >= SATURATED_SHARE * self._size:
            white = len(now.translate(None, _NOT_SATURATED))
            if white >= SATURATED_SHARE * self._size:
                found.add(EnvelopeFlag.FRAME_SATURATED, "the image is saturated")
        if last is None or not moving or now[self._tail :] != last[self._tail :]:
            return
        if now == last:
            found.add(EnvelopeFlag.FRAME_REPEATED, "the image is the last one again")
        elif earlier is not None and self._all_changed(last, earlier):
            found.add(EnvelopeFlag.FRAME_TORN, "the lower part of the image is the last image's")

    def _all_changed(self, last: bytes, earlier: bytes) -> bool:
        """Whether each of the lowest rows had changed from one frame to the next. A bonnet, which
        never changes, is no torn frame.
        """
        rows = range(self._tail, self._size, self._row)
        return all(last[at : at + self._row] != earlier[at : at + self._row] for at in rows)
