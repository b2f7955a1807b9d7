"""Write a source's records as a data set: episode by episode, each complete or not there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from auxdrive.cards import CameraSpec, DatasetCard, EpisodeOrigin
from auxdrive.dataset import TRAIN_SPLIT, VALIDATION_SPLIT, Dataset, read_card
from auxdrive.derived import DERIVATIONS, ensure_derived
from auxdrive.division import training_parts
from auxdrive.episodes import CARD_NAME, EPISODES_DIR, EpisodeReader, EpisodeWriter, clean_partial, write_card
from auxdrive.errors import DataError, UsageError
from auxdrive.files import entries, exists, is_file
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.pictures import read_pictures, resize
from auxdrive.sessions import CLOSE_S, splits_apart_s, told
from auxdrive.storage import held
from auxdrive.timing import breaks
from auxdrive.types import UInt8
from PIL import Image

from auxdrive_train.ingest.session_clock import SessionClock
from auxdrive_train.ingest.source import Source, SourceRecord
from auxdrive_train.ingest.splits import SplitRange, split_of

MAX_EPISODE_FRAMES = 500
"""Episodes end here, so that an ingest that is stopped has no more than these to read again."""
_MAX_SIDE = 8192


@dataclass(slots=True)
class IngestReport:
    """What was written: episodes and frames by split; what was left out by reason; what a person should know.

    apart_s: as in the card, how far in time each split lies from the others.
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
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class _Frame:
    """A record with its picture. session_s: when it was taken, on the clock of its session."""

    record: SourceRecord
    split: str
    image: UInt8
    session_s: float


def build_dataset(
    source: Source,
    out: Path,
    splits: tuple[SplitRange, ...] = (),
    derived: tuple[Modality, ...] = (),
    image_size: tuple[int, int] | None = None,
    licence: str = "",
    progress: Callable[[int], object] | None = None,
) -> IngestReport:
    """Write the data set; when the same was begun before and was stopped, go on where it was.

    A new episode begins where the split, the camera or the session changes, where time breaks (`auxdrive.timing`), and after 500 frames.

    Args:
        splits: records in none of them are left out; without any, everything is `train`.
        derived: modalities to compute from RGB and store beside it.
        image_size: (width, height) to which pictures are scaled; None keeps theirs, which must then all be the same.
        progress: called with the number of steps done; there is one for each record in a split, and one more for each derived frame.

    Raises:
        UsageError: a modality that cannot be derived from RGB, a split without records, another process is writing into `out`.
        DataError: `out` holds something else, pictures of mixed sizes, no usable picture, or the disk refuses.
    """
    for modality in derived:
        if modality not in DERIVATIONS or MODALITIES[modality].derived_from != Modality.RGB:
            valid = ", ".join(m for m in DERIVATIONS if MODALITIES[m].derived_from == Modality.RGB)
            raise UsageError(f"{modality} cannot be derived from a camera picture; can be: {valid}")
    chosen, skipped = _choose(source, splits)
    size = image_size or _common_size(chosen)
    card = _card(source, splits, size, licence)
    with held(out):
        _claim(out, card)
        report = IngestReport(source.identity, source.rate_hz, size, source.index_field, notes=list(source.notes))
        report.skipped = source.skipped + skipped
        origins: dict[str, EpisodeOrigin] = {}
        decoded = _decoded(chosen, splits, size, image_size is not None, report, progress)
        for episode_id, first, frames in _episodes(decoded, source.rate_hz):
            count = _write_episode(out, episode_id, frames, source, report)
            report.frames[first.split] += count
            report.episodes.setdefault(first.split, []).append(episode_id)
            origins[episode_id] = EpisodeOrigin(session=first.record.session or source.name, start_s=first.session_s)
        if not report.episodes:
            raise DataError(f"{source.name}: no record has a usable picture ({_counts(report.skipped)})")
        made = {name: tuple(ids) for name, ids in report.episodes.items()}
        write_card(out, card.model_copy(update={"splits": made, "episodes": origins}))
        ensure_derived(Dataset.open(out), derived, progress=progress)
        _tell_distances(out, report)
        return report


def _tell_distances(out: Path, report: IngestReport) -> None:
    """Write into the card how far the splits lie from each other, and say it; or say what training will hold out by itself."""
    dataset = Dataset.open(out)
    report.apart_s = splits_apart_s(dataset)
    write_card(out, dataset.card.model_copy(update={"apart_s": report.apart_s}))
    for name, distance_s in report.apart_s.items():
        near = distance_s is not None and distance_s < CLOSE_S
        advice = "; leave a second or more out between the ranges of --split" if near else ""
        report.notes.append(f"split '{name}': {told(distance_s, 'the other splits')}{advice}")
    if TRAIN_SPLIT in dataset.card.splits and VALIDATION_SPLIT not in dataset.card.splits:
        try:
            report.notes.append(f"no split '{VALIDATION_SPLIT}': training will validate on {training_parts(dataset).how}")
        except DataError as error:
            report.notes.append(f"this alone cannot be trained on: {error}")


def _counts(skipped: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in skipped.items()) or "nothing left out"


def _choose(source: Source, splits: tuple[SplitRange, ...]) -> tuple[list[SourceRecord], Counter[str]]:
    """The records that stand in a split and have a picture file."""
    chosen, skipped = [], Counter[str]()
    for record in source.records:
        if split_of(record.index, splits) is None:
            skipped["in no split"] += 1
        elif not is_file(record.image):
            skipped["picture missing"] += 1
        else:
            chosen.append(record)
    for each in splits:
        if not any(record.index in each for record in chosen):
            raise UsageError(f"--split {each}: no usable record has its {source.index_field} in that range")
    if not chosen:
        raise DataError(f"{source.name}: no record has a picture ({_counts(source.skipped + skipped)})")
    return chosen, skipped


def _common_size(records: list[SourceRecord]) -> tuple[int, int]:
    """(width, height) of the pictures, from their headers, before anything is written; damaged ones are left for later."""
    seen: dict[tuple[int, int], SourceRecord] = {}
    for record in records:
        try:
            with Image.open(record.image) as picture:
                seen.setdefault(picture.size, record)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
            continue
        if len(seen) > 1:
            sizes = "; ".join(f"{width}x{height} in {record.image.name}" for (width, height), record in seen.items())
            raise DataError(f"the pictures have different sizes ({sizes}). Scale all to one with --image-size WIDTHxHEIGHT")
    if not seen:
        raise DataError(f"none of the {len(records)} pictures can be read, the first is {records[0].image}")
    size = next(iter(seen))
    if max(size) > _MAX_SIDE:
        raise DataError(f"pictures of {size[0]}x{size[1]} are larger than a data set holds; scale them with --image-size")
    return size


def _card(source: Source, splits: tuple[SplitRange, ...], size: tuple[int, int], licence: str) -> DatasetCard:
    """The card without splits: it claims the folder before the first episode, and tells this ingest from any other."""
    chosen = f"; splits by {source.index_field}: {' '.join(str(each) for each in splits)}" if splits else ""
    return DatasetCard(
        name=source.name,
        rate_hz=source.rate_hz,
        modalities=(Modality.RGB,),
        camera=CameraSpec(width=size[0], height=size[1], fov_deg=source.fov_deg),
        steering=source.steering,
        vehicle=source.vehicle,
        source=f"{source.identity}{chosen}",
        licence=licence,
    )


def _claim(out: Path, card: DatasetCard) -> None:
    """Make the folder ours, or refuse it."""
    if any(not entry.name.startswith(".") for entry in entries(out)):
        if not is_file(out / CARD_NAME):
            raise DataError(f"{out}: is not empty and holds no data set; choose a new folder")
        existing = read_card(out)
        if existing.model_copy(update={"splits": {}, "episodes": {}, "apart_s": {}, "modalities": card.modalities}) != card:
            raise DataError(f"{out}: holds another data set ({_told(existing)}); this one is: {_told(card)}. Choose a new folder")
        clean_partial(out)
    else:
        write_card(out, card)


def _told(card: DatasetCard) -> str:
    """What tells one ingest from another, for people."""
    fov = "unknown" if card.camera.fov_deg is None else f"{card.camera.fov_deg:g} deg"
    wheelbase = "unknown" if card.vehicle.wheelbase_m is None else f"{card.vehicle.wheelbase_m:g} m"
    size = f"{card.camera.width}x{card.camera.height}"
    return f"{card.source or card.name}, {size}, field of view {fov}, wheelbase {wheelbase}, licence '{card.licence}'"


def _decoded(
    records: list[SourceRecord],
    splits: tuple[SplitRange, ...],
    size: tuple[int, int],
    scale: bool,
    report: IngestReport,
    progress: Callable[[int], object] | None,
) -> Iterator[_Frame]:
    """The pictures, one at a time; damaged ones are left out and counted."""
    width, height = size
    clock = SessionClock(report.rate_hz)
    for record in records:
        session_s = clock.place_s(record)  # also of those without a picture: time goes on
        try:
            image = next(read_pictures(record.image)).image
        except DataError:
            report.skipped["picture damaged"] += 1
        else:
            if scale and image.shape[:2] != (height, width):
                image = resize(image, height, width)
            if image.shape[:2] != (height, width):  # turned by its EXIF orientation, which the header's size does not show
                raise DataError(f"{record.image}: {image.shape[1]}x{image.shape[0]} upright, not {width}x{height}; use --image-size")
            split = split_of(record.index, splits)
            assert split is not None  # `_choose` left only those
            yield _Frame(record, split, image, session_s)
        if progress is not None:
            progress(1)


def _episodes(frames: Iterator[_Frame], rate_hz: float) -> Iterator[tuple[str, _Frame, Iterator[_Frame]]]:
    """Cut the stream of frames into episodes: (id, first frame, all frames). Each must be read to its end before the next."""
    numbers: Counter[str] = Counter()
    following = next(frames, None)

    def one(first: _Frame) -> Iterator[_Frame]:
        nonlocal following
        current, count = first, 1
        yield current
        for following in frames:
            broken = breaks(following.record.time_s - current.record.time_s, rate_hz)
            if broken or count >= MAX_EPISODE_FRAMES or _track(following) != _track(current):
                return
            current, count = following, count + 1
            yield current
        following = None

    while following is not None:
        track = "-".join(part for part in (following.split, following.record.stream) if part)
        episode_id = f"{track}-{numbers[track]:04d}"
        numbers[track] += 1
        yield episode_id, following, one(following)


def _track(frame: _Frame) -> tuple[str, str, str]:
    return frame.split, frame.record.stream, frame.record.session


def _write_episode(out: Path, episode_id: str, frames: Iterator[_Frame], source: Source, report: IngestReport) -> int:
    """Write one episode, or pass over it when an earlier run has written it; the number of its frames."""
    written = out / EPISODES_DIR / episode_id
    if exists(written):
        count = sum(1 for _ in frames)
        held = len(EpisodeReader(written))
        if held != count:
            raise DataError(f"{written}: has {held} frames, the source has {count}: its pictures changed. Choose a new folder")
        report.resumed += 1
        return count
    with EpisodeWriter(out, episode_id, (Modality.RGB,), keep_on_error=False) as writer:
        start_s: float | None = None
        for frame in frames:
            start_s = frame.record.time_s if start_s is None else start_s
            writer.append(
                {Modality.RGB: frame.image},
                {
                    "time_s": frame.record.time_s - start_s,
                    "speed_mps": frame.record.speed_mps,
                    "steer_rad": float(source.steering.to_road_wheel_rad(frame.record.steer)),
                    "throttle": frame.record.throttle,
                    "brake": frame.record.brake,
                },
            )
        return len(writer)
