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
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from auxdrive.cards import DatasetCard, EpisodeOrigin
from auxdrive.data.dataset import Dataset, read_card
from auxdrive.data.derived import DERIVATIONS, ensure_derived
from auxdrive.data.episode_files import CARD_NAME, EPISODES_DIR, clean_partial, write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.joined import disagreements, recordings
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.storage.folders import held
from auxdrive.storage.publish import fsync_directory
from auxdrive.storage.reading import entries, exists, is_file, refusals

from auxdrive_train.ingest.build import plan_dataset, tell_distances
from auxdrive_train.ingest.join import unused
from auxdrive_train.ingest.source import Source
from auxdrive_train.ingest.splits import SplitRange
from auxdrive_train.ingest.writing import IngestReport, Plan, report_of, write_dataset

STAGING = ".adding-"
_COMPARED = 10
"""How many frames at the beginning of an episode are compared to tell whether it is there already.
"""
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
        card = Dataset.open(out).card
        if not card.splits:
            raise DataError(
                f"{out}: has no splits, so it is no data set that ingest finished; give its own "
                "command again first"
            )
        source = _as_the_card_has_it(source, card)
        derived = tuple(
            dict.fromkeys([*(each for each in card.modalities if _from_rgb(each)), *derived])
        )
        plan = plan_dataset(source, splits, derived, image_size, licence)
        staging = (
            out
            / f"{STAGING}{hashlib.sha256(plan.card.model_dump_json().encode()).hexdigest()[:12]}"
        )
        held_already = [each for each in source.identities if each in card.source]
        if held_already:
            # left by an addition that was stopped just before it cleaned up
            shutil.rmtree(staging, ignore_errors=True)
            raise UsageError(
                f"{out} holds {' and '.join(held_already)} already; there is nothing to add"
            )
        _refuse_differences(out, card, plan.card)
        for shared in recordings(card.source) & recordings(source.identity):
            raise UsageError(
                f"{out} holds {shared} already, read with other options: its frames would seem to "
                "be of two drives. "
                "Read all that is wanted of it (cameras, ranges) in one go into another folder"
            )
        report = _stage(plan, staging, out, progress)
        report.notes += _twins(out, card, staging)
        _commit(out, card, staging)
        added = Dataset.open(out)
        ensure_derived(added, derived)
        tell_distances(out, report)
        report.notes += [
            f"{path}: is left of an addition that was stopped; give its command again, or remove it"
            for path in _stagings(out)
        ]
        return report


def _from_rgb(modality: Modality) -> bool:
    return modality in DERIVATIONS and MODALITIES[modality].derived_from is Modality.RGB


def _as_the_card_has_it(source: Source, card: DatasetCard) -> Source:
    """The source, with the data set's field of view and wheelbase if the caller gave none."""
    known = replace(
        source, fov_deg=card.camera.fov_deg if source.fov_deg is None else source.fov_deg
    )
    if source.vehicle.wheelbase_m is None:
        known.vehicle = source.vehicle.model_copy(update={"wheelbase_m": card.vehicle.wheelbase_m})
    return known


def _origins(card: DatasetCard, new: DatasetCard) -> dict[str, EpisodeOrigin]:
    """The origins of all episodes. A new recording gets a number after its name if the data set has
    another one of that name.
    """
    taken = {origin.session.partition("/")[0] for origin in card.episodes.values()}
    names: dict[str, str] = {}
    origins = dict(card.episodes)
    for episode_id, origin in new.episodes.items():
        name, slash, session = origin.session.partition("/")
        if name not in names:
            names[name] = unused(name, taken)
            taken.add(names[name])
        origins[episode_id] = origin.model_copy(
            update={"session": f"{names[name]}{slash}{session}"}
        )
    return origins


def _refuse_differences(out: Path, card: DatasetCard, new: DatasetCard) -> None:
    """Check that everything a model is told of its data is equal. The camera's pose is not in any
    recording but written by hand, and is kept.
    """
    sized = {"width": new.camera.width, "height": new.camera.height, "fov_deg": new.camera.fov_deg}
    differences = disagreements(
        card, new.model_copy(update={"camera": card.camera.model_copy(update=sized)})
    )
    recorded, coming = (
        [str(each) for each in which.modalities if not _from_rgb(each)] for which in (card, new)
    )
    if recorded != coming:
        without = " (--no-depth leaves depth out)" if Modality.DEPTH in coming else ""
        differences.append(f"modalities: {', '.join(recorded)} and {', '.join(coming)}{without}")
    if card.vehicle.name != new.vehicle.name:
        differences.append(f"vehicle.name: {card.vehicle.name} and {new.vehicle.name}")
    if differences:
        lines = "".join(f"\n  - {line}" for line in differences)
        raise DataError(
            f"{new.source} cannot be added to {out}, which differs:{lines}\nGive the options with "
            "which the data set was made "
            f"(--image-size {card.camera.width}x{card.camera.height}, --max-steer-deg, --fov-deg, "
            "--wheelbase-m), or make another data set"
        )


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


def _twins(out: Path, card: DatasetCard, staging: Path) -> list[str]:
    """Compare the beginnings of new episodes with those of existing ones. Returns a note on each
    pair that begins alike.

    Raises:
        UsageError: the recording is already there: it is a copy, or has grown since it was read.
            The hidden folder is removed.
    """
    new = read_card(staging)
    there = {_beginning(out / EPISODES_DIR / each): each for each in card.episodes}
    notes = []
    for episode_id, origin in new.episodes.items():
        staged = staging / EPISODES_DIR / episode_id
        twin = there.get(_beginning(staged)) if exists(staged) else None
        if twin is None:
            continue
        if _labels(card.source) & _labels(new.source):
            shutil.rmtree(staging, ignore_errors=True)
            raise UsageError(
                f"{out}: holds what {origin.session} does as {card.episodes[twin].session}: it is "
                "a copy, and would count twice"
            )
        if card.episodes[twin].session.partition("/")[0] == origin.session.partition("/")[0]:
            shutil.rmtree(staging, ignore_errors=True)
            raise UsageError(
                f"{out}: its episode {twin} begins with the same images and labels as "
                f"{new.source}: "
                "that recording is in the data set, and went on since. Read all of it into another "
                "folder, "
                "or give its folder another name where it is another recording"
            )
        notes.append(
            f"{origin.session} begins with the same images and labels as "
            f"{card.episodes[twin].session}: is it a copy?"
        )
    return list(dict.fromkeys(notes))


def _labels(source: str) -> set[str]:
    return {recording.rpartition("(")[2] for recording in recordings(source)}


def _beginning(episode: Path) -> str:
    """A hash of the images and labels of the first frames."""
    reader = EpisodeReader(episode)
    labels = reader.state[["steer_rad", "throttle", "brake"]][:_COMPARED]
    digest = hashlib.sha256(labels.tobytes())
    digest.update(reader.frames(Modality.RGB)[:_COMPARED].tobytes())
    return digest.hexdigest()


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
    splits = dict.fromkeys([*card.splits, *new.splits])
    merged = {
        "splits": {
            name: (*card.splits.get(name, ()), *new.splits.get(name, ())) for name in splits
        },
        "episodes": _origins(card, new),
        "modalities": tuple(dict.fromkeys([*card.modalities, *new.modalities])),
        "source": _both(card.source, new.source, " + "),
        "licence": _both(card.licence, new.licence, "; "),
        "apart_s": {},
    }
    write_card(out, card.model_copy(update=merged))
    shutil.rmtree(staging, ignore_errors=True)


def _both(one: str, other: str, between: str) -> str:
    return between.join(dict.fromkeys(text for text in (one, other) if text))


def _ids(card: DatasetCard) -> Iterable[str]:
    return (episode_id for ids in card.splits.values() for episode_id in ids)


def _stagings(out: Path) -> list[Path]:
    return [
        entry
        for entry in entries(out)
        if entry.name.startswith(STAGING) and is_file(entry / CARD_NAME)
    ]
