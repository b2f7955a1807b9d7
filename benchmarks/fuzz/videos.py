"""Damaged videos through the reader of `auxdrive predict`: cut off, with bytes changed, left out or
put in, in seven containers.

    python benchmarks/fuzz/videos.py [--count 20000] [--seed 0]

Whatever is read are frames of one size with times that never go back; everything else is a
DataError, and nothing ends or holds up the process. Needs the extra `video`.
"""

from __future__ import annotations

import argparse
import atexit
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from auxdrive.data.video_files import read_video
from harness import main
from workers import Fuzzer

CODECS = {
    ".mp4": "libx264", ".mkv": "libx264", ".avi": "mpeg4", ".mpg": "mpeg2video",
    ".webm": "libvpx-vp9", ".ts": "libx264", ".h264": "libx264",
}  # fmt: skip
COUNT, RATE_HZ, HEIGHT, WIDTH = 25, 25, 24, 32


@dataclass(frozen=True)
class Case:
    """A file, and how its name ends."""

    suffix: str
    data: bytes


def whole_video(suffix: str, folder: Path) -> bytes:
    """A small video: grey that gets brighter, with a red corner."""
    path = folder / f"whole{suffix}"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(CODECS[suffix], rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(COUNT):
            image = np.full((HEIGHT, WIDTH, 3), 16 + 8 * number, np.uint8)
            image[:8, :8] = (255, 0, 0)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


def damaged(data: bytes, source: random.Random) -> bytes:
    """The file, hurt in one way."""
    changed, place = bytearray(data), source.randrange(len(data))
    way = source.randrange(5)
    if way == 0:
        return data[: place + 1]
    if way == 1:
        for _ in range(source.randrange(1, 20)):
            changed[source.randrange(len(data))] = source.randrange(256)
    elif way == 2:
        del changed[place : place + source.randrange(1, 200)]
    elif way == 3:
        changed[place : place + 4] = source.randbytes(4)
    else:
        changed[place:place] = source.randbytes(source.randrange(1, 64))
    return bytes(changed)


def setup(arguments: argparse.Namespace) -> Fuzzer[Case]:
    """Whole videos to begin with, made once."""
    del arguments
    kept = tempfile.TemporaryDirectory()
    atexit.register(kept.cleanup)
    folder = Path(kept.name)
    whole = {suffix: whole_video(suffix, folder) for suffix in CODECS}

    def draw(source: random.Random) -> Case:
        suffix = source.choice(list(whole))
        return Case(suffix, damaged(whole[suffix], source))

    def check(case: Case) -> str:
        path = folder / f"case{case.suffix}"
        path.write_bytes(case.data)
        before_s, count = -1.0, 0
        for frame in read_video(path):
            assert frame.image.dtype == np.uint8
            assert frame.image.ndim == 3
            assert frame.time_s is not None
            assert frame.time_s >= before_s
            before_s, count = frame.time_s, count + 1
        return "read whole" if count == COUNT else "read, with another number of frames"

    return Fuzzer(draw, check, lambda case: f"{case.suffix}, {len(case.data)} bytes")


if __name__ == "__main__":
    main("videos", setup, __doc__, count=20_000)
