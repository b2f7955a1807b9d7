"""Recording episodes, in the vehicle and in simulators. The format stands in `episode_files`."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from auxdrive.data.driving_mistakes import DrivingMistake, write_mistakes
from auxdrive.data.episode_files import AHEAD_NAME, EPISODES_DIR, PLAN_NAME, STATE_NAME
from auxdrive.data.lidar_points import PointsWriter, checked_points
from auxdrive.data.plan import PLAN_DTYPE, ExpertPlan, checked_plan
from auxdrive.data.recorded import check_episode_id, check_frame, checked_frames
from auxdrive.data.state import STATE_DTYPE, StateLike, following_records, state_record
from auxdrive.errors import DataError, InputError
from auxdrive.modalities import MODALITIES, Modality, parse_modality
from auxdrive.storage.arrays import NpyStream
from auxdrive.storage.publish import fsync_directory, partial_of, put_in_place
from auxdrive.storage.reading import exists
from auxdrive.types import AnyArray

_FULL_DISK = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


class EpisodeWriter:
    """Records one episode. It is a context manager: leaving it publishes the episode, even when an
    exception or Ctrl-C ends the block.

    An instant that `append` refuses leaves the recording as it was. Catch the `InputError` to skip
    that instant and go on, or let it end the block: what was recorded until then is published, and
    a note on the exception says where. One bad instant never costs the whole drive. On a full disk,
    too, the instants that were recorded completely are published.

    Frames are written to `episodes/.partial-<id>-<pid>/` as they come, so memory use does not grow
    with the length of the drive. A process that is killed leaves that folder behind; readers ignore
    it and `clean_partial` removes it.

    Args:
        dataset_dir: the data set's folder; made when it does not exist.
        episode_id: a plain file name that does not exist yet.
        modalities: exactly those whose frames every `append` brings.
        frame_shapes: the shape of one frame by modality; where it is absent, the first frame
            decides.
        ahead: how many records every `append` brings of what would have followed, had the driver of
            the labels driven on (see `EpisodeReader.ahead`); 0 where that driver drives.
        lidar_points: whether every `append` brings the points of the LiDAR too
            (`auxdrive.data.lidar_points`).
        plans: whether every `append` brings the plan of the labels' driver.
        keep_on_error: whether what was recorded is published when an exception, Ctrl-C or a full
            disk ends the recording. False removes it, for recordings that can be repeated and are
            of no use in part.

    Raises:
        InputError: a bad id, no modalities, or a shape that does not fit its modality.
        UsageError: an unknown modality.
        DataError: the episode exists already, or the disk refuses.

    Examples:
        >>> import numpy as np
        >>> from auxdrive import EpisodeWriter, Modality
        >>> with EpisodeWriter("yard", "drive-0001", [Modality.RGB]) as writer:
        ...     for tick in range(3):
        ...         image = np.zeros((240, 320, 3), np.uint8)
        ...         state = {"time_s": tick / 10, "steer_rad": 0.1, "throttle": 0.3, "brake": 0.0}
        ...         writer.append({Modality.RGB: image}, state)
        >>> len(writer)
        3
    """

    def __init__(
        self,
        dataset_dir: Path | str,
        episode_id: str,
        modalities: Iterable[Modality],
        frame_shapes: Mapping[Modality, tuple[int, ...]] | None = None,
        *,
        ahead: int = 0,
        lidar_points: bool = False,
        plans: bool = False,
        keep_on_error: bool = True,
    ) -> None:
        self.episode_id = check_episode_id(episode_id)
        self.modalities = tuple(
            dict.fromkeys(parse_modality(str(modality)) for modality in modalities)
        )
        self._keep_on_error = keep_on_error
        if not self.modalities:
            raise InputError(f"episode {episode_id}: name at least one modality to record")
        self._shapes = dict(frame_shapes or {})
        for modality, shape in self._shapes.items():
            if modality not in self.modalities:
                raise InputError(
                    f"episode {episode_id}: frame_shapes names {modality}, which is not recorded"
                )
            check_frame(modality, shape, MODALITIES[modality].numpy_dtype)
        parent = Path(dataset_dir) / EPISODES_DIR
        self.path = parent / episode_id
        self._partial = partial_of(self.path)
        if exists(self.path):
            raise DataError(
                f"{self.path}: the episode exists already; choose another id or remove it"
            )
        self._streams: dict[Modality, NpyStream] = {}
        self._ahead: NpyStream | None = None
        self._points: PointsWriter | None = None
        self._plan: NpyStream | None = None
        self._mistakes: list[DrivingMistake] = []
        self._bytes = 0
        self._last_time_s = -np.inf
        self._open = True
        try:
            parent.mkdir(parents=True, exist_ok=True)
            self._partial.mkdir()
            self._state = NpyStream(self._partial / STATE_NAME, (), STATE_DTYPE)
            if ahead:
                self._ahead = NpyStream(self._partial / AHEAD_NAME, (ahead,), STATE_DTYPE)
            if lidar_points:
                self._points = PointsWriter(self._partial)
            if plans:
                self._plan = NpyStream(self._partial / PLAN_NAME, (), PLAN_DTYPE)
        except FileExistsError:
            raise DataError(
                f"{self._partial}: this process is recording the episode {episode_id} already"
            ) from None
        except OSError as error:
            raise self._refused(error) from error

    def __len__(self) -> int:
        """Frames recorded so far."""
        return self._state.items

    def append(
        self,
        frames: Mapping[Modality, AnyArray],
        state: StateLike,
        ahead: Sequence[StateLike] = (),
        lidar_points: AnyArray | None = None,
        plan: ExpertPlan | None = None,
    ) -> None:
        """Record one instant. After an InputError nothing of the instant has been recorded, and the
        caller may go on with the next.

        Args:
            frames: one of every modality, in the shape (H, W) or (H, W, C) and the dtype that
                `MODALITIES` gives.
            state: a record of `STATE_DTYPE`, or its fields by name (see
                `auxdrive.data.state.state_record`).
            ahead: as many states as were announced, of later times, in their order.
            lidar_points: float32 (n, 4) of finite numbers, where they were announced: x, y, z in
                the ego frame, metres, and the intensity.
            plan: of the labels' driver at this instant, where plans were announced.

        Raises:
            InputError: a modality is missing or was not announced, a shape or dtype is wrong, a
                state or plan is not valid, or the time does not increase.
            DataError: the disk is full or refuses. The writer is closed then; the message says
                whether the instants before were kept.
        """
        if not self._open:
            raise InputError(f"episode {self.episode_id}: is closed")
        record = state_record(state)
        if record["time_s"] <= self._last_time_s:
            raise InputError(
                f"episode {self.episode_id}: time_s must increase, got {record['time_s']} after "
                f"{self._last_time_s}"
            )
        arrays = checked_frames(self.episode_id, self.modalities, self._shapes, frames)
        announced = 0 if self._ahead is None else self._ahead.item_shape[0]
        following = following_records(record, ahead, announced)
        points = self._checked_points(lidar_points)
        planned = checked_plan(plan, self._plan is not None)
        try:
            for modality, array in arrays.items():
                if modality not in self._streams:
                    self._shapes[modality] = array.shape
                    self._streams[modality] = NpyStream(
                        self._partial / f"{modality}.npy", array.shape, array.dtype
                    )
                self._streams[modality].append(array)
                self._bytes += array.nbytes
            if self._ahead is not None:
                self._ahead.append(following)
            if self._points is not None and points is not None:
                self._points.append(points)
                self._bytes += points.nbytes
            if self._plan is not None and planned is not None:
                self._plan.append(planned)
            self._state.append(record)
        except OSError as error:
            raise self._refused(error, self._keep_on_error) from error
        self._last_time_s = float(record["time_s"])

    def _checked_points(self, given: object) -> AnyArray | None:
        if (given is None) is (self._points is None):
            return None if given is None else checked_points(given)
        what = "has none" if given is None else "brings some, which were not announced"
        raise InputError(f"episode {self.episode_id}: LiDAR points: the instant {what}")

    def note_mistake(self, mistake: DrivingMistake) -> None:
        """Note a mistake of whoever drives; it is stored with the episode (`mistakes.json`).

        Args:
            mistake: what and when.

        Raises:
            InputError: the writer is closed.
        """
        if not self._open:
            raise InputError(f"episode {self.episode_id}: is closed")
        self._mistakes.append(mistake)

    def close(self) -> None:
        """Publish the episode. Does nothing when the writer is closed already.

        Raises:
            DataError: nothing was recorded, another process took the id meanwhile, or the disk
                refuses; nothing incomplete is left.
        """
        if not self._open:
            return
        if not len(self):
            self.abort()
            raise DataError(
                f"episode {self.episode_id}: nothing was recorded, so nothing was written"
            )
        try:
            self._publish()
        except OSError as error:
            if error.errno in {errno.EEXIST, errno.ENOTEMPTY}:
                self.abort()
                raise DataError(
                    f"{self.path}: was written by somebody else meanwhile; this recording was "
                    "dropped"
                ) from error
            raise self._refused(error) from error
        try:
            fsync_directory(self.path.parent)
        except OSError as error:
            raise DataError(
                f"{self.path}: complete, but the disk does not confirm that it would outlive a "
                f"power cut ({error.strerror})"
            ) from error

    def _publish(self) -> None:
        """Cut every file to the instants that are complete, and put the folder in its place."""
        for stream in (self._state, self._ahead, self._points, self._plan, *self._streams.values()):
            if stream is not None:
                stream.finish(len(self))
        write_mistakes(self._partial, self._mistakes)
        put_in_place(self._partial, self.path)
        self._open = False

    def abort(self) -> None:
        """Remove what was recorded. Does nothing when the writer is closed already."""
        if not self._open:
            return
        self._open = False
        state = getattr(self, "_state", None)  # absent when the disk refused its very first bytes
        for stream in (*self._streams.values(), state, self._ahead, self._points, self._plan):
            if stream is not None:
                stream.abandon()
        shutil.rmtree(self._partial, ignore_errors=True)

    def _refused(self, error: OSError, keep: bool = False) -> DataError:
        """The error to raise when the disk refused something.

        Args:
            error: what the system said.
            keep: whether to publish the instants that were complete before.
        """
        frames = self._state.items if hasattr(self, "_state") else 0
        left = f"nothing incomplete was left at {self.path.parent}"
        if keep and frames:
            try:
                # this needs no room: files become shorter, headers keep their size
                self._publish()
                left = f"they are kept as {self.path}"
            except OSError as further:
                left = f"they could not be kept ({further.strerror or further}), and {left}"
        self.abort()
        why = "the disk is full" if error.errno in _FULL_DISK else "the disk refuses"
        return DataError(
            f"episode {self.episode_id}: {why} ({error.strerror or error}) after {frames} frames "
            f"({self._bytes / 1e6:.1f} MB); {left}. "
            "Make room or record elsewhere"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        elif self._open and self._keep_on_error and len(self):
            self.close()
            if error is not None:
                error.add_note(
                    f"episode {self.episode_id}: the {len(self)} frames before this are kept as "
                    f"{self.path}"
                )
        else:
            self.abort()
