"""Recorded episodes, as training and inspection read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from auxdrive.data.driving_mistakes import DrivingMistake, read_mistakes
from auxdrive.data.episode_files import AHEAD_NAME, PLAN_NAME, STATE_NAME
from auxdrive.data.lidar_points import LidarPoints, has_points
from auxdrive.data.plan import EARLIER_PLAN_DTYPE, PLAN_DTYPE, completed_plans
from auxdrive.data.state import STATE_DTYPE, completed, lacking
from auxdrive.errors import DataError
from auxdrive.modalities import MODALITIES, Modality, vectors_among
from auxdrive.storage.arrays import map_npy, read_npy_header
from auxdrive.storage.reading import entries, exists, is_folder
from auxdrive.types import AnyArray


class EpisodeReader:
    """One recorded episode. Opening it compares its files with each other; frames are memory-mapped
    and read when they are used.

    It is pickled as its path: a worker process maps the files anew.

    Args:
        path: the episode's folder.

    Raises:
        DataError: no such episode; or a file is truncated, pickled, of the wrong shape or dtype, or
            of another length than the others.

    Examples:
        >>> from auxdrive import EpisodeReader, Modality
        >>> episode = EpisodeReader("data/episodes/val-0")
        >>> len(episode), episode.frames(Modality.RGB).shape
        (24, (24, 64, 80, 3))
        >>> float(episode.state["speed_mps"][0])
        4.0
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not is_folder(self.path):
            raise DataError(f"{self.path}: no such episode")
        self._length = self._checked_length()
        self._has_ahead = self._checked_ahead()
        self._has_points = has_points(self.path, self._length)
        self._has_plan = self._checked_plan()
        self._mistakes = read_mistakes(self.path)
        self._shapes: dict[Modality, tuple[int, ...]] = {}
        self.look_again()

    def look_again(self) -> None:
        """Find modalities that were derived since the episode was opened.

        Raises:
            DataError: the file of one is damaged.
        """
        known = (*Modality, *vectors_among(file.stem for file in entries(self.path)))
        for modality in known:
            file = self.path / f"{modality}.npy"
            if modality not in self._shapes and exists(file):
                self._shapes[modality] = self._checked_shape(modality, file)
        self._shapes = {m: self._shapes[m] for m in known if m in self._shapes}

    @property
    def state(self) -> AnyArray:
        """The records (N,) of `STATE_DTYPE`, read-only and memory-mapped, unless an earlier version
        of auxdrive wrote them with fewer fields. They are mapped at each call, so that a reader
        keeps no file open.

        Raises:
            DataError: the file was damaged since.
        """
        return completed(map_npy(self.path / STATE_NAME))

    @property
    def ahead(self) -> AnyArray | None:
        """The records (N, K) of `STATE_DTYPE` that would have followed each frame, had the driver
        of the labels driven on from there: one frame after the other, at the data set's rate. None
        where that driver drove, so that the frames that followed say it.

        Raises:
            DataError: the file was damaged since.
        """
        return completed(map_npy(self.path / AHEAD_NAME)) if self._has_ahead else None

    @property
    def has_lidar_points(self) -> bool:
        """Whether the points of the LiDAR were recorded."""
        return self._has_points

    @property
    def lidar_points(self) -> LidarPoints | None:
        """The points of the LiDAR, of each frame an array float32 (n, 4): x, y, z in the ego frame,
        metres, and the intensity. None where they were not recorded.

        Raises:
            DataError: the files are damaged.
        """
        return LidarPoints(self.path) if self._has_points else None

    @property
    def plan(self) -> AnyArray | None:
        """The expert's plans, records (N,) of `auxdrive.data.plan.PLAN_DTYPE`, read-only. None
        where none were recorded.

        Raises:
            DataError: the file was damaged since.
        """
        return completed_plans(map_npy(self.path / PLAN_NAME)) if self._has_plan else None

    @property
    def mistakes(self) -> tuple[DrivingMistake, ...]:
        """The mistakes of whoever drove, in the order of time; none where nobody noted any."""
        return self._mistakes

    @property
    def episode_id(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that were recorded or derived, in the order of `Modality`; vectors come
        last.
        """
        return tuple(self._shapes)

    def __len__(self) -> int:
        """Number of frames."""
        return self._length

    def __reduce__(self) -> tuple[type[EpisodeReader], tuple[Path]]:
        return EpisodeReader, (self.path,)

    def has(self, modality: Modality) -> bool:
        """Whether the episode holds that modality."""
        return modality in self._shapes

    def frame_shape(self, modality: Modality) -> tuple[int, ...]:
        """Shape of one stored frame, (H, W) or (H, W, C); (D,) of a vector.

        Raises:
            DataError: the episode lacks that modality.
        """
        if modality not in self._shapes:
            held = ", ".join(self.modalities) or "none"
            raise DataError(f"episode {self.episode_id} has no {modality}; it has: {held}")
        return self._shapes[modality]

    def frames(self, modality: Modality) -> np.memmap[Any, Any]:
        """All frames of a modality, (N, H, W) or (N, H, W, C), memory-mapped and read-only.

        Raises:
            DataError: the episode lacks that modality, or its file was damaged since.
        """
        self.frame_shape(modality)
        return map_npy(self.path / f"{modality}.npy")

    def _checked_length(self) -> int:
        file = self.path / STATE_NAME
        shape, dtype = read_npy_header(file)
        if lacking(dtype) is None:
            raise DataError(f"{file}: {_other_records(dtype)}")
        if len(shape) != 1:
            raise DataError(f"{file}: must be one-dimensional, got the shape {shape}")
        if not shape[0]:
            raise DataError(f"{file}: holds nothing (shape {shape} of {dtype})")
        return shape[0]

    def _checked_ahead(self) -> bool:
        file = self.path / AHEAD_NAME
        if not exists(file):
            return False
        shape, dtype = read_npy_header(file)
        if lacking(dtype) is None:
            raise DataError(f"{file}: {_other_records(dtype)}")
        if len(shape) != 2 or shape[0] != self._length or not shape[1]:
            raise DataError(
                f"{file}: must hold some records for each of the {self._length} frames of "
                f"state.npy, got the shape {shape}"
            )
        return True

    def _checked_plan(self) -> bool:
        file = self.path / PLAN_NAME
        if not exists(file):
            return False
        shape, dtype = read_npy_header(file)
        if dtype not in (PLAN_DTYPE, EARLIER_PLAN_DTYPE):
            raise DataError(f"{file}: the records are not of auxdrive's PLAN_DTYPE (found {dtype})")
        if shape != (self._length,):
            raise DataError(
                f"{file}: must hold a record for each of the {self._length} frames of state.npy, "
                f"got the shape {shape}"
            )
        return True

    def _checked_shape(self, modality: Modality, file: Path) -> tuple[int, ...]:
        shape, dtype = read_npy_header(file)
        wrong = MODALITIES[modality].check_frame(shape[1:], dtype)
        if wrong is not None:
            raise DataError(f"{file}: {wrong}")
        if shape[0] != self._length:
            raise DataError(f"{file}: {shape[0]} frames, but state.npy has {self._length}")
        return shape[1:]


def _other_records(dtype: np.dtype[Any]) -> str:
    """What records of another type than `STATE_DTYPE` are."""
    wanted, found = STATE_DTYPE.names or (), dtype.names or ()
    lacking = ", ".join(name for name in wanted if name not in found)
    strange = ", ".join(name for name in found if name not in wanted)
    if not found or not (lacking or strange):
        return f"the records are not of auxdrive's STATE_DTYPE (found {dtype})"
    parts = [f"lack {lacking}"] * bool(lacking) + [f"hold {strange}"] * bool(strange)
    return (
        f"the records {' and '.join(parts)}, so they are of another version of auxdrive (its "
        "STATE_DTYPE). Record the data set anew, or use the version that wrote it"
    )
