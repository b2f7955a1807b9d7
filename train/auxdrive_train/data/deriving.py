"""Derived modalities that a data set lacks: they are computed once and stored beside the recorded
ones.
"""

from __future__ import annotations

from collections.abc import Iterable

from auxdrive.data.dataset import Dataset
from auxdrive.data.derived import ensure_derived
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.work import ShowProgress, Work, no_progress


def derive_missing(
    dataset: Dataset, modalities: Iterable[Modality], progress: ShowProgress = no_progress
) -> None:
    """Compute and store the derived modalities that episodes lack.

    Args:
        dataset: the data set, into which they are written.
        modalities: those that are needed; recorded ones are skipped.
        progress: shows how far it is.

    Raises:
        DataError: an episode is damaged, or the disk is full or not writable.
    """
    wanted = [m for m in modalities if MODALITIES[m].derived_from is not None]
    missing = [m for m in wanted if dataset.missing(m)]
    if missing:
        frames = sum(
            len(episode)
            for modality in missing
            for episode in map(dataset.episode, dataset.missing(modality))
            if (origin := MODALITIES[modality].derived_from) is None or episode.has(origin)
        )
        work = Work(f"deriving {', '.join(missing)}", "frame", frames, many=True)
        with progress(work) as shown:
            ensure_derived(dataset, missing, progress=shown.done)
