"""The card of a data set to which a recording is added: what the recording must have in common with
it, and the card of both together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from auxdrive.cards import DatasetCard, EpisodeOrigin
from auxdrive.data.derived import DERIVATIONS
from auxdrive.data.joined import disagreements
from auxdrive.errors import DataError
from auxdrive.modalities import MODALITIES, Modality

from auxdrive_train.ingest.join import unused
from auxdrive_train.ingest.source import Source


def as_the_card_has_it(source: Source, card: DatasetCard) -> Source:
    """The source, with the data set's field of view and wheelbase if the caller gave none.

    Args:
        source: what is to be added; it stays as it is.
        card: the data set's card.
    """
    known = replace(
        source, fov_deg=card.needed_camera.fov_deg if source.fov_deg is None else source.fov_deg
    )
    if source.vehicle.wheelbase_m is None:
        known.vehicle = source.vehicle.model_copy(update={"wheelbase_m": card.vehicle.wheelbase_m})
    return known


def derived_modalities(card: DatasetCard, wanted: Iterable[Modality]) -> tuple[Modality, ...]:
    """What is to be derived from the new images: what the data set has derived from its own, then
    what is wanted besides.

    Args:
        card: the data set's card.
        wanted: the modalities that were asked for.
    """
    return tuple(dict.fromkeys([*(each for each in card.modalities if _from_rgb(each)), *wanted]))


def refuse_differences(out: Path, card: DatasetCard, new: DatasetCard) -> None:
    """Check that everything a model is told of its data is equal. The camera's pose is not in any
    recording but written by hand, and is kept.

    Args:
        out: the data set's folder, for the message.
        card: its card.
        new: the card that the recording alone would have.

    Raises:
        DataError: something differs; the message names all of it.
    """
    held, camera = card.needed_camera, new.needed_camera
    sized = {"width": camera.width, "height": camera.height, "fov_deg": camera.fov_deg}
    differences = disagreements(
        card, new.model_copy(update={"camera": held.model_copy(update=sized)})
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
            f"(--image-size {held.width}x{held.height}, --max-steer-deg, --fov-deg, "
            "--wheelbase-m), or make another data set"
        )


def merged_card(card: DatasetCard, new: DatasetCard) -> DatasetCard:
    """The card of both together, still without the distances between its splits (`apart_s`).

    Args:
        card: the data set's.
        new: that of the recording that is added.
    """
    splits = dict.fromkeys([*card.splits, *new.splits])
    return card.model_copy(
        update={
            "splits": {
                name: (*card.splits.get(name, ()), *new.splits.get(name, ())) for name in splits
            },
            "episodes": _origins(card, new),
            "modalities": tuple(dict.fromkeys([*card.modalities, *new.modalities])),
            "source": _both(card.source, new.source, " + "),
            "licence": _both(card.licence, new.licence, "; "),
            "apart_s": {},
        }
    )


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


def _both(one: str, other: str, between: str) -> str:
    return between.join(dict.fromkeys(text for text in (one, other) if text))


def _from_rgb(modality: Modality) -> bool:
    return modality in DERIVATIONS and MODALITIES[modality].derived_from is Modality.RGB
