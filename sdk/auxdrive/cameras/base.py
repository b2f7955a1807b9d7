"""What a camera is, and a camera that is made from an iterator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from auxdrive.types import UInt8


class Frame(NamedTuple):
    """One image of a camera.

    Attributes:
        image: uint8 RGB (H, W, 3), an array of its own that is not written to again: it is looked
            at while the next ones are taken.
        time_s: when it was taken, in seconds on the clock of `time.monotonic`.
    """

    image: UInt8
    time_s: float


class Camera(Protocol):
    """Gives one image after the other. `open_camera` makes one; a driver of your own needs this one
    method.

    Examples:
        >>> import time
        >>> import numpy as np
        >>> from auxdrive import Camera
        >>> class Dark:
        ...     def read(self):
        ...         time.sleep(0.05)
        ...         return np.zeros((24, 32, 3), np.uint8), time.monotonic()
        >>> camera: Camera = Dark()
        >>> camera.read()[0].shape
        (24, 32, 3)
    """

    def read(self) -> tuple[UInt8, float] | None:
        """Wait for the next image. One thread alone calls this.

        Returns:
            The image and its time as in `Frame`, in a tuple; None where there are no more.
        """


class IteratorCamera:
    """A camera that reads an iterator, such as a generator around a driver. The iterator sets the
    pace: it waits for each image.

    Args:
        frames: pairs of an image and its time, as in `Frame`.

    Examples:
        >>> import time
        >>> import numpy as np
        >>> from auxdrive import IteratorCamera
        >>> image = np.zeros((24, 32, 3), np.uint8)
        >>> camera = IteratorCamera((image, time.monotonic()) for _ in range(2))
        >>> len(camera.read()), len(camera.read()), camera.read()
        (2, 2, None)
    """

    def __init__(self, frames: Iterable[tuple[UInt8, float]]) -> None:
        self._frames = iter(frames)

    def read(self) -> tuple[UInt8, float] | None:
        """The next image and its time; None where the iterator has ended."""
        return next(self._frames, None)
