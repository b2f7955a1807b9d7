"""Recording episodes, in the vehicle and in simulators; the format: `episode_files`."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from auxdrive.checks.numbers import shown
from auxdrive.data.episode_files import EPISODES_DIR, STATE_NAME
from auxdrive.data.state import STATE_DTYPE, state_record
from auxdrive.errors import DataError, InputError, unknown_name
from auxdrive.modalities import MODALITIES, Modality, parse_modality
from auxdrive.storage.arrays import NpyStream
from auxdrive.storage.publish import fsync_directory, partial_of, put_in_place
from auxdrive.storage.reading import exists
from auxdrive.types import AnyArray

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FULL_DISK = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


def check_episode_id(episode_id: str) -> str:
    """The id itself, if it is a plain file name.

    Raises:
        InputError: it is not.
    """
    if not isinstance(episode_id, str) or not _ID.fullmatch(episode_id):
        raise InputError(
            f"episode id {episode_id!r}: use letters, digits, '.', '_' and '-', at most 100, "
            "beginning with a letter or digit"
        )
    return episode_id


class EpisodeWriter:
    """Records one episode. A context manager: leaving it publishes the episode, also when an
    exception or Ctrl-C ends the block.

        with EpisodeWriter("data", "drive-0001", [Modality.RGB]) as writer:
            state = {"time_s": 0.0, "steer_rad": 0.1, "throttle": 0.3, "brake": 0.0}
            writer.append({Modality.RGB: image}, state)

    An instant that `append` refuses leaves the recording as it was. Catch the `InputError` to leave
    that instant out and go on, or let it end the block: what was recorded until then is published,
    and the exception carries a note that says where. A drive cannot be driven again for the sake of
    one bad tick. On a full disk, too, the instants that were recorded whole are published.

    Frames go to `episodes/.partial-<id>-<pid>/` as they come; memory use does not grow with the
    length of the drive. A process that is killed leaves that folder, which readers ignore and
    `clean_partial` removes.

    Args:
        dataset_dir: the data set's folder; made when it does not exist.
        episode_id: a plain file name that does not exist yet.
        modalities: what every `append` brings, exactly.
        frame_shapes: shape of one frame by modality; where absent, the first frame decides.
        keep_on_error: publish what was recorded when an exception, Ctrl-C or a full disk ends it.
            False: remove it, for recordings that can be repeated and are of no use in part.

    Raises:
        InputError: a bad id, no modalities, or shapes that are not of the modality. UsageError: an
            unknown modality.
        DataError: the episode exists already, or the disk refuses.
    """

    def __init__(
        self,
        dataset_dir: Path | str,
        episode_id: str,
        modalities: Iterable[Modality],
        frame_shapes: Mapping[Modality, tuple[int, ...]] | None = None,
        *,
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
            _check_frame(modality, shape, MODALITIES[modality].numpy_dtype)
        parent = Path(dataset_dir) / EPISODES_DIR
        self.path = parent / episode_id
        self._partial = partial_of(self.path)
        if exists(self.path):
            raise DataError(
                f"{self.path}: the episode exists already; choose another id or remove it"
            )
        self._streams: dict[Modality, NpyStream] = {}
        self._bytes = 0
        self._last_time_s = -np.inf
        self._open = True
        try:
            parent.mkdir(parents=True, exist_ok=True)
            self._partial.mkdir()
            self._state = NpyStream(self._partial / STATE_NAME, (), STATE_DTYPE)
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
        self, frames: Mapping[Modality, AnyArray], state: np.void | AnyArray | Mapping[str, float]
    ) -> None:
        """Record one instant: a frame of every modality in its stored format (`MODALITIES`), and
        the state.

        After an InputError nothing of this instant has been recorded, and the caller may go on with
        the next.

        Raises:
            InputError: a modality missing or too many, wrong shape or dtype, a state that is none,
                time that does not increase.
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
        arrays = self._checked(frames)
        try:
            for modality, array in arrays.items():
                if modality not in self._streams:
                    self._shapes[modality] = array.shape
                    self._streams[modality] = NpyStream(
                        self._partial / f"{modality}.npy", array.shape, array.dtype
                    )
                self._streams[modality].append(array)
                self._bytes += array.nbytes
            self._state.append(record)
        except OSError as error:
            raise self._refused(error, self._keep_on_error) from error
        self._last_time_s = float(record["time_s"])

    def _checked(self, frames: Mapping[Modality, AnyArray]) -> dict[Modality, AnyArray]:
        if not isinstance(frames, Mapping):
            raise InputError(
                f"episode {self.episode_id}: give the frames by modality, as in {{Modality.RGB: "
                f"image}}, not {shown(frames)}"
            )
        for modality in frames:
            if modality not in self.modalities:
                names = [m.value for m in self.modalities]
                raise InputError(
                    f"episode {self.episode_id}: "
                    f"{unknown_name('recorded modality', str(modality), names)}"
                )
        missing = [modality.value for modality in self.modalities if modality not in frames]
        if missing:
            raise InputError(f"episode {self.episode_id}: no frame of {', '.join(missing)}")
        arrays = {
            modality: self._as_array(modality, frames[modality]) for modality in self.modalities
        }
        for modality, array in arrays.items():
            _check_frame(modality, array.shape, array.dtype)
            if array.shape != self._shapes.get(modality, array.shape):
                raise InputError(
                    f"{modality}: frames of this episode have the shape {self._shapes[modality]}, "
                    f"got {array.shape}"
                )
        return arrays

    def _as_array(self, modality: Modality, frame: object) -> AnyArray:
        try:
            return np.asarray(frame)
        # a camera's own image type may raise anything; that tick alone is bad
        except Exception as error:
            raise InputError(
                f"episode {self.episode_id}: the frame of {modality} cannot be read as an array: "
                f"{error}"
            ) from error

    def close(self) -> None:
        """Publish the episode; does nothing when it is closed already.

        Raises:
            DataError: nothing was recorded, the id was taken meanwhile, or the disk refuses;
                nothing incomplete is left.
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
        """Cut every file to the instants that are whole, and put the folder where readers look."""
        for stream in (self._state, *self._streams.values()):
            stream.finish(len(self))
        put_in_place(self._partial, self.path)
        self._open = False

    def abort(self) -> None:
        """Remove what was recorded; does nothing when it is closed already."""
        if not self._open:
            return
        self._open = False
        state = getattr(self, "_state", None)  # absent when the disk refused its very first bytes
        for stream in (*self._streams.values(), *([state] if state is not None else [])):
            stream.abandon()
        shutil.rmtree(self._partial, ignore_errors=True)

    def _refused(self, error: OSError, keep: bool = False) -> DataError:
        """The error to raise when the disk refused; with `keep` the whole instants are published
        before it refused.
        """
        frames = self._state.items if hasattr(self, "_state") else 0
        left = f"nothing incomplete was left at {self.path.parent}"
        if keep and frames:
            try:
                # needs no room: files are cut, headers rewritten in place, a folder renamed
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


def _check_frame(modality: Modality, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    wrong = MODALITIES[modality].check_frame(shape, dtype)
    if wrong is None and min(shape) < 1:
        wrong = f"{modality} frames must not be empty, got {shape}"
    if wrong is not None:
        raise InputError(wrong)
