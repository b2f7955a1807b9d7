"""Turn a source's records into a data set. Whatever can be checked is checked before the first
episode is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.dataset import TRAIN_SPLIT, VALIDATION_SPLIT, Dataset, read_card
from auxdrive.data.derived import DERIVATIONS
from auxdrive.data.division import training_parts
from auxdrive.data.episode_files import CARD_NAME, EPISODES_DIR, clean_partial, write_card
from auxdrive.data.image_files import read_image_size
from auxdrive.data.sessions import CLOSE_S, splits_apart_s, told
from auxdrive.data.timing import measured_rate_hz, same_rate
from auxdrive.errors import DataError, UsageError
from auxdrive.inspection.findings import examine, shown
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.storage.folders import held
from auxdrive.storage.reading import entries, is_file, refusals

from auxdrive_train.ingest.source import Source, SourceRecord, left_out
from auxdrive_train.ingest.splits import SplitRange, check_sources, split_of
from auxdrive_train.ingest.writing import IngestReport, Plan, write_dataset

_MAX_SIDE = 8192


def build_dataset(
    source: Source,
    out: Path,
    splits: tuple[SplitRange, ...] = (),
    derived: tuple[Modality, ...] = (),
    image_size: tuple[int, int] | None = None,
    licence: str = "",
    progress: Callable[[int], object] | None = None,
) -> IngestReport:
    """Write the data set. If the same ingest was stopped before, continue it.

    A new episode begins where the split, the camera or the session changes, where time jumps
    (`auxdrive.data.timing`), and after 500 frames.

    Args:
        source: what a reader returned.
        out: the data set's folder.
        splits: ranges of records; records in none of them are left out. Without ranges, all records
            are `train`.
        derived: modalities to compute from RGB and to store.
        image_size: (width, height) to which images are scaled; None keeps their size, which must
            then be the same for all.
        licence: of the recording, for the card.
        progress: called with the number of steps done; `steps_of` says how many there are.

    Raises:
        UsageError: a modality cannot be derived from RGB, a split has no records, or another
            process is writing into `out`.
        DataError: `out` holds something else, images differ in size, no image is usable, or the
            disk is full or not writable.
    """
    plan = plan_dataset(source, splits, derived, image_size, licence)
    with held(out):
        claimed = _claim(out, plan.card)
        try:
            report = write_dataset(plan, out, progress)
        except DataError:
            # no episode was written, so the next attempt may use other options
            if claimed and not entries(out / EPISODES_DIR):
                with refusals(out / CARD_NAME):
                    (out / CARD_NAME).unlink()
            raise
        tell_distances(out, report)
        return report


def steps_of(source: Source, splits: tuple[SplitRange, ...], derived: tuple[Modality, ...]) -> int:
    """How many steps the progress of `build_dataset` has: one for each record in a split, and one
    for each derived frame.

    Args:
        source: what a reader returned.
        splits: ranges of records; without any, all records count.
        derived: modalities to compute.
    """
    records = sum(
        split_of(record.index, splits, record.source) is not None for record in source.records
    )
    return records * (1 + len(derived))


def plan_dataset(
    source: Source,
    splits: tuple[SplitRange, ...],
    derived: tuple[Modality, ...],
    image_size: tuple[int, int] | None,
    licence: str,
) -> Plan:
    """Check everything that can be checked before anything is written.

    Args:
        source: what a reader returned.
        splits: ranges of records; none puts all records into `train`.
        derived: modalities to compute from RGB and to store.
        image_size: (width, height) to which images are scaled; None keeps their size.
        licence: of the recording, for the card.

    Raises:
        UsageError: a modality cannot be derived from RGB, or a split names no source or has no
            records.
        DataError: no record has an image, or images differ in size and are not scaled.
    """
    for modality in derived:
        if modality not in DERIVATIONS or MODALITIES[modality].derived_from != Modality.RGB:
            valid = ", ".join(m for m in DERIVATIONS if MODALITIES[m].derived_from == Modality.RGB)
            raise UsageError(f"{modality} cannot be derived from a camera image; can be: {valid}")
    check_sources(splits, (record.source for record in source.records))
    chosen, skipped = _choose(source, splits)
    if skipped["image missing"]:
        source = _at_the_rate_of(chosen, source)
    card = _card(source, splits, chosen, image_size or _common_size(chosen), licence)
    return Plan(
        source, splits, derived, chosen, source.skipped + skipped, image_size is not None, card
    )


def tell_distances(out: Path, report: IngestReport) -> None:
    """Add to the card and to the report how far apart the splits are in time, or what training will
    hold out by itself. Also report what `auxdrive inspect` finds in the new data; both use the same
    rules.

    Args:
        out: the data set's folder, in which all episodes are complete.
        report: is completed: distances, notes, faults and what is broken.
    """
    dataset = Dataset.open(out)
    report.apart_s = splits_apart_s(dataset)
    write_card(out, dataset.card.model_copy(update={"apart_s": report.apart_s}))
    report.notes += [
        f"split '{name}': {told(distance_s, 'the other splits')}"
        for name, distance_s in report.apart_s.items()
    ]
    if any(
        distance_s is not None and distance_s < CLOSE_S for distance_s in report.apart_s.values()
    ):
        report.notes.append("leave a second or more out between the ranges of --split")
    if TRAIN_SPLIT in dataset.card.splits and VALIDATION_SPLIT not in dataset.card.splits:
        try:
            report.notes.append(
                f"no split '{VALIDATION_SPLIT}': training will validate on "
                f"{training_parts(dataset).how}"
            )
        except DataError as error:
            report.notes.append(f"this alone cannot be trained on: {error}")
    found = examine(dataset)
    report.camera_faults, report.broken = found.camera_faults, found.broken
    report.notes.append(f"camera: {found.camera_faults}")
    report.notes += [
        f"doubtful: {line}" for line in shown(found.doubts) if line not in report.notes
    ]


def _choose(
    source: Source, splits: tuple[SplitRange, ...]
) -> tuple[list[SourceRecord], Counter[str]]:
    """The records that are in a split and have an image file, and how many others were left out, by
    reason.
    """
    chosen, skipped = [], Counter[str]()
    missing: SourceRecord | None = None
    for record in source.records:
        if split_of(record.index, splits, record.source) is None:
            skipped["in no split"] += 1
        elif not is_file(record.image):
            skipped["image missing"] += 1
            missing = missing or record
        else:
            chosen.append(record)
    if not chosen:
        sought = (
            ""
            if missing is None
            else f". The first, {missing.where}, is to be {missing.image}: put the images there"
        )
        raise DataError(
            f"{source.name}: no record has an image ({left_out(source.skipped + skipped)}){sought}"
        )
    for each in splits:
        if not any(each.holds(record.index, record.source) for record in chosen):
            raise UsageError(
                f"--split {each}: no usable record has its {source.index_field} in that range"
            )
    return chosen, skipped


def _at_the_rate_of(records: list[SourceRecord], source: Source) -> Source:
    """The source with the rate of these records. It is lower than the recording's if, for example,
    every other image was removed.
    """
    steps = [
        later.time_s - each.time_s
        for each, later in pairwise(records)
        if (each.stream, each.session) == (later.stream, later.session)
    ]
    rate_hz = measured_rate_hz(np.array(steps))
    if rate_hz is None or same_rate(rate_hz, source.rate_hz):
        return source
    note = (
        f"the records that have an image follow each other at {rate_hz:.4g} Hz and not at "
        f"{source.rate_hz:g}: so is the data set's rate"
    )
    return replace(source, rate_hz=round(rate_hz, 3), notes=[*source.notes, note])


def _common_size(records: list[SourceRecord]) -> tuple[int, int]:
    """(width, height) of the images, from their headers. Damaged images are dealt with later."""
    seen: dict[tuple[int, int], SourceRecord] = {}
    for record in records:
        try:
            seen.setdefault(read_image_size(record.image), record)
        except DataError:
            continue
        if len(seen) > 1:
            sizes = "; ".join(
                f"{width}x{height} in {record.image}" for (width, height), record in seen.items()
            )
            raise DataError(
                f"the images have different sizes ({sizes}). Scale all to one with --image-size "
                "WIDTHxHEIGHT"
            )
    if not seen:
        raise DataError(
            f"none of the {len(records)} images can be read, the first is {records[0].image}"
        )
    size = next(iter(seen))
    if max(size) > _MAX_SIDE:
        raise DataError(
            f"images of {size[0]}x{size[1]} are larger than a data set holds; scale them with "
            "--image-size"
        )
    return size


def _card(
    source: Source,
    splits: tuple[SplitRange, ...],
    records: list[SourceRecord],
    size: tuple[int, int],
    licence: str,
) -> DatasetCard:
    """The card without splits. It marks the folder as this ingest's before the first episode is
    written, and differs from the card of any other ingest.
    """
    chosen = (
        f"; splits by {source.index_field}: {' '.join(str(each) for each in splits)}"
        if splits
        else ""
    )
    return DatasetCard(
        name=source.name,
        rate_hz=source.rate_hz,
        modalities=(Modality.RGB, Modality.DEPTH)
        if any(record.depth is not None for record in records)
        else (Modality.RGB,),
        camera=CameraSpec(width=size[0], height=size[1], fov_deg=source.fov_deg),
        steering=source.steering,
        vehicle=source.vehicle,
        source=f"{source.identity}{chosen}",
        licence=licence,
    )


def _claim(out: Path, card: DatasetCard) -> bool:
    """Mark the folder as this ingest's, or refuse it. Returns whether it was nobody's before."""
    if any(not entry.name.startswith(".") for entry in entries(out)):
        if not is_file(out / CARD_NAME):
            raise DataError(f"{out}: is not empty and holds no data set; choose a new folder")
        existing = read_card(out)
        if (
            existing.model_copy(
                update={"splits": {}, "episodes": {}, "apart_s": {}, "modalities": card.modalities}
            )
            != card
        ):
            raise DataError(
                f"{out}: holds another data set ({_told(existing)}); this one is: {_told(card)}. "
                "Choose a new folder, or add to it with --add"
            )
        clean_partial(out)
        return False
    write_card(out, card)
    return True


def _told(card: DatasetCard) -> str:
    """What tells this ingest from others, in words."""
    fov = "unknown" if card.needed_camera.fov_deg is None else f"{card.needed_camera.fov_deg:g} deg"
    wheelbase = "unknown" if card.vehicle.wheelbase_m is None else f"{card.vehicle.wheelbase_m:g} m"
    size = f"{card.needed_camera.width}x{card.needed_camera.height}"
    return (
        f"{card.source or card.name}, {size}, field of view {fov}, wheelbase {wheelbase}, licence "
        f"'{card.licence}'"
    )
