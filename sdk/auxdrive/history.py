"""Earlier images beside the current one (`HistorySpec`): which frames they are, for training and
for vehicles alike, and a memory of them.

Each is the newest frame that is old enough: one gap for the first, two for the second. Where there
is none, as at the beginning of a drive, it is the oldest frame that there is. A drive begins anew
where time is set back, and after a pause.

Legend: N frames, F images of a sample (the newest first), H, W rows and columns of the camera.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxdrive.cards import CameraSpec, HistorySpec
from auxdrive.types import AnyArray, Float64, UInt8

TOLERANCE = 0.07
"""How far times may be off, as a share: clocks jitter, and a recording's times are rounded."""
PAUSE_S = 1.0
"""After so long a pause, and at least two gaps, a drive begins anew."""
KEPT_IN_A_GAP = 16
"""No more frames than these are kept of a gap, however fast the camera is, so that the memory of a
vehicle is bounded.
"""


class EarlierFrames:
    """Which of the frames before it go with a frame, and which are kept for later ones. It knows
    their times alone; each kept frame has a place, whose number is used again.

    Args:
        spec: how many frames go with one, and how far they lie apart.

    Attributes:
        places: how many there are.

    Examples:
        >>> from auxdrive.cards import HistorySpec
        >>> from auxdrive.history import EarlierFrames
        >>> earlier = EarlierFrames(HistorySpec(frames=2, gap_s=0.2))
        >>> [earlier.take(0.1 * tick) for tick in range(4)]
        [((None,), 0), ((0,), 1), ((0,), 2), ((1,), 0)]
    """

    def __init__(self, spec: HistorySpec) -> None:
        off_s = TOLERANCE * spec.gap_s
        self._old_enough_s = tuple(k * spec.gap_s - off_s for k in range(1, spec.frames))
        self._pause_s = (1 + TOLERANCE) * max(PAUSE_S, 2 * spec.gap_s)
        self._apart_s = (1 - TOLERANCE) * spec.gap_s / KEPT_IN_A_GAP
        self.places = int(self._old_enough_s[-1] / self._apart_s) + 3 if self._old_enough_s else 0
        self.forget()

    def forget(self) -> None:
        """Begin a new drive."""
        self._kept: list[tuple[float, int]] = []  # time and place, the oldest first
        self._free = list(range(self.places))[::-1]
        self._last_s = -np.inf

    def take(self, time_s: float) -> tuple[tuple[int | None, ...], int | None]:
        """The next frame.

        Args:
            time_s: when it was taken.

        Returns:
            The places of the frames that go with it, the newest first, None for the frame itself;
            and the place in which it is to be kept, None where it need not be.
        """
        if not 0 <= time_s - self._last_s <= self._pause_s:
            self.forget()
        self._last_s = time_s
        found = tuple(self._at(time_s - age_s) for age_s in self._old_enough_s)
        kept = self._kept
        while len(kept) > 1 and kept[1][0] <= time_s - self._old_enough_s[-1]:
            self._free.append(kept.pop(0)[1])
        if kept and time_s - kept[-1][0] < self._apart_s:
            return found, None
        kept.append((time_s, self._free.pop()))
        return found, kept[-1][1]

    def _at(self, time_s: float) -> int | None:
        """The place of the newest frame of that time or before, or else of the oldest one."""
        for taken_s, place in reversed(self._kept):
            if taken_s <= time_s:
                return place
        return self._kept[0][1] if self._kept else None


def earlier_rows(time_s: Float64, spec: HistorySpec) -> NDArray[np.int64]:
    """Which records of an episode go with each of them, as a vehicle would see them that was given
    every one.

    Args:
        time_s: (N,), when each was taken.
        spec: how many go with one, and how far they lie apart.

    Returns:
        int64 (N, F - 1).
    """
    earlier, row_at = EarlierFrames(spec), dict[int, int]()
    rows = np.empty((len(time_s), spec.frames - 1), np.int64)
    for row, taken_s in enumerate(time_s.tolist()):
        places, kept = earlier.take(taken_s)
        rows[row] = [row if place is None else row_at[place] for place in places]
        if kept is not None:
            row_at[kept] = row
    return rows


class FrameMemory:
    """The frames that a model has lately been given, copied, since a caller may use the memory of
    an image again. Its memory is bounded, and made once.

    Args:
        spec: how many frames go with one, and how far they lie apart.
        shape: of a frame, (H, W, 3).
    """

    def __init__(self, spec: HistorySpec, shape: tuple[int, ...]) -> None:
        self._earlier = EarlierFrames(spec)
        self._kept = np.empty((self._earlier.places, *shape), np.uint8)
        self._forget = False

    def forget(self) -> None:
        """Begin a new drive with the next frame. It may be called at any time, in any thread."""
        self._forget = True

    def see(self, image: AnyArray, time_s: float) -> list[AnyArray]:
        """The next frame.

        Args:
            image: uint8 of the shape.
            time_s: when it was taken.

        Returns:
            The F - 1 frames that go with it, the newest first; they are the same until the next
            call.
        """
        if self._forget:
            self._forget = False
            self._earlier.forget()
        places, kept = self._earlier.take(time_s)
        if kept is not None:
            self._kept[kept] = image
        return [image if place is None else self._kept[place] for place in places]


def memory_of(history: HistorySpec, camera: CameraSpec) -> FrameMemory | None:
    """The memory that a model needs; None where it takes the current image alone.

    Args:
        history: which images it takes.
        camera: that it was trained with.
    """
    if history.frames == 1:
        return None
    return FrameMemory(history, (camera.height, camera.width, 3))


def current(images: Any) -> Any:
    """The current image of each sample, (N, H, W, 3).

    Args:
        images: an array of NumPy or a tensor of torch, of the current images alone (as they are),
            or (N, F, H, W, 3).
    """
    return images[:, 0] if images.ndim == 5 else images


def each_earlier(images: UInt8) -> list[tuple[UInt8, ...] | None]:
    """The F - 1 earlier images of each sample, the newest first; None where there are none.

    Args:
        images: uint8 (N, H, W, 3) or (N, F, H, W, 3).
    """
    return [tuple(image[1:]) if image.ndim == 4 else None for image in images]
