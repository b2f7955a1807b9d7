"""Data sets: folders with a card (`dataset.json`) and episodes. Reading never changes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from auxdrive.cards import DatasetCard, EpisodeOrigin
from auxdrive.data.episode_files import CARD_NAME, EPISODES_DIR
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.fingerprint import fingerprint_of, fingerprint_of_episode, fingerprint_of_parts
from auxdrive.errors import DataError, UsageError, unknown_name
from auxdrive.modalities import Modality
from auxdrive.storage.reading import as_text, entries, exists, is_folder
from auxdrive.strict import read_model

TRAIN_SPLIT = "train"
"""The split that is trained on. Where a card has no splits, every episode counts as part of it."""
VALIDATION_SPLIT = "val"
SPLIT_NAME = "[A-Za-z][A-Za-z0-9_]{0,30}"
"""The form of the name of a split that a command makes, a regular expression."""


def read_card(dataset_dir: Path | str) -> DatasetCard:
    """The card of a data set.

    Raises:
        DataError: there is none, or it is not valid; the message lists every mistake.
    """
    path = Path(dataset_dir) / CARD_NAME
    if not exists(path):
        made = "`auxdrive collect` and `auxdrive ingest` make some"
        if is_folder(Path(dataset_dir) / EPISODES_DIR):
            made = (
                "It has episodes; write their card with auxdrive.data.episode_files.write_card, as "
                "docs/data.md shows"
            )
        raise DataError(f"{dataset_dir}: no {CARD_NAME}, so this is not a data set. {made}")
    return read_model(path, DatasetCard)


class Dataset:
    """Recorded episodes and their card: the data set of one folder, or those of several folders
    used as one. `open` makes one.

    Opening reads the cards and the names of the episodes; an episode is opened when it is first
    asked for.

    Attributes:
        name: the folder, or the folders, for messages.
        card: what `dataset.json` says, or what the cards of all parts say together.
        episode_ids: of every complete episode, sorted.
        parts: the data sets that it is made of; where it has one folder, itself.

    Args:
        folders: of the episodes, by their ids.
        card: of the whole.
        parts: the data sets that are used as one; empty where there is one folder.
        path: the folder; None where there are several.

    Examples:
        >>> from auxdrive import Dataset, Modality
        >>> dataset = Dataset.open("data")
        >>> dataset.split("val")
        ('val-0',)
        >>> dataset.missing(Modality.DEPTH)
        ('train-2',)
    """

    def __init__(
        self,
        folders: Mapping[str, Path],
        card: DatasetCard,
        parts: Sequence[Dataset],
        path: Path | None = None,
    ) -> None:
        self._folders = dict(folders)
        self._path = path
        self.card = card
        self.name: str = str(path) if path is not None else " + ".join(part.name for part in parts)
        self.parts: tuple[Dataset, ...] = tuple(parts) or (self,)
        self.episode_ids = tuple(self._folders)
        self._readers: dict[Path, EpisodeReader] = {}
        for part in parts:  # the whole and its parts share their open episodes
            self._readers |= part._readers
            part._readers = self._readers

    @classmethod
    def open(cls, path: Path | str | Sequence[Path | str]) -> Dataset:
        """Open the data set in a folder, or those in several folders as one (see
        `auxdrive.data.joined`).

        Raises:
            DataError: there is no folder, no card or no episode; a card names unknown episodes, or
                one episode in two splits; the cards of several data sets do not agree.
            UsageError: no folder was named, or one twice.
        """
        if isinstance(path, Path | str):
            return cls._open_one(Path(path))
        from auxdrive.data.joined import join

        return join([Path(each) for each in path])

    @classmethod
    def _open_one(cls, folder: Path) -> Dataset:
        if not is_folder(folder):
            raise DataError(f"{folder}: no such folder")
        card = read_card(folder)
        parent = folder / EPISODES_DIR
        found = (
            entry.name
            for entry in entries(parent)
            if not entry.name.startswith(".") and is_folder(entry)
        )
        episode_ids = tuple(sorted(found))
        if not episode_ids:
            raise DataError(
                f"{folder}: the data set is empty, {EPISODES_DIR}/ holds no complete episode"
            )
        _check_splits(folder, card, set(episode_ids))
        return cls(
            {episode_id: parent / episode_id for episode_id in episode_ids}, card, (), folder
        )

    @property
    def path(self) -> Path:
        """The folder.

        Raises:
            UsageError: there are several folders.
        """
        if self._path is None:
            raise UsageError(
                f"{self.name}: these are several data sets, which have no one folder; see `parts`"
            )
        return self._path

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.episode_ids)

    def episode(self, episode_id: str) -> EpisodeReader:
        """The reader of an episode, which is opened when it is first asked for.

        Raises:
            UsageError: there is no episode with that id.
            DataError: it is damaged.
        """
        if episode_id not in self._folders:
            raise UsageError(unknown_name("episode", episode_id, self.episode_ids))
        folder = self._folders[episode_id]
        if folder not in self._readers:
            self._readers[folder] = EpisodeReader(folder)
        return self._readers[folder]

    def origin(self, episode_id: str) -> EpisodeOrigin:
        """The session of an episode and when in it the episode began. An episode that the card does
        not name is a session of its own.
        """
        return self.card.episodes.get(episode_id) or EpisodeOrigin(session=as_text(episode_id))

    def split(self, name: str) -> tuple[str, ...]:
        """The episodes of a split, in the card's order.

        Raises:
            UsageError: the card has no such split; the message names the nearest.
        """
        if not self.card.splits:
            raise UsageError(f"{self.name}: the data set has no splits, so none called '{name}'")
        if name not in self.card.splits:
            raise UsageError(f"{self.name}: {unknown_name('split', name, self.card.splits)}")
        return self.card.splits[name]

    def missing(
        self, modality: Modality, episode_ids: Iterable[str] | None = None
    ) -> tuple[str, ...]:
        """The episodes that lack a modality.

        Args:
            modality: which one.
            episode_ids: the episodes to look at; all by default.
        """
        return tuple(
            episode_id
            for episode_id in self._ids(episode_ids)
            if not self.episode(episode_id).has(modality)
        )

    def fingerprint(self) -> str:
        """SHA-256 (hex) of what was recorded. Model cards name the training data by it.

        It covers the card, the ids of all episodes, every `state.npy`, `ahead.npy`, `plan.npy` and
        `mistakes.json` in full, and of each file of frames or points the size, the first and last
        64 KiB (with the header) and 16 blocks of 4 KiB spread evenly between. A change that keeps a
        file's size and touches none of these goes unnoticed: reading everything would take minutes
        and not a fraction of a second. Derived modalities are left out, so that deriving them later
        does not change the fingerprint. For several data sets it is the SHA-256 over the
        fingerprints of all, in their order.
        """
        if self._path is None:
            return fingerprint_of_parts([part.fingerprint() for part in self.parts])
        return fingerprint_of(self.card, {each: self.episode(each) for each in self.episode_ids})

    def episode_fingerprint(self, episode_id: str) -> str:
        """SHA-256 (hex) of what was recorded in one episode, whatever its id. It covers the same
        parts of its files as `fingerprint`.

        Raises:
            UsageError: there is no episode with that id.
            DataError: it is damaged.
        """
        return fingerprint_of_episode(self.episode(episode_id))

    def _ids(self, episode_ids: Iterable[str] | None) -> tuple[str, ...]:
        return self.episode_ids if episode_ids is None else tuple(episode_ids)


def _check_splits(folder: Path, card: DatasetCard, known: set[str]) -> None:
    owner: dict[str, str] = {}
    for split, episode_ids in card.splits.items():
        strangers = sorted(set(episode_ids) - known)
        if strangers:
            shown = ", ".join(strangers[:5]) + (" ..." if len(strangers) > 5 else "")
            raise DataError(
                f"{folder}: the card's split '{split}' names {len(strangers)} episodes that do not "
                f"exist: {shown}"
            )
        for episode_id in episode_ids:
            if episode_id in owner:
                raise DataError(
                    f"{folder}: episode {episode_id} stands in the splits '{owner[episode_id]}' "
                    f"and '{split}'; it may stand in one, once"
                )
            owner[episode_id] = split
    strangers = sorted(card.episodes.keys() - known)
    if strangers:
        raise DataError(
            f"{folder}: the card's `episodes` names {len(strangers)} that do not exist: "
            f"{', '.join(strangers[:5])}"
        )
