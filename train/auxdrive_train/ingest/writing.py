"""Write the records of a plan as episodes. An episode is either complete or not there, and none
contains a jump in time.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from auxdrive.cards import DatasetCard, EpisodeOrigin
from auxdrive.data.camera_faults import CameraFaults
from auxdrive.data.dataset import Dataset
from auxdrive.data.derived import ensure_derived
from auxdrive.data.episode_files import EPISODES_DIR, write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.image_files import read_images, resize
from auxdrive.data.timing import breaks
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from auxdrive.storage.reading import exists
from auxdrive.types import AnyArray, UInt8, UInt16

from auxdrive_train.ingest.depth import read_depth
from auxdrive_train.ingest.session_clock import SessionClock
from auxdrive_train.ingest.source import Source, SourceRecord, left_out
from auxdrive_train.ingest.splits import SplitRange, split_of

MAX_EPISODE_FRAMES = 500
"""Longest episode, so that an ingest that was stopped has at most this many frames to read again.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written.

    Attributes:
        source: the recording.
        splits: the ranges of records.
        derived: modalities to compute.
        records: the records that are in a split.
        left_out: how many others there are, by reason.
        scale: whether images are scaled.
        card: the card, still without episodes.
    """

    source: Source
    splits: tuple[SplitRange, ...]
    derived: tuple[Modality, ...]
    records: list[SourceRecord]
    left_out: Counter[str]
    scale: bool
    card: DatasetCard

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the images in the data set."""
        return self.card.needed_camera.width, self.card.needed_camera.height


@dataclass(slots=True)
class IngestReport:
    """What was written.

    Attributes:
        identity: the source's identity.
        rate_hz: frames per second.
        image_size: (width, height).
        index_field: what the source calls the number of a record.
        frames: number of frames, by split.
        episodes: ids of the episodes, by split.
        skipped: how many records were left out, by reason.
        notes: what a person should know.
        apart_s: for each split, how far it is in time from the others, as in the card.
        camera_faults: how many images show nothing.
        broken: what `auxdrive inspect` will report as broken.
        resumed: number of episodes that an earlier attempt had written.
    """

    identity: str
    rate_hz: float
    image_size: tuple[int, int]
    index_field: str
    frames: Counter[str] = field(default_factory=Counter)
    episodes: dict[str, list[str]] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    apart_s: dict[str, float | None] = field(default_factory=dict)
    camera_faults: CameraFaults = field(default_factory=CameraFaults)
    broken: list[str] = field(default_factory=list)
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class _Frame:
    """A record with its images.

    Attributes:
        record: the record.
        split: its split.
        image: uint8 (H, W, 3).
        depth: uint16 (H, W), or None.
        session: the drive that it is from.
        session_s: when it was taken, in seconds since the drive began.
    """

    record: SourceRecord
    split: str
    image: UInt8
    depth: UInt16 | None
    session: str
    session_s: float

    @property
    def track(self) -> tuple[str, str, str, bool]:
        """What all frames of an episode have in common."""
        return self.split, self.record.stream, self.record.session, self.depth is not None

    @property
    def arrays(self) -> dict[Modality, AnyArray]:
        """The frames by modality, as they are stored."""
        return {Modality.RGB: self.image} | (
            {} if self.depth is None else {Modality.DEPTH: self.depth}
        )


def report_of(plan: Plan) -> IngestReport:
    """The report of a plan before anything is written."""
    source = plan.source
    return IngestReport(
        source.identity,
        source.rate_hz,
        plan.size,
        source.index_field,
        skipped=Counter(plan.left_out),
        notes=list(source.notes),
    )


def write_dataset(
    plan: Plan,
    out: Path,
    progress: Callable[[int], object] | None = None,
    numbers: Counter[str] | None = None,
) -> IngestReport:
    """Write the missing episodes, then the card, then the derived modalities.

    Args:
        plan: what is to be written.
        out: the data set's folder.
        progress: see `build_dataset`.
        numbers: for each track (`train`, `train-left`), how many episodes exist elsewhere; new ids
            are counted on from there.

    Raises:
        DataError: no image is usable, or an episode that was written before has other frames.
    """
    source = plan.source
    report = report_of(plan)
    origins: dict[str, EpisodeOrigin] = {}
    for episode_id, first, frames in _episodes(
        _decoded(plan, report, progress), source.rate_hz, Counter(numbers)
    ):
        count = _write_episode(out, episode_id, frames, source, report)
        report.frames[first.split] += count
        report.episodes.setdefault(first.split, []).append(episode_id)
        origins[episode_id] = EpisodeOrigin(
            session=first.session or source.name, start_s=first.session_s
        )
    if not report.episodes:
        raise DataError(
            f"{source.name}: no record has a usable image "
            f"({left_out(report.skipped, report.notes[len(source.notes) :])})"
        )
    made = {name: tuple(ids) for name, ids in report.episodes.items()}
    write_card(out, plan.card.model_copy(update={"splits": made, "episodes": origins}))
    ensure_derived(Dataset.open(out), plan.derived, progress=progress)
    return report


def _decoded(
    plan: Plan, report: IngestReport, progress: Callable[[int], object] | None
) -> Iterator[_Frame]:
    """The frames, one record at a time. Damaged images are left out and counted."""
    clock = SessionClock(plan.source.rate_hz)
    for record in plan.records:
        placed = clock.place(record)  # also without an image, since time goes on
        frame = _frame(plan, record, placed, report)
        if frame is not None:
            yield frame
        if progress is not None:
            progress(1)


def _frame(
    plan: Plan, record: SourceRecord, placed: tuple[str, float], report: IngestReport
) -> _Frame | None:
    """The record with its images; None if one is damaged."""
    width, height = plan.size
    try:
        image = next(read_images(record.image)).image
    except DataError as error:
        if not report.skipped["image damaged"]:
            report.notes.append(f"the first damaged image is {error}")
        report.skipped["image damaged"] += 1
        return None
    try:
        depth = None if record.depth is None else read_depth(record, height, width)
    except DataError:
        report.skipped["depth image damaged"] += 1
        return None
    if plan.scale and image.shape[:2] != (height, width):
        image = resize(image, height, width)
    # the size may differ from the header's if EXIF data turn the image
    if image.shape[:2] != (height, width):
        raise DataError(
            f"{record.image}: {image.shape[1]}x{image.shape[0]} upright, not {width}x{height}; use "
            "--image-size"
        )
    split = split_of(record.index, plan.splits, record.source)
    assert split is not None  # `_choose` kept only records in a split
    return _Frame(record, split, image, depth, *placed)


def _episodes(
    frames: Iterator[_Frame], rate_hz: float, numbers: Counter[str]
) -> Iterator[tuple[str, _Frame, Iterator[_Frame]]]:
    """Cut the stream of frames into episodes: (id, first frame, all frames). An episode must be
    read to its end before the next one.
    """
    following = next(frames, None)

    def one(first: _Frame) -> Iterator[_Frame]:
        nonlocal following
        current, count = first, 1
        yield current
        for following in frames:
            broken = breaks(following.record.time_s - current.record.time_s, rate_hz)
            if broken or count >= MAX_EPISODE_FRAMES or following.track != current.track:
                return
            current, count = following, count + 1
            yield current
        following = None

    while following is not None:
        track = "-".join(part for part in (following.split, following.record.stream) if part)
        episode_id = f"{track}-{numbers[track]:04d}"
        numbers[track] += 1
        yield episode_id, following, one(following)


def _write_episode(
    out: Path, episode_id: str, frames: Iterator[_Frame], source: Source, report: IngestReport
) -> int:
    """Write an episode, or skip it if an earlier attempt has written it. Returns its number of
    frames.

    Raises:
        DataError: the episode that was written before has another number of frames.
    """
    written = out / EPISODES_DIR / episode_id
    if exists(written):
        count = sum(1 for _ in frames)
        held = len(EpisodeReader(written))
        if held != count:
            raise DataError(
                f"{written}: has {held} frames, the source has {count}: its images changed. "
                "Choose a new folder"
            )
        report.resumed += 1
        return count
    first = next(frames)
    with EpisodeWriter(out, episode_id, first.arrays, keep_on_error=False) as writer:
        for frame in itertools.chain([first], frames):
            writer.append(
                frame.arrays,
                {
                    "time_s": frame.record.time_s - first.record.time_s,
                    "speed_mps": frame.record.speed_mps,
                    "steer_rad": float(source.steering.to_road_wheel_rad(frame.record.steer)),
                    "throttle": frame.record.throttle,
                    "brake": frame.record.brake,
                },
            )
        return len(writer)
