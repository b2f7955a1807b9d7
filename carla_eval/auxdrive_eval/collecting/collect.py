"""Recording a data set in a simulator, on one process or several. It can be resumed, and the files
are the same, byte for byte, for any number of workers.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path

from auxdrive.cards import DatasetCard
from auxdrive.data.dataset import read_card
from auxdrive.data.driving_mistakes import MistakesMade, mistakes_made
from auxdrive.data.episode_files import CARD_NAME, clean_partial, write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.errors import UsageError
from auxdrive.machine.jobs import Workers
from auxdrive.machine.workers import run_jobs, workers_of
from auxdrive.modalities import classes_of, known_classes
from auxdrive.storage.claims import FolderKind, changed, claim
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import entries, exists, is_folder

from auxdrive_eval.collecting.card import blank_card
from auxdrive_eval.collecting.carried import write_episode
from auxdrive_eval.collecting.planning import (
    origins_of,
    planned_episode,
    refuse_one_town,
    splits_of,
)
from auxdrive_eval.collecting.record import (
    EpisodePlan,
    episode_folder,
    episode_id,
)
from auxdrive_eval.collecting.recorder import MakeRecorder, Recorded
from auxdrive_eval.collecting.seating import Student, seated
from auxdrive_eval.collecting.settings import (
    SETTINGS_NAME,
    CollectSettings,
    read_settings,
)
from auxdrive_eval.driving.make_driver import MakeDriver
from auxdrive_eval.simulators.settings import require_simulator


@dataclass(frozen=True, slots=True)
class Collected:
    """What the data set holds now.

    Attributes:
        episodes: number of its episodes.
        frames: number of their frames.
        recorded: how many of the episodes this call recorded.
        surplus: how many episodes this call recorded and removed again. With several workers, some
            are under way when there are enough frames already.
        mistakes: what the student did wrong; None where the expert drove alone.
    """

    out: Path
    card: DatasetCard
    episodes: int
    frames: int
    recorded: int
    surplus: int = 0
    mistakes: MistakesMade | None = None


def collect(
    settings: CollectSettings,
    out: Path,
    *,
    workers: int | Workers = 1,
    on_episode: Callable[[int, int], None] | None = None,
    student: Student | None = None,
) -> Collected:
    """Record into `out`, or continue a recording with the same settings.

    The data set can be read at any time: an episode appears only when it is complete, and then the
    card is rewritten. An episode depends only on the settings and on its own number. With `frames`,
    the data set is the shortest sequence of episodes 0, 1, 2, ... that holds so many frames;
    episodes after these, which other workers had begun, are removed.

    Args:
        settings: what to record.
        out: the data set's folder.
        workers: number of processes on this machine, or `RayWorkers`; the data do not depend on it.
        on_episode: called once at the beginning and after each episode, with the numbers of
            episodes and frames that are there; None tells nobody.
        student: who drives beside the expert, through its own camera; None where the expert drives
            alone.

    Raises:
        UsageError: `out` was recorded with other settings, or has more episodes than are asked for.
        AuxdriveError: the student cannot be set up, or failed; complete episodes are kept.
        DataError: the disk is full or cannot be written; complete episodes are kept.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive.modalities import Modality
        >>> from auxdrive_eval import SimulatorSettings, collect, collect_settings
        >>> simulator = SimulatorSettings(options={"traffic": 5})
        >>> settings = collect_settings(simulator, [Modality.RGB], episodes=1, max_episode_s=2.0)
        >>> collected = collect(settings, Path("recorded"))
        >>> collected.episodes, collected.frames
        (1, 8)
    """
    who = workers_of(workers)
    require_simulator(settings.simulator)
    _refuse_foreign_data(out)
    _refuse_other_classes(out, settings)
    refuse_one_town(settings)
    with seated(student, settings, out, who) as (whole, driver), claim(out, whole, _recording(out)):
        write_atomic(out / SETTINGS_NAME, whole.model_dump_json(indent=2).encode() + b"\n")
        clean_partial(out)
        return _record_what_is_missing(whole, out, who, on_episode, driver)


def _record_what_is_missing(
    settings: CollectSettings,
    out: Path,
    workers: Workers,
    on_episode: Callable[[int, int], None] | None,
    driver: MakeDriver | None,
) -> Collected:
    store = _Store(settings, out)
    store.write_card()
    tell = on_episode or (lambda *_: None)
    tell(len(store.frames), store.total_frames)
    recorded: set[int] = set()
    try:
        make = MakeRecorder(settings, None if workers.elsewhere else out, driver)
        for plan, episode in run_jobs(make, store.missing(), workers):
            recorded.add(plan.index)
            store.add(plan, episode)
            store.write_card()
            tell(len(store.frames), store.total_frames)
    finally:
        clean_partial(out)
    store.trim()
    card = store.write_card()
    kept = recorded & store.frames.keys()
    surplus = len(recorded) - len(kept)
    mistakes = store.mistakes() if settings.student is not None else None
    return Collected(out, card, len(store.frames), store.total_frames, len(kept), surplus, mistakes)


@dataclass
class _Store:
    """The episodes of a recording that are on disk. `frames` maps an episode's number to its
    frames.
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
        """Count an episode, and write it if it comes from another machine."""
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


def _refuse_foreign_data(out: Path) -> None:
    """Refuse a data set that another program made, which has no settings file of ours."""
    if not exists(out / SETTINGS_NAME) and (
        exists(out / CARD_NAME) or exists(episode_folder(out, ""))
    ):
        raise UsageError(
            f"{out}: holds a data set that `auxdrive collect` did not make; choose another --out"
        )


def _refuse_other_classes(out: Path, settings: CollectSettings) -> None:
    """Refuse to go on with a recording whose segmentation has fewer classes than today's."""
    now = classes_of(settings.modalities)
    if not now or not exists(out / CARD_NAME):
        return
    before = known_classes(read_card(out).classes)
    if before != now:
        raise UsageError(
            f"{out}: its segmentation has {len(before)} classes, that of this version has "
            f"{len(now)} (also {', '.join(now[len(before) :])}), and one data set holds images "
            "of one kind; choose another --out"
        )


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
    there = len(_Store(earlier, out).frames)
    return earlier.model_copy(update={"episodes": there + episodes, "frames": None})


def _recording(out: Path) -> FolderKind[CollectSettings]:
    """The kind of folder that `auxdrive collect` fills. Asking for more episodes or frames than
    before is no difference of settings.
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
        if episodes is not None and episodes >= len(_Store(earlier, out).frames):
            names = [name for name in names if name not in ("episodes", "frames")]
        return [changed(name, getattr(earlier, name), getattr(now, name)) for name in names]

    return FolderKind("a recording", SETTINGS_NAME, read_settings, differences, _has_episodes)
