"""The points of a LiDAR in an episode. Each frame has its own number of them, so they are stored
one after the other, with the place where those of each frame end.

`lidar_points.npy` holds all points of the episode, float32 (P, 4): x, y, z in metres and the
intensity, 0 to 1. The frame is the ego's: x forward, y left, z up from the ground under the rear
axle. `lidar_points_end.npy` holds for each of the N frames where its points end, int64 (N,). Beams
without a return are left out. It is no `Modality`, since its frames are no arrays of one shape:
training reads the histogram of the points (`auxdrive.data.lidar`), and nothing reads the points
that does not ask for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np

from auxdrive.data.episode_files import POINTS_END_NAME, POINTS_NAME
from auxdrive.errors import DataError, InputError
from auxdrive.storage.arrays import NpyStream, load_npy, map_npy, read_npy_header
from auxdrive.storage.reading import exists
from auxdrive.types import AnyArray, Float32

COLUMNS = 4
"""x, y, z and the intensity."""
_POINT, _END = np.dtype(np.float32), np.dtype(np.int64)


class PointsWriter:
    """Writes the points of an episode, frame by frame.

    Args:
        folder: of the episode.

    Raises:
        OSError: the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._points = NpyStream(folder / POINTS_NAME, (COLUMNS,), _POINT)
        self._ends = NpyStream(folder / POINTS_END_NAME, (), _END)
        self._before = self._after = 0

    def append(self, points: Float32) -> None:
        """Write the points of a frame, which the caller has checked (`checked_points`)."""
        self._points.extend(points)
        self._ends.append(np.array(self._points.items, _END))
        self._before, self._after = self._after, self._points.items

    def finish(self, frames: int) -> None:
        """Finish both files; see `NpyStream.finish`.

        Args:
            frames: how many to keep: all, or all but the last.
        """
        self._points.finish(self._after if self._ends.items <= frames else self._before)
        self._ends.finish(frames)

    def abandon(self) -> None:
        """Close without finishing. The caller removes the files."""
        self._points.abandon()
        self._ends.abandon()


class LidarPoints(Sequence[Float32]):
    """The recorded points of an episode: of each frame an array float32 (n, 4), read-only, of the
    columns that the module describes. They are memory-mapped, and read when they are used.

    Args:
        folder: of the episode.

    Raises:
        DataError: a file is damaged, or the ends do not ascend to the number of points.
    """

    def __init__(self, folder: Path) -> None:
        file = folder / POINTS_END_NAME
        self._ends = ends = load_npy(file)
        shape, _ = read_npy_header(folder / POINTS_NAME)
        bounds = np.concatenate([[0], ends])
        if (bounds[1:] < bounds[:-1]).any() or bounds[-1] != shape[0]:
            raise DataError(
                f"{file}: must ascend from 0 to the {shape[0]} points of {POINTS_NAME}; it is "
                "damaged or belongs to another recording"
            )
        # a file without points cannot be mapped
        self._points: AnyArray = (
            map_npy(folder / POINTS_NAME) if shape[0] else np.zeros((0, COLUMNS), _POINT)
        )

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> Float32: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Float32]: ...

    def __getitem__(self, index: int | slice) -> Float32 | Sequence[Float32]:
        """The points of a frame, or of several.

        Args:
            index: of the frame in its episode.
        """
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        start = int(self._ends[place - 1]) if place else 0
        points = self._points[start : int(self._ends[place])]
        points.flags.writeable = False
        return points

    @property
    def total(self) -> int:
        """Number of points of all frames."""
        return len(self._points)


def checked_points(points: object) -> Float32:
    """The points of a frame as they are stored.

    Raises:
        InputError: they are no float32 (n, 4) of finite numbers.
    """
    try:
        found = np.asarray(points)
    except Exception as error:  # a sensor's own type may raise anything; only this instant is lost
        raise InputError(f"LiDAR points cannot be read as an array: {error}") from error
    if found.ndim != 2 or found.shape[1] != COLUMNS or found.dtype != _POINT:
        raise InputError(
            f"LiDAR points are float32 (n, {COLUMNS}): x, y, z in the ego frame, metres, and the "
            f"intensity; got {found.dtype} {found.shape}"
        )
    if not np.isfinite(found).all():
        raise InputError("LiDAR points must be finite: leave beams without a return out")
    return found


def has_points(folder: Path, frames: int) -> bool:
    """Whether an episode has points, by the headers of its files.

    Args:
        folder: of the episode.
        frames: how many it has.

    Raises:
        DataError: a file is damaged, missing beside the other, or of another shape.
    """
    there = {name: exists(folder / name) for name in (POINTS_NAME, POINTS_END_NAME)}
    if not any(there.values()):
        return False
    for name, is_there in there.items():
        if not is_there:
            raise DataError(f"{folder}: has LiDAR points, but no {name}")
    wanted = {
        POINTS_NAME: ((None, COLUMNS), _POINT, f"float32 (points, {COLUMNS})"),
        POINTS_END_NAME: (
            (frames,),
            _END,
            f"int64 ({frames},), where the points of each frame end",
        ),
    }
    for name, (extents, dtype, words) in wanted.items():
        shape, found = read_npy_header(folder / name)
        fits = len(shape) == len(extents) and all(
            extent in (None, length) for extent, length in zip(extents, shape, strict=True)
        )
        if not fits or found != dtype:
            raise DataError(f"{folder / name}: must be {words}, got {found} {shape}")
    return True
