"""What episodes must have in common to be read as one set of samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from auxdrive.cards import HistorySpec
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.errors import DataError
from auxdrive.history import TOLERANCE
from auxdrive.modalities import Modality


def refuse_too_rare(dataset: Dataset, history: HistorySpec) -> None:
    """Refuse frames that are farther apart than the images that a model is to see.

    Args:
        dataset: whose frames.
        history: which images it is to see at once.

    Raises:
        DataError: they are.
    """
    rate_hz = dataset.card.rate_hz
    if history.frames > 1 and 1 / rate_hz > (1 + TOLERANCE) * history.gap_s:
        raise DataError(
            f"{dataset.name}: has {rate_hz:g} frames per second, {1 / rate_hz:.3g} s apart, and "
            f"history.gap_s is {history.gap_s:g}: give a gap of at least {1 / rate_hz:.3g}, or "
            "record more often"
        )


def missing_in(
    episodes: Mapping[str, EpisodeReader], modalities: Iterable[Modality]
) -> dict[Modality, list[str]]:
    """By modality, the episodes that lack it; see `SampleSet.missing`.

    Args:
        episodes: by name.
        modalities: those that are looked for.
    """
    lacking = {m: [name for name, each in episodes.items() if not each.has(m)] for m in modalities}
    return {modality: names for modality, names in lacking.items() if names}


def common_shape(
    dataset: Dataset, readers: Mapping[str, EpisodeReader], modality: Modality
) -> tuple[int, ...]:
    """The shape of a modality's frames, which must be that of all episodes.

    Args:
        dataset: for messages.
        readers: its episodes, by name.
        modality: whose frames.

    Raises:
        DataError: no episode has any, or their shapes differ.
    """
    owners = {
        reader.frame_shape(modality): reader.episode_id
        for reader in readers.values()
        if reader.has(modality)
    }
    if not owners:
        raise DataError(
            f"{dataset.name}: none of the {len(readers)} chosen episodes holds {modality}; record "
            "or derive it, or leave it out"
        )
    if len(owners) > 1:
        found = "; ".join(f"{shape} in {name}" for shape, name in owners.items())
        raise DataError(
            f"{dataset.name}: {modality} frames differ in size: {found}. Make a data set of one "
            "camera"
        )
    return next(iter(owners))
