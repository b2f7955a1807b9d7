"""Reads and writes videos with PyAV (FFmpeg). Needs the extra `video`.

Frames are read one after the other, so that a long video needs no more memory than a short one. The
file is opened here and given to FFmpeg as a stream of bytes, and nothing in it can make FFmpeg open
another file or an address.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from auxdrive.data.image_files import ImageFrame
from auxdrive.errors import DataError, UsageError
from auxdrive.storage.publish import published_file
from auxdrive.storage.reading import open_regular, reason, refusals
from auxdrive.types import UInt8

LARGEST = 8192
"""The longest side of a frame, in pixels: that of `auxdrive.cards.CameraSpec`."""
WRITTEN = {".mp4": "mp4", ".mkv": "matroska"}
"""The formats that can be written, by the ending of the name."""
_READ = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,asf,h264,hevc,m4v,flv,ogg,ivf"
_CLOSED = {"format_whitelist": _READ, "protocol_whitelist": "none"}
_ENCODERS = ("libx264", "libopenh264", "mpeg4")
_TICKS = Fraction(1, 90000)
_SMALL = {"crf": "30", "preset": "veryfast", "threads": "1"}
"""For small files rather than fine images; one thread, since simulators run beside."""
_SHORT_S = 0.5
"""A video whose last frame ends earlier than its announced length by more than this is cut off."""


def read_video(path: Path) -> Iterator[ImageFrame]:
    """The frames of a video in the order of time, upright. Their times are those of the container,
    in seconds after the first frame.

    Raises:
        DataError: it is no video, holds no frame, is damaged or cut off (after its complete frames
            were given), or its frames are too large.
    """
    with open_regular(path) as file, _opened(path, file) as container:
        stream = _video_of(path, container)
        frames = container.decode(stream)
        number, began_s, time_s, ends_s = 0, 0.0, -1.0, 0.0
        while (frame := _next(path, frames, number)) is not None:
            at_s = _time_s(path, frame, stream, number)
            began_s = at_s if number == 0 else began_s
            if at_s - began_s < time_s:
                raise DataError(
                    f"{path}: is damaged: frame {number} is earlier than the one before"
                )
            time_s, ends_s = at_s - began_s, at_s + _length_s(frame, stream)
            yield ImageFrame(path, number, _upright(path, frame, number), time_s)
            number += 1
        _check_whole(path, container, stream, number, ends_s - began_s)


@contextmanager
def _opened(path: Path, file: BinaryIO) -> Iterator[InputContainer]:
    with _decoding(
        f"{path}: not a readable video: it is empty, cut off, or of no format that is read here"
    ):
        container = av.open(file, "r", options=_CLOSED, metadata_errors="replace")
    with container:
        yield container


@contextmanager
def _decoding(what: str) -> Iterator[None]:
    """Whatever PyAV makes of a damaged file becomes a DataError: its parsers raise many things."""
    try:
        yield
    except Exception as error:
        raise DataError(f"{what} ({reason(error)})") from error


def _video_of(path: Path, container: InputContainer) -> VideoStream:
    """The video stream of a container. Its decoder refuses damaged frames and too large ones."""
    if not container.streams.video:
        raise DataError(f"{path}: holds no video")
    stream = container.streams.video[0]
    context: Any = stream.codec_context
    if context is None:  # whatever PyAV's types say: there is no decoder of what the header names
        raise DataError(f"{path}: its frames are of no coding that can be read")
    width, height = context.width, context.height
    if max(width, height) > LARGEST:
        raise DataError(
            f"{path}: its frames are {width}x{height} pixels, and no camera has more than "
            f"{LARGEST} on a side"
        )
    # a damaged frame must raise an error, and not give an image in which parts are made up
    context.options = {"err_detect": "explode", "max_pixels": str(LARGEST**2)}
    return stream


def _next(path: Path, frames: Iterator[VideoFrame], number: int) -> VideoFrame | None:
    with _decoding(f"{path}: is damaged after {number} frame(s)"):
        frame = next(frames, None)
    if frame is not None and frame.is_corrupt:
        raise DataError(f"{path}: is damaged after {number} frame(s): the next one is incomplete")
    return frame


def _time_s(path: Path, frame: VideoFrame, stream: VideoStream, number: int) -> float:
    """When a frame is shown; by the rate where the container does not say."""
    if frame.time is not None:
        return float(frame.time)
    if not stream.average_rate:
        raise DataError(f"{path}: says neither the times of its frames nor their rate")
    return float(number / stream.average_rate)


def _length_s(frame: VideoFrame, stream: VideoStream) -> float:
    """How long a frame is shown, in seconds."""
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    return float(1 / stream.average_rate) if stream.average_rate else 0.0


def _upright(path: Path, frame: VideoFrame, number: int) -> UInt8:
    """A frame as RGB, uint8 (H, W, 3), turned as the container says."""
    if max(frame.width, frame.height) > LARGEST:
        raise DataError(f"{path}: frame {number} is {frame.width}x{frame.height} pixels")
    turns, rest = divmod(frame.rotation, 90)
    if rest:
        raise DataError(
            f"{path}: is to be shown turned by {frame.rotation} degrees; only quarters of a turn "
            "are read"
        )
    with _decoding(f"{path}: frame {number} cannot be shown"):
        image = frame.to_ndarray(
            format="rgb24", src_colorspace=frame.colorspace, src_color_range=frame.color_range
        )
    return np.ascontiguousarray(np.rot90(image, turns))


def _check_whole(
    path: Path, container: InputContainer, stream: VideoStream, number: int, ends_s: float
) -> None:
    if number == 0:
        raise DataError(f"{path}: holds no frame")
    announced_s = _announced_s(container, stream)
    if announced_s is not None and announced_s - ends_s > _SHORT_S:
        raise DataError(
            f"{path}: is cut off: it ends after {number} frames and {ends_s:.2f} s of the "
            f"{announced_s:.2f} s that it announces"
        )


def _announced_s(container: InputContainer, stream: VideoStream) -> float | None:
    """How long the video lasts by its header; None where that does not say. The length of the
    container is used only if it holds nothing but the video, since sound may last longer.
    """
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return float(container.duration) / 1e6
    return None


@contextmanager
def written_video(path: Path, rate_hz: float) -> Iterator[Callable[[UInt8, float], None]]:
    """Write a video. The file appears, complete, when the `with` block ends.

    Args:
        path: of the file; the name must end in .mp4 or .mkv.
        rate_hz: about how many frames there are in a second. The times of the frames decide.

    Yields:
        A function `add(image, time_s)`. It takes images, uint8 (H, W, 3) of one even size, in the
        order of time, and how many seconds after the first one each is shown.

    Raises:
        UsageError: the name ends otherwise.
        DataError: the disk refuses.
    """
    if path.suffix.lower() not in WRITTEN:
        raise UsageError(f"{path}: videos are written as {' or '.join(WRITTEN)}")
    with (
        refusals(path, "cannot be written"),
        published_file(path) as partial,
        partial.open("wb") as file,
        av.open(file, "w", format=WRITTEN[path.suffix.lower()]) as container,
    ):
        writer = _Writer(container, rate_hz)
        yield writer.add
        writer.close()


class VideoInMemory:
    """A video of small size in memory, as pages hold them: H.264 in MP4, which browsers play.

    Args:
        rate_hz: about how many frames there are in a second. The times of the frames decide.

    Raises:
        DataError: this PyAV has no encoder of H.264.
    """

    def __init__(self, rate_hz: float) -> None:
        if not {"libx264", "libopenh264"} & set(av.codecs_available):
            raise DataError("this PyAV cannot write H.264, which browsers play: install its wheel")
        self._file = io.BytesIO()
        self._container: Any = av.open(self._file, "w", format="mp4")
        self._writer = _Writer(self._container, rate_hz, _SMALL)

    def add(self, image: UInt8, time_s: float) -> None:
        """Add the next image.

        Args:
            image: uint8 (H, W, 3), all of one even size.
            time_s: when it is shown, in seconds after the first one.
        """
        self._writer.add(image, time_s)

    def finish(self) -> bytes:
        """The content of the file; empty without an image. Nothing can be added afterwards."""
        self._writer.close()
        self._container.close()
        return self._file.getvalue() if self._writer.begun else b""

    def drop(self) -> None:
        """Forget it."""
        self._container.close()


class _Writer:
    """Writes a video stream (H.264) into a container. The first image decides its size."""

    def __init__(
        self, container: Any, rate_hz: float, options: Mapping[str, str] | None = None
    ) -> None:
        self._container, self._rate_hz, self._options = container, rate_hz, dict(options or {})
        self._stream: Any = None
        self._last = -1

    def add(self, image: UInt8, time_s: float) -> None:
        """Add the next image.

        Args:
            image: uint8 (H, W, 3), of even size.
            time_s: when it is shown, in seconds after the first one.
        """
        if self._stream is None:
            self._stream = self._begun(image.shape[1], image.shape[0])
        frame = VideoFrame.from_ndarray(image, format="rgb24")
        # an encoder refuses two frames at one time
        self._last = max(self._last + 1, round(time_s / _TICKS))
        frame.pts, frame.time_base = self._last, _TICKS
        self._container.mux(self._stream.encode(frame))

    @property
    def begun(self) -> bool:
        """Whether there is an image."""
        return self._stream is not None

    def close(self) -> None:
        """Write the frames that the encoder still holds."""
        if self._stream is not None:
            self._container.mux(self._stream.encode())

    def _begun(self, width: int, height: int) -> Any:
        encoder = next(name for name in _ENCODERS if name in av.codecs_available)
        rate = Fraction(self._rate_hz).limit_denominator(1000)
        stream = self._container.add_stream(encoder, rate=rate, options=self._options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = stream.time_base = _TICKS
        return stream
