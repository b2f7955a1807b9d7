"""The episodes of a recording on disk: which are there and which are missing, their card, and what
a folder of them belongs to.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path

from auxdrive.cards import DatasetCard
from auxdrive.data.driving_mistakes import MistakesMade, mistakes_made
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.errors import UsageError
from auxdrive.storage.claims import FolderKind, changed
from auxdrive.storage.reading import entries, is_folder

from auxdrive_eval.collecting.card import blank_card
from auxdrive_eval.collecting.carried import write_episode
from auxdrive_eval.collecting.planning import origins_of, planned_episode, splits_of
from auxdrive_eval.collecting.record import EpisodePlan, episode_folder, episode_id
from auxdrive_eval.collecting.recorder import Recorded
from auxdrive_eval.collecting.settings import SETTINGS_NAME, CollectSettings, read_settings


@dataclass
class Store:
    """The episodes of a recording that are on disk.

    Attributes:
        settings: of the recording.
        out: the data set's folder.
        frames: number of frames of each episode, by its number.
    """

    settings: CollectSettings
    out: Path
    frames: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        # The whole name must match: a copy beside an episode, such as s0-00000.bak, is not part of
        # it.
        ours = re.compile(rf"s{self.settings.seed}-(\d{{5,9}})")
        numbers = [
            (int(match[1]), path)
            for path in entries(episode_folder(self.out, ""))
            if (match := ours.fullmatch(path.name))
        ]
        found = [
            (index, path)
            for index, path in numbers
            if path.name == episode_id(self.settings.seed, index) and is_folder(path)
        ]
        self.frames = {index: len(EpisodeReader(path)) for index, path in found}

    @property
    def total_frames(self) -> int:
        return sum(self.frames.values())

    def missing(self) -> Iterator[EpisodePlan]:
        """Plans of the episodes that are still to be recorded, until there are enough."""
        for index in count():
            if self._enough(index):
                return
            if index not in self.frames:
                yield planned_episode(self.settings, index)

    def _enough(self, index: int) -> bool:
        """Whether the data set is complete without the episode `index`."""
        if self.settings.episodes is not None:
            return index >= self.settings.episodes
        assert self.settings.frames is not None
        return (
            sum(frames for other, frames in self.frames.items() if other < index)
            >= self.settings.frames
        )

    def add(self, plan: EpisodePlan, episode: Recorded) -> None:
        """Count an episode, and write it if it comes from another machine.

        Args:
            plan: of the episode.
            episode: as its worker recorded it.
        """
        if episode.files:
            write_episode(episode_folder(self.out, plan.episode_id), episode.files)
        self.frames[plan.index] = episode.frames

    def trim(self) -> None:
        """Remove the episodes that are not needed."""
        for index in sorted(self.frames):
            if self._enough(index):
                shutil.rmtree(episode_folder(self.out, episode_id(self.settings.seed, index)))
                del self.frames[index]

    def write_card(self) -> DatasetCard:
        """Write and return the card of the episodes that are there. Before the first, it has no
        splits.
        """
        there = sorted(self.frames)
        splits, origins = splits_of(there, self.settings), origins_of(there, self.settings)
        card = self._blank_card.model_copy(update={"splits": splits, "episodes": origins})
        write_card(self.out, card)
        return card

    @cached_property
    def _blank_card(self) -> DatasetCard:
        """The card without its splits. What it says about the simulator does not change."""
        settings, who = self.settings, "its expert"
        if (student := settings.student) is not None:
            who = (
                f"the student {student.name} (sha256 {student.sha256[:16]}) and, with probability "
                f"{student.mix:g}, its expert, with the labels of the expert"
            )
        return blank_card(
            settings.simulator,
            f"{settings.simulator.kind}-s{settings.seed}",
            settings.rate_hz,
            settings.modalities,
            f"driven by {who}; settings in {SETTINGS_NAME}",
        )

    def mistakes(self) -> MistakesMade:
        """What went wrong in the episodes that are there."""
        seed = self.settings.seed
        readers = (
            EpisodeReader(episode_folder(self.out, episode_id(seed, index)))
            for index in sorted(self.frames)
        )
        return mistakes_made((each.state["time_s"], each.mistakes) for each in readers)


def _has_episodes(out: Path) -> bool:
    return any(not folder.name.startswith(".") for folder in entries(episode_folder(out, "")))


def more_settings(out: Path, episodes: int) -> CollectSettings:
    """The settings of the recording in `out`, to go on with it.

    Args:
        out: the data set's folder.
        episodes: how many more to record than the recording has, 1 or more.

    Raises:
        UsageError: there is no recording, or `episodes` is less than 1.
        DataError: its settings are damaged.
    """
    path = out / SETTINGS_NAME
    if episodes < 1:
        raise UsageError(f"--more takes a number of episodes, 1 or more, got {episodes}")
    if not path.exists():
        raise UsageError(
            f"{out}: holds no recording of `auxdrive collect` to continue; leave --more out to "
            "begin one"
        )
    earlier = read_settings(path)
    if earlier.student is not None:
        raise UsageError(
            f"{out}: the student {earlier.student.name} drove there, and --more does not know "
            "where it lies; give the first command again, with larger --episodes"
        )
    there = len(Store(earlier, out).frames)
    return earlier.model_copy(update={"episodes": there + episodes, "frames": None})


def recording_kind(out: Path) -> FolderKind[CollectSettings]:
    """The kind of folder that `auxdrive collect` fills. Asking for more episodes or frames than
    before is no difference of settings.

    Args:
        out: the data set's folder.
    """

    def differences(earlier: CollectSettings, now: CollectSettings) -> list[str]:
        names = [
            name
            for name in CollectSettings.model_fields
            if getattr(earlier, name) != getattr(now, name)
        ]
        for name in ("episodes", "frames"):
            before, wanted = getattr(earlier, name), getattr(now, name)
            if name in names and before is not None and wanted is not None and wanted > before:
                names.remove(name)
        episodes = now.episodes if {"episodes", "frames"} <= set(names) else None
        # The number of episodes decides now, which is allowed if there are not more already.
        if episodes is not None and episodes >= len(Store(earlier, out).frames):
            names = [name for name in names if name not in ("episodes", "frames")]
        return [changed(name, getattr(earlier, name), getattr(now, name)) for name in names]

    return FolderKind("a recording", SETTINGS_NAME, read_settings, differences, _has_episodes)
