"""A camera that shows recorded images as fast as they were taken: the frames of a video, or the
images of a folder.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from auxdrive.cameras.base import Frame
from auxdrive.errors import MissingExtra, UsageError
from auxdrive.types import UInt8


class RecordedCamera:
    """Gives recorded images in real time. One that is ready too late moves all that follow: a
    machine that decodes a video too slowly shows it more slowly. The first is read at once, so that
    what cannot be read is told before anything is driven.

    Args:
        frames: pairs of an image, uint8 RGB (H, W, 3), and the seconds from the first one to it.
        clock: gives the time in seconds.

    Examples:
        >>> import numpy as np
        >>> from auxdrive.cameras.recorded import RecordedCamera
        >>> images = np.zeros((2, 24, 32, 3), np.uint8)
        >>> camera = RecordedCamera([(images[0], 0.0), (images[1], 0.05)])
        >>> first, second, end = camera.read(), camera.read(), camera.read()
        >>> second.time_s - first.time_s > 0.04, end
        (True, None)
    """

    def __init__(
        self,
        frames: Iterable[tuple[UInt8, float]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        following = iter(frames)
        self._frames = chain(list(islice(following, 1)), following)
        self._clock = clock
        self._began_s: float | None = None
        self._closed = threading.Event()

    def read(self) -> Frame | None:
        """The next image, when its time has come; None at the end, and once it is closed."""
        following = next(self._frames, None)
        if following is None:
            return None
        image, after_s = following
        now_s = self._clock()
        if self._began_s is None or now_s > self._began_s + after_s:
            self._began_s = now_s - after_s
        due_s = self._began_s + after_s
        while (left_s := due_s - self._clock()) > 0:
            if self._closed.wait(left_s):
                return None
        return Frame(image, due_s)

    def close(self) -> None:
        """End it: a `read` that waits returns None."""
        self._closed.set()


def video_frames(path: Path) -> Iterator[tuple[UInt8, float]]:
    """The frames of a video with their times.

    Raises:
        MissingExtra: the extra `video` is not installed.
        DataError: as `auxdrive.data.video_files.read_video`.
    """
    try:
        from auxdrive.data.video_files import read_video
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the video {path}", "video") from error

    return ((frame.image, frame.time_s or 0.0) for frame in read_video(path))


def image_frames(path: Path, rate_hz: float) -> Iterator[tuple[UInt8, float]]:
    """The images of a folder by name, or of an image file (an animated one has several).

    Args:
        path: of the folder or file.
        rate_hz: how many there are in a second.

    Raises:
        UsageError: there is no image.
        DataError: as `auxdrive.data.image_files.read_images`.
    """
    from auxdrive.data.image_files import find_images, is_video, read_images

    paths = find_images([path])
    if videos := [each for each in paths if is_video(each)]:
        raise UsageError(f"{videos[0]}: is a video; open it itself")
    frames = (frame for each in paths for frame in read_images(each))
    return ((frame.image, number / rate_hz) for number, frame in enumerate(frames))
