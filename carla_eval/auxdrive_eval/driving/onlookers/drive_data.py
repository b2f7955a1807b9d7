"""The data set into which drives are recorded: who may begin or go on with it, and its card. Every
drive of a route is an episode; see `auxdrive_eval.driving.onlookers.recording`.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from auxdrive.cards import DatasetCard, EpisodeOrigin
from auxdrive.data.episode_files import CARD_NAME, EPISODES_DIR, clean_partial, write_card
from auxdrive.errors import DataError, UsageError
from auxdrive.storage.claims import FolderKind, claim
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import entries, exists, is_folder
from auxdrive.strict import read_model

from auxdrive_eval.collecting.card import blank_card
from auxdrive_eval.collecting.carried import write_episode
from auxdrive_eval.collecting.settings import divided
from auxdrive_eval.conditions import condition_of_id, plain_id
from auxdrive_eval.driving.onlookers.record_settings import (
    RecordOptions,
    RecordSettings,
    record_differences,
    record_settings,
)
from auxdrive_eval.driving.settings import EvaluationSettings
from auxdrive_eval.driving.stored.route import StoredRoute

SETTINGS_NAME = "record.json"
IN_EPISODE = "episode/"
"""How the names of an episode's files begin, on their way from another machine."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DriveData:
    """The data set of a drive. It can be sent to another process.

    Attributes:
        folder: the data set's.
        settings: what decides its content.
        card: without its splits, which depend on the episodes that are there.
        route_ids: of the routes that are driven, in their order.
        elsewhere: whether the folder lies on another machine than that on which is driven.
    """

    folder: Path
    settings: RecordSettings
    card: DatasetCard
    route_ids: tuple[str, ...] = ()
    elsewhere: bool = False

    def path(self, index: int) -> Path:
        """The folder of a drive's episode, whether or not it is there.

        Args:
            index: number of the drive among all, from 0.
        """
        return self.folder / EPISODES_DIR / episode_id(index)

    def take(self, index: int, beside: Mapping[str, bytes | Path]) -> dict[str, bytes | Path]:
        """Put the episode of a drive on another machine in its place. Without one, an earlier
        episode of the drive is removed, as it is where a drive begins on this machine.

        Args:
            index: number of the drive among all, from 0.
            beside: what onlookers have kept of it, with the episode's files (`IN_EPISODE`).

        Returns:
            The other files.

        Raises:
            DataError: the disk cannot be written.
        """
        files = {
            name.removeprefix(IN_EPISODE): content
            for name, content in beside.items()
            if name.startswith(IN_EPISODE) and isinstance(content, bytes)
        }
        if files:
            write_episode(self.path(index), files)
        else:
            shutil.rmtree(self.path(index), ignore_errors=True)
        return {name: each for name, each in beside.items() if not name.startswith(IN_EPISODE)}

    @property
    def episodes(self) -> dict[int, Path]:
        """The episodes that are there, by the number of their drive."""
        found = entries(self.folder / EPISODES_DIR)
        numbers = [(re.fullmatch(r"drive-(\d{5,9})", path.name), path) for path in found]
        return {int(match[1]): path for match, path in numbers if match and is_folder(path)}

    def write_card(self) -> None:
        """Write the card of the episodes that are there. All drives of a route stand in one split,
        in whatever conditions.

        Raises:
            DataError: the disk cannot be written.
        """
        evaluation = self.settings.evaluation
        episodes = sorted(self.episodes)
        route_of = {index: self._first_alike(index // evaluation.repeats) for index in episodes}
        groups = divided(sorted(set(route_of.values())), evaluation.seed)
        splits = {
            name: tuple(episode_id(index) for index in episodes if route_of[index] in group)
            for name, group in groups.items()
        }
        own = {name: ids for name, ids in splits.items() if ids}
        conditions = {
            episode_id(index): condition_of_id(self.route_ids[index // evaluation.repeats])
            for index in (episodes if self.route_ids else ())
        }
        origins = {
            name: EpisodeOrigin(session=name, condition=condition)
            for name, condition in conditions.items()
            if condition
        }
        write_card(self.folder, self.card.model_copy(update={"splits": own, "episodes": origins}))

    def _first_alike(self, number: int) -> int:
        """The number of the first route that is this one in another condition, or itself."""
        ids = self.route_ids
        while number and ids and condition_of_id(ids[number]):
            if plain_id(ids[number]) != plain_id(ids[number - 1]):
                break
            number -= 1
        return number

    def note_unrecorded(self, done: Mapping[int, StoredRoute]) -> None:
        """Say which finished drives are not in the data set, since they were driven without it.

        Args:
            done: finished drives by their numbers.
        """
        there = self.episodes
        lacking = [
            f"#{i}" for i, each in sorted(done.items()) if len(each.trace) and i not in there
        ]
        if lacking:
            _log.warning(
                "%s: %d finished drives (%s%s) were driven without --record and are not in it; "
                "drive into another --out to record all",
                self.folder,
                len(lacking),
                ", ".join(lacking[:5]),
                ", ..." if len(lacking) > 5 else "",
            )


def _blank_card(settings: RecordSettings) -> DatasetCard:
    evaluation = settings.evaluation
    who = "its expert"
    if not is_by_expert(evaluation):
        who = (
            f"the student {evaluation.driver} (sha256 {evaluation.driver_sha256[:16]}), with the "
            "labels of its expert"
        )
    return blank_card(
        evaluation.simulator,
        f"{evaluation.driver}-{evaluation.simulator.kind}-s{evaluation.seed}",
        settings.rate_hz,
        settings.modalities,
        f"driven by {who}; settings in {SETTINGS_NAME}",
    )


def is_by_expert(evaluation: EvaluationSettings) -> bool:
    """Whether the simulator's own expert drives."""
    return not evaluation.driver_sha256


def episode_id(index: int) -> str:
    """The name of a drive's episode.

    Args:
        index: number of the drive among all, from 0.
    """
    return f"drive-{index:05d}"


@contextmanager
def recorded_drive(
    options: RecordOptions, evaluation: EvaluationSettings, route_ids: Sequence[str] = ()
) -> Iterator[DriveData]:
    """Lock the folder of a recording within the `with` block; begin it, or go on with it.

    Args:
        options: what is recorded.
        evaluation: that is driven; its simulator has the driver's camera.
        route_ids: of its routes, which name their conditions.

    Raises:
        UsageError: the folder holds something else, or was begun with other settings; or these
            settings are not possible.
    """
    settings, folder = record_settings(options, evaluation), options.folder
    if not exists(folder / SETTINGS_NAME) and exists(folder / CARD_NAME):
        raise UsageError(
            f"{folder}: holds a data set that `auxdrive drive --record` did not make; choose "
            "another folder"
        )
    with claim(folder, settings, _RECORDING):
        data = DriveData(folder, settings, _blank_card(settings), tuple(route_ids))
        write_atomic(folder / SETTINGS_NAME, settings.model_dump_json(indent=2).encode() + b"\n")
        clean_partial(folder)
        data.write_card()
        try:
            yield data
        finally:
            clean_partial(folder)


def _read(path: Path) -> RecordSettings:
    try:
        return read_model(path, RecordSettings)
    except DataError as error:
        raise DataError(f"{error}\nChoose another folder for --record") from error


def _has_episodes(folder: Path) -> bool:
    return any(not entry.name.startswith(".") for entry in entries(folder / EPISODES_DIR))


_RECORDING: FolderKind[RecordSettings] = FolderKind(
    "a recording of drives", SETTINGS_NAME, _read, record_differences, _has_episodes, "--record"
)
