"""Add a recording to a data set that ingest made: completely or not at all, even if the computer
fails in between.

The new episodes are written into a hidden folder inside the data set, under their final ids; an
addition that was stopped is continued there. When all are complete they are moved, and the card,
which names them, is replaced in one step. Until then the old card is in place: the episodes that it
names are there, and all others are ignored.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from auxdrive.cards import DatasetCard
from auxdrive.data.dataset import Dataset, read_card
from auxdrive.data.derived import ensure_derived
from auxdrive.data.episode_files import CARD_NAME, EPISODES_DIR, clean_partial, write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import Modality
from auxdrive.storage.folders import held
from auxdrive.storage.publish import fsync_directory
from auxdrive.storage.reading import entries, exists, is_file, refusals

from auxdrive_train.ingest.build import plan_dataset, tell_distances
from auxdrive_train.ingest.copies import notes_on_twins, refuse_held, refuse_other_reading
from auxdrive_train.ingest.merged_card import (
    as_the_card_has_it,
    derived_modalities,
    merged_card,
    refuse_differences,
)
from auxdrive_train.ingest.source import Source
from auxdrive_train.ingest.splits import SplitRange
from auxdrive_train.ingest.writing import IngestReport, Plan, report_of, write_dataset

STAGING = ".adding-"
_NUMBERED = re.compile(r"(.+)-(\d+)")


def add_to_dataset(
    source: Source,
    out: Path,
    splits: tuple[SplitRange, ...] = (),
    derived: tuple[Modality, ...] = (),
    image_size: tuple[int, int] | None = None,
    licence: str = "",
    progress: Callable[[int], object] | None = None,
) -> IngestReport:
    """Add the source's records to the data set in `out`. If the same addition was stopped before,
    continue it.

    Modalities that the data set has derived from its images are also derived from the new ones, and
    vice versa. If field of view or wheelbase are not given, those of the data set are assumed.
    Afterwards the card names both sources and both licences.

    Args:
        source: what a reader returned.
        out: the data set's folder.
        splits: see `build_dataset`.
        derived: see `build_dataset`.
        image_size: see `build_dataset`.
        licence: of the new recording.
        progress: see `build_dataset`.

    Raises:
        DataError: there is no data set, it is not finished, or it differs in rate, camera,
            modalities, steering or vehicle (all differences are named); or as for `build_dataset`.
        UsageError: the data set has this recording already; or as for `build_dataset`.
    """
    if not is_file(out / CARD_NAME):
        raise DataError(
            f"{out}: holds no data set that could be added to; leave --add out to make one"
        )
    with held(out):
        card = _finished_card(out)
        source = as_the_card_has_it(source, card)
        derived = derived_modalities(card, derived)
        plan = plan_dataset(source, splits, derived, image_size, licence)
        staging = out / f"{STAGING}{_digest(plan.card)}"
        with _removed_when_refused(staging):
            # an addition that was stopped just before it cleaned up has left it
            refuse_held(out, card, source)
        refuse_differences(out, card, plan.card)
        refuse_other_reading(out, card, source)
        report = _stage(plan, staging, out, progress)
        with _removed_when_refused(staging):
            report.notes += notes_on_twins(out, card, staging)
        _commit(out, card, staging)
        ensure_derived(Dataset.open(out), derived)
        tell_distances(out, report)
        report.notes += [
            f"{path}: is left of an addition that was stopped; give its command again, or remove it"
            for path in _stagings(out)
        ]
        return report


def _finished_card(out: Path) -> DatasetCard:
    """The data set's card, which names the splits of what was ingested.

    Raises:
        DataError: it names none.
    """
    card = Dataset.open(out).card
    if not card.splits:
        raise DataError(
            f"{out}: has no splits, so it is no data set that ingest finished; give its own "
            "command again first"
        )
    return card


def _digest(card: DatasetCard) -> str:
    """12 hex digits by which additions of different records or options differ."""
    return hashlib.sha256(card.model_dump_json().encode()).hexdigest()[:12]


@contextmanager
def _removed_when_refused(staging: Path) -> Iterator[None]:
    """Remove the hidden folder if what it holds is not to be added."""
    try:
        yield
    except UsageError:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _stage(
    plan: Plan, staging: Path, out: Path, progress: Callable[[int], object] | None
) -> IngestReport:
    """Write the new episodes into the hidden folder, except those that an earlier attempt wrote."""
    if is_file(staging / CARD_NAME) and read_card(staging).splits:
        return _staged_before(plan, staging, out, progress)
    for folder in (out, staging):
        clean_partial(folder)
    write_card(staging, plan.card)
    numbers: Counter[str] = Counter()
    for folder in (out, *(other for other in _stagings(out) if other != staging)):
        for episode_id in {entry.name for entry in entries(folder / EPISODES_DIR)} | set(
            _ids(read_card(folder))
        ):
            match = _NUMBERED.fullmatch(episode_id)
            if match is not None:
                numbers[match[1]] = max(numbers[match[1]], int(match[2]) + 1)
    return write_dataset(plan, staging, progress, numbers)


def _staged_before(
    plan: Plan, staging: Path, out: Path, progress: Callable[[int], object] | None
) -> IngestReport:
    """The report of an addition that was stopped after all its episodes had been written; some may
    have been moved.
    """
    report = report_of(plan)
    for split, ids in read_card(staging).splits.items():
        report.episodes[split] = list(ids)
        for episode_id in ids:
            there = staging / EPISODES_DIR / episode_id
            report.frames[split] += len(
                EpisodeReader(there if exists(there) else out / EPISODES_DIR / episode_id)
            )
            report.resumed += 1
    if progress is not None:
        progress(len(plan.records) * (1 + len(plan.derived)))
    return report


def _commit(out: Path, card: DatasetCard, staging: Path) -> None:
    """Move the new episodes to the others, and name them in the card."""
    new = read_card(staging)
    added = set(_ids(new))
    for episode_id in sorted(added):
        there, here = staging / EPISODES_DIR / episode_id, out / EPISODES_DIR / episode_id
        if exists(there):
            if exists(here):
                raise DataError(
                    f"{here}: is there already, and {there} is to come there; remove the one that "
                    "should not be"
                )
            with refusals(there, f"cannot be moved to {here}"):
                there.rename(here)
    with refusals(out / EPISODES_DIR):
        fsync_directory(out / EPISODES_DIR)
    write_card(out, merged_card(card, new))
    shutil.rmtree(staging, ignore_errors=True)


def _ids(card: DatasetCard) -> Iterable[str]:
    return (episode_id for ids in card.splits.values() for episode_id in ids)


def _stagings(out: Path) -> list[Path]:
    return [
        entry
        for entry in entries(out)
        if entry.name.startswith(STAGING) and is_file(entry / CARD_NAME)
    ]
