"""Opens a camera by what it is called."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from auxdrive.cameras.base import Frame
from auxdrive.errors import UsageError
from auxdrive.storage.reading import exists
from auxdrive.types import UInt8

DEFAULT_RATE_HZ = 20.0


class _Closable(Protocol):
    def read(self) -> tuple[UInt8, float] | None: ...

    def close(self) -> None: ...


class OpenedCamera:
    """A camera that `open_camera` opened. It is a context manager that closes it.

    Args:
        camera: that is read.
        size: width and height to which images of another size are scaled; None leaves them.
    """

    def __init__(self, camera: _Closable, size: tuple[int, int] | None) -> None:
        self._camera, self._size = camera, size
        if size is not None:  # imported now, and not while something is driven
            from auxdrive.data.image_files import resize

            self._resize = resize

    def read(self) -> tuple[UInt8, float] | None:
        """Wait for the next image, see `Camera.read`.

        Raises:
            DataError: the device or the file gives no more images, but has not ended.
        """
        frame = self._camera.read()
        if frame is None or self._size is None:
            return frame
        width, height = self._size
        image, time_s = frame
        if image.shape[:2] == (height, width):
            return frame
        return Frame(self._resize(image, height, width), time_s)

    def close(self) -> None:
        """Release the device or file. May be called again."""
        self._camera.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_camera(
    source: int | str | os.PathLike[str],
    rate_hz: float = DEFAULT_RATE_HZ,
    size: tuple[int, int] | None = None,
) -> OpenedCamera:
    """Open a camera.

    Args:
        source: the number of a camera of this machine, its device ("/dev/video0"), an address
            ("rtsp://...") or, for OpenCV, a GStreamer pipeline ("... ! appsink"); or a video, a
            folder of images, or an image file, which are shown as fast as they were taken, and then
            end.
        rate_hz: of the images of a folder; of a camera the rate that is asked for. A video has its
            own times.
        size: width and height to which images of another size are scaled, with Pillow's bilinear
            filter, and squashed if need be; None leaves them as they are.

    Raises:
        UsageError: there is no such camera, file or folder, or it cannot be opened.
        MissingExtra: a video needs the extra `video`, and a camera either that or OpenCV.

    Examples:
        >>> from PIL import Image
        >>> from auxdrive import open_camera
        >>> for number in range(3):
        ...     Image.new("RGB", (64, 48)).save(f"{number}.png")
        >>> with open_camera(".", rate_hz=50.0, size=(32, 24)) as camera:
        ...     images = [frame[0].shape for frame in iter(camera.read, None)]
        >>> images
        [(24, 32, 3), (24, 32, 3), (24, 32, 3)]
    """
    if not 0.01 <= rate_hz <= 1000:
        raise UsageError(f"rate_hz is {rate_hz}; a camera gives 0.01 to 1000 images per second")
    return OpenedCamera(_opened(source, rate_hz), size)


def _opened(source: int | str | os.PathLike[str], rate_hz: float) -> _Closable:
    name = str(source) if isinstance(source, int) else os.fspath(source)
    path = Path(name)
    there = bool(name) and exists(path)
    is_pipeline = "!" in name and not there
    if name.isdecimal() or "://" in name or is_pipeline or path.is_char_device():
        from auxdrive.cameras.device import open_device

        return open_device(name, rate_hz)
    if not there:
        raise UsageError(f"{name or 'nothing'}: no such file or folder, and no number of a camera")
    from auxdrive.cameras.recorded import RecordedCamera, image_frames, video_frames
    from auxdrive.data.image_files import is_video

    return RecordedCamera(video_frames(path) if is_video(path) else image_frames(path, rate_hz))
