"""Counts images that show nothing: repeated, dark and saturated frames of the camera.

A frozen camera gives the same image again and again while the labels change, and a covered or
blinded one gives black or white. Nothing later can notice that: training learns the mean label, and
its metrics look fair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from auxdrive.modalities import Modality
from auxdrive.standing import STANDING_MPS
from auxdrive.types import AnyArray, UInt8

# The vehicle's envelope judges live frames by the same levels, and reads no data set.
if TYPE_CHECKING:
    from auxdrive.data.dataset import Dataset
    from auxdrive.data.episode_reader import EpisodeReader

DARK_LEVEL, DARK_SHARE = 24, 0.01
"""A frame is dark if at most this share of its values (0..255) is above this level."""
SATURATED_LEVEL, SATURATED_SHARE = 250, 0.75
"""A frame is saturated if at least this share of its values is at least this level."""
BROKEN_SHARE = 0.5
"""A camera is called broken above this share of repeated, dark or saturated frames."""
DOUBTED_SHARE = 0.01
"""A camera is called doubtful above this share."""
MIN_FRAMES = 20
"""A session with fewer frames is judged only together with the others."""
_CAUSES = {
    "repeat the one before them": "the camera was frozen",
    "are dark": "the camera was covered, or its exposure far too short",
    "are saturated": "the camera was blinded, or its exposure far too long",
}
_CHUNK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class CameraFaults:
    """Numbers of frames in some episodes.

    Attributes:
        frames: all of them.
        followed: those with another frame before them in their episode, from which the vehicle may
            have moved.
        repeated: those of `followed` that equal the frame before them byte for byte.
        dark: those of all frames that are dark.
        saturated: those of all frames that are saturated.
    """

    frames: int = 0
    followed: int = 0
    repeated: int = 0
    dark: int = 0
    saturated: int = 0

    def __add__(self, other: CameraFaults) -> CameraFaults:
        mine, theirs = asdict(self), asdict(other)
        return CameraFaults(**{name: mine[name] + theirs[name] for name in mine})

    def shares(self) -> dict[str, float]:
        """The share of repeated, dark and saturated frames, by the words for them. Repeated ones
        are counted as a share of `followed`.
        """
        counted = (
            self.repeated / max(self.followed, 1),
            self.dark / max(self.frames, 1),
            self.saturated / max(self.frames, 1),
        )
        return dict(zip(_CAUSES, counted, strict=True))

    def __str__(self) -> str:
        return (
            f"of {self.frames} images {self.repeated} repeat the one before them, {self.dark} "
            f"are dark, {self.saturated} are saturated"
        )


def camera_faults(dataset: Dataset, episode_ids: Iterable[str]) -> dict[str, CameraFaults]:
    """Count the faults of each session.

    Of each frame a grid of 16 rows and 64 columns is read. Frames whose grids are equal are
    compared as a whole, so the count of repeated frames is exact.

    Args:
        dataset: that holds the episodes.
        episode_ids: of the episodes; those without RGB frames are left out.

    Returns:
        The counts by session.

    Raises:
        DataError: an episode is damaged.
    """
    found: dict[str, CameraFaults] = {}
    for episode_id in episode_ids:
        episode = dataset.episode(episode_id)
        if episode.has(Modality.RGB):
            session = dataset.origin(episode_id).session
            found[session] = found.get(session, CameraFaults()) + episode_faults(episode)
    return found


def episode_faults(episode: EpisodeReader) -> CameraFaults:
    """Count the faults of one episode, which must have RGB frames."""
    frames = episode.frames(Modality.RGB)
    count, height, width = frames.shape[:3]
    rows, columns = grid_of(height, width)
    speed_mps = np.asarray(episode.state["speed_mps"])
    with np.errstate(invalid="ignore"):
        # the images of a simulator repeat while the car stands; at an unknown speed (NaN), which
        # compares as false, it may have moved
        stood = (np.abs(speed_mps[1:]) < STANDING_MPS) & (np.abs(speed_mps[:-1]) < STANDING_MPS)
    repeated = dark = saturated = 0
    last: UInt8 | None = None
    step = max(1, _CHUNK_BYTES // max(frames[0, rows].nbytes, 1))
    for start in range(0, count, step):
        grid = np.ascontiguousarray(frames[start : start + step, rows, columns]).reshape(
            min(step, count - start), -1
        )
        dark += int(((grid > DARK_LEVEL).mean(axis=1) <= DARK_SHARE).sum())
        saturated += int(((grid >= SATURATED_LEVEL).mean(axis=1) >= SATURATED_SHARE).sum())
        before = grid if last is None else np.concatenate([last[None], grid])
        alike = (
            np.flatnonzero((before[1:] == before[:-1]).all(axis=1))
            + start
            + (1 if last is None else 0)
        )
        repeated += sum(_same(frames, int(index)) for index in alike if not stood[index - 1])
        last = grid[-1]
    return CameraFaults(count, int((~stood).sum()), repeated, dark, saturated)


def grid_of(height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a frame that stand for the whole: 16 of one and 64 of the other, or fewer
    of a small frame.

    Args:
        height: of the frame, in pixels.
        width: likewise.
    """
    return slice(None, None, -(-height // 16)), slice(None, None, -(-width // 64))


def _same(frames: AnyArray, index: int) -> bool:
    return bool(np.array_equal(frames[index], frames[index - 1]))


def judge(by_session: Mapping[str, CameraFaults]) -> tuple[list[str], list[str]]:
    """Judge the cameras by the faults of all sessions together, or of single sessions.

    Args:
        by_session: the counts of each session.

    Returns:
        Two lists of sentences: which cameras are broken, and which are doubtful.
    """
    broken: list[str] = []
    doubts: list[str] = []
    total = sum(by_session.values(), CameraFaults())
    for fault, share in total.shares().items():
        bad = [
            name
            for name, each in by_session.items()
            if each.frames >= MIN_FRAMES and each.shares()[fault] > BROKEN_SHARE
        ]
        if share > BROKEN_SHARE:
            broken.append(f"{share:.0%} of the images {fault}: {_CAUSES[fault]}")
        elif bad:
            named = ", ".join(bad[:3]) + (", ..." if len(bad) > 3 else "")
            broken.append(
                f"in {len(bad)} of {len(by_session)} sessions most images {fault}: {named}"
            )
        elif share > DOUBTED_SHARE:
            doubts.append(f"{share:.1%} of the images {fault}")
    return broken, doubts
