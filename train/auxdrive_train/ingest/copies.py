"""Whether a data set holds a recording already: as it is, read with other options, or as a copy.
Its images would then count twice.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from auxdrive.cards import DatasetCard
from auxdrive.data.dataset import read_card
from auxdrive.data.episode_files import EPISODES_DIR
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.joined import recordings
from auxdrive.errors import UsageError
from auxdrive.modalities import Modality
from auxdrive.storage.reading import exists

from auxdrive_train.ingest.source import Source

_COMPARED = 10
"""How many frames at the beginning of an episode are compared to tell whether it is there already.
"""


def refuse_held(out: Path, card: DatasetCard, source: Source) -> None:
    """Check that the data set does not hold the recording, as it is now read.

    Args:
        out: the data set's folder, for the message.
        card: its card.
        source: the recording that is to be added.

    Raises:
        UsageError: it holds all of it, or a part.
    """
    held_already = [each for each in source.identities if each in card.source]
    if held_already:
        raise UsageError(
            f"{out} holds {' and '.join(held_already)} already; there is nothing to add"
        )


def refuse_other_reading(out: Path, card: DatasetCard, source: Source) -> None:
    """Check that the data set does not hold the recording as it was read with other options.

    Args:
        out: the data set's folder, for the message.
        card: its card.
        source: the recording that is to be added.

    Raises:
        UsageError: it does.
    """
    for shared in recordings(card.source) & recordings(source.identity):
        raise UsageError(
            f"{out} holds {shared} already, read with other options: its frames would seem to "
            "be of two drives. "
            "Read all that is wanted of it (cameras, ranges) in one go into another folder"
        )


def notes_on_twins(out: Path, card: DatasetCard, staging: Path) -> list[str]:
    """Compare the beginnings of new episodes with those of existing ones.

    Args:
        out: the data set's folder.
        card: its card, without the new episodes.
        staging: the folder with the new episodes and their card.

    Returns:
        A note on each pair that begins alike.

    Raises:
        UsageError: the recording is already there: it is a copy, or has grown since it was read.
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
            raise UsageError(
                f"{out}: holds what {origin.session} does as {card.episodes[twin].session}: it is "
                "a copy, and would count twice"
            )
        if card.episodes[twin].session.partition("/")[0] == origin.session.partition("/")[0]:
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
