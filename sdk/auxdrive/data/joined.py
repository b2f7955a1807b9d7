"""Several data sets used as one: what their cards must agree on, and the card of the whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from auxdrive.cards import DatasetCard, EpisodeOrigin, VehicleSpec
from auxdrive.data.dataset import TRAIN_SPLIT, Dataset
from auxdrive.data.episode_files import EPISODES_DIR
from auxdrive.data.timing import RATE_TOLERANCE, same_rate
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import Modality, known_classes
from auxdrive.storage.reading import as_text

_RECORDING = re.compile(r"[^+;]*\(labels sha256 [0-9a-f]{16}")


def recordings(source: str) -> frozenset[str]:
    """The recordings that a card's `source` names, if `auxdrive ingest` wrote it: kind, name and a
    digest of the labels of each. Which part was chosen and how it was read is left out.
    """
    return frozenset(found.strip() + ")" for found in _RECORDING.findall(source))


def disagreements(first: DatasetCard, other: DatasetCard) -> list[str]:
    """Why two data sets cannot be used as one: a line for each difference in rate, camera,
    steering, wheelbase, classes or vectors.

    Rates are measured, so they may differ by `RATE_TOLERANCE`. Camera and vehicle must be the same,
    because a model's card can describe only one of each.

    Args:
        first: the card of one data set, whose values are named first.
        other: the card of the other.
    """
    lines = []
    if not same_rate(first.rate_hz, other.rate_hz):
        lines.append(
            f"rate_hz: {first.rate_hz:g} and {other.rate_hz:g} (up to {RATE_TOLERANCE:.0%} may "
            "differ)"
        )
    if (first.camera is None) is not (other.camera is None):
        lines.append("camera: one has a camera, the other has none")
    for group in ("camera", "steering"):
        parts = [getattr(card, group) for card in (first, other)]
        one, two = ({} if part is None else part.model_dump() for part in parts)
        lines += [
            f"{group}.{key}: {one[key]} and {two[key]}"
            for key in one
            if two and one[key] != two[key]
        ]
    if first.class_names != other.class_names:
        named = (", ".join(card.class_names) or "none" for card in (first, other))
        lines.append(f"class_names: {' and '.join(named)}")
    for modality in first.vectors.keys() & other.vectors.keys():
        one, two = first.vectors[modality], other.vectors[modality]
        if one != two:
            lines.append(f"vectors.{modality}: {one} and {two} numbers")
    if first.vehicle.wheelbase_m != other.vehicle.wheelbase_m:
        lines.append(
            f"vehicle.wheelbase_m: {first.vehicle.wheelbase_m} and {other.vehicle.wheelbase_m}"
        )
    if all(Modality.SEGMENTATION in card.modalities for card in (first, other)):
        one, two = (len(known_classes(card.classes)) for card in (first, other))
        if one != two:
            lines.append(f"classes of segmentation: {one} and {two}")
    return lines


def join(paths: Sequence[Path]) -> Dataset:
    """Open the data sets in several folders as one. A single folder gives the data set itself.

    In the whole an episode is called `<folder>/<id>` and its session `<folder>/<session>`. Folders
    of equal names are numbered.

    Raises:
        UsageError: no folder was named, or one twice.
        DataError: as `Dataset.open`; or the cards do not agree (the message says in what), or two
            data sets hold the same episode, or were read from the same recording.
    """
    if not paths:
        raise UsageError("name at least one data set")
    parts = [Dataset.open(path) for path in paths]
    if len(parts) == 1:
        return parts[0]
    for place, part in enumerate(parts):
        if part.path.resolve() in [other.path.resolve() for other in parts[:place]]:
            raise UsageError(
                f"{part.name} is named twice; its images would count twice, or stand in two splits"
            )
        lines = disagreements(parts[0].card, part.card)
        if lines:
            differing = "".join(f"\n  - {line}" for line in lines)
            raise DataError(
                f"{parts[0].name} and {part.name} cannot be used as one:{differing}\n"
                "Train on one of them, or record or ingest both alike; what is merely not told in "
                "one is written into its dataset.json"
            )
    _refuse_recorded_twice(parts)
    names = _names(parts)
    folders: dict[str, Path] = {}
    for name, part in zip(names, parts, strict=True):
        folders |= {f"{name}/{each}": part.path / EPISODES_DIR / each for each in part.episode_ids}
    return Dataset(
        {each: folders[each] for each in sorted(folders)}, _joined_card(names, parts), parts
    )


def _refuse_recorded_twice(parts: Sequence[Dataset]) -> None:
    """Refuse data sets that hold the same episode or were read from the same recording. Their
    frames would count twice, or be trained on in one and validated on in the other.

    Raises:
        DataError: two of them do.
    """
    seen: dict[str, tuple[Dataset, str]] = {}
    for part in parts:
        for episode_id in part.episode_ids:
            other, twin = seen.setdefault(part.episode_fingerprint(episode_id), (part, episode_id))
            if other is not part:
                raise DataError(
                    f"{other.name} and {part.name} hold the same recording: {twin} there is "
                    f"{episode_id} here. Keep it in one"
                )
    for place, part in enumerate(parts):
        for earlier in parts[:place]:
            for shared in recordings(earlier.card.source) & recordings(part.card.source):
                raise DataError(
                    f"{earlier.name} and {part.name} were both read from {shared}: frames of one "
                    "are frames of the other, or lie beside "
                    "them. Read all that is wanted of it into one data set, with --split where it "
                    "is to be divided"
                )


def _names(parts: Sequence[Dataset]) -> list[str]:
    """The names of the folders. A name that occurs twice gets a number before it."""
    names = [as_text(part.path.resolve().name) for part in parts]
    count = Counter(names)
    return [name if count[name] == 1 else f"{place}-{name}" for place, name in enumerate(names)]


def _joined_card(names: Sequence[str], parts: Sequence[Dataset]) -> DatasetCard:
    """The card of the whole. If some data sets have splits, the episodes of those without count as
    `train`, as they do alone.
    """
    cards = [part.card for part in parts]
    splits: dict[str, tuple[str, ...]] = {}
    if any(card.splits for card in cards):
        for name, part in zip(names, parts, strict=True):
            for split, ids in (part.card.splits or {TRAIN_SPLIT: part.episode_ids}).items():
                splits[split] = (*splits.get(split, ()), *(f"{name}/{each}" for each in ids))
    origins: dict[str, EpisodeOrigin] = {}
    for name, part in zip(names, parts, strict=True):
        for each in part.episode_ids:
            origin = part.origin(each)
            session = f"{name}/{origin.session}"[:1000]
            origins[f"{name}/{each}"] = origin.model_copy(update={"session": session})
    return cards[0].model_copy(
        update={
            "name": " + ".join(card.name for card in cards),
            "modalities": tuple(
                dict.fromkeys(modality for card in cards for modality in card.modalities)
            ),
            "classes": next(
                (card.classes for card in cards if Modality.SEGMENTATION in card.modalities), ()
            ),
            "vectors": {m: length for card in cards for m, length in card.vectors.items()},
            "vehicle": VehicleSpec(
                name=_all_of(card.vehicle.name for card in cards),
                wheelbase_m=cards[0].vehicle.wheelbase_m,
            ),
            "source": _all_of(card.source for card in cards),
            "licence": _all_of(card.licence for card in cards),
            "splits": splits,
            "episodes": origins,
            "apart_s": {},
        }
    )


def _all_of(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))
