"""Recording a data set in a simulator: on several processes, resumable, the same bytes
for any number of workers.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Self

import numpy as np
from auxdrive.cards import DatasetCard
from auxdrive.data.episode_files import CARD_NAME, clean_partial, write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import Modality
from auxdrive.storage.claims import FolderKind, changed, claim
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import entries, exists, is_folder
from auxdrive.strict import Strict, mistakes_of, read_model
from pydantic import Field, ValidationError, model_validator

from auxdrive_eval.collecting.record import (
    EpisodePlan,
    episode_folder,
    episode_id,
    plan_episode,
    record_episode,
)
from auxdrive_eval.routes.plan import COLLECT_SEEDS
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from auxdrive_eval.workers import check_workers, run_jobs

SETTINGS_NAME = "collect.json"
BLOCK = 10
"""One episode of so many is for validation."""


class CollectSettings(Strict):
    """What decides the content of a recording. Either `episodes` or `frames` says how much;
    `frames` is a minimum.

    split: put all episodes in the split of this name; None makes 'train', 'val' and 'test'.
    """

    simulator: SimulatorSettings = Field(default_factory=SimulatorSettings)
    modalities: tuple[Modality, ...]
    rate_hz: float = Field(default=4.0, gt=0)
    seed: int = Field(default=0, ge=0)
    route_seeds: tuple[int, ...] = tuple(COLLECT_SEEDS)
    episodes: int | None = Field(default=None, ge=1)
    frames: int | None = Field(default=None, ge=1)
    max_episode_s: float = Field(default=60.0, gt=0)
    perturb: bool = True
    split: str | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if (self.episodes is None) == (self.frames is None):
            raise ValueError("give the number of episodes or of frames")
        if not self.route_seeds:
            raise ValueError("there are no route seeds")
        sensed = self.simulator.spec.sensors
        unknown = [modality.value for modality in self.modalities if modality not in sensed]
        if unknown or not self.modalities or len(set(self.modalities)) != len(self.modalities):
            raise ValueError(
                f"record some of {', '.join(sensed)}, each once; the other modalities are derived "
                "from these, where they can be had"
            )
        tick_s = self.simulator.options.tick_s
        ticks = 1 / (self.rate_hz * tick_s)
        if ticks < 1 - 1e-9 or abs(ticks - round(ticks)) > 1e-9:
            raise ValueError(
                f"{self.rate_hz} Hz is not a whole number of the simulator's ticks of {tick_s} s"
            )
        return self

    @property
    def ticks_per_frame(self) -> int:
        """Simulator ticks from one recorded frame to the next."""
        return round(1 / (self.rate_hz * self.simulator.options.tick_s))


def collect_settings(
    simulator: SimulatorSettings | None = None,
    modalities: Sequence[Modality] | None = None,
    **values: object,
) -> CollectSettings:
    """Settings from what a user typed.

    Args:
        simulator: None is the embedded one as it is by default.
        modalities: what is recorded; None is all that the simulator senses.
        values: the other fields of `CollectSettings`.

    Raises:
        UsageError: they are not possible; every mistake is named.
    """
    simulator = simulator or SimulatorSettings()
    recorded = simulator.spec.sensors if modalities is None else tuple(modalities)
    try:
        return CollectSettings.model_validate(
            {"simulator": simulator, "modalities": recorded, **values}
        )
    except ValidationError as error:
        raise UsageError("; ".join(mistakes_of(error, CollectSettings))) from None


@dataclass(frozen=True, slots=True)
class Collected:
    """What is in the data set now. `recorded` of its episodes are new; `surplus` further ones were
    recorded beside them by other workers, and removed since the frames that were asked for were
    there without them.
    """

    out: Path
    card: DatasetCard
    episodes: int
    frames: int
    recorded: int
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class _MakeRecorder:
    settings: CollectSettings
    out: Path

    def __call__(self) -> _Recorder:
        return _Recorder(self.settings, self.out)


class _Recorder:
    """Records episodes with one simulator."""

    def __init__(self, settings: CollectSettings, out: Path) -> None:
        self._settings, self._out = settings, out
        self._simulator = make_simulator(settings.simulator)

    def __call__(self, plan: EpisodePlan) -> int:
        settings = self._settings
        return record_episode(
            self._simulator,
            self._out,
            plan,
            settings.modalities,
            ticks_per_frame=settings.ticks_per_frame,
            max_episode_s=settings.max_episode_s,
            perturb=settings.perturb,
        )

    def close(self) -> None:
        self._simulator.close()


def collect(
    settings: CollectSettings,
    out: Path,
    *,
    workers: int = 1,
    on_episode: Callable[[int, int], None] | None = None,
) -> Collected:
    """Record into `out`, or go on with what an equal recording has left there.

    The data set is readable at any time: an episode appears when it is whole, and the card is
    written anew after each. Episodes depend on the settings and their number alone. When `frames`
    are asked for, the data set is the shortest row of episodes 0, 1, 2, ... that holds them;
    episodes beyond, which other workers had begun, are removed.

    Args:
        on_episode: called with the numbers of episodes and frames so far.

    Raises:
        UsageError: `out` was recorded under other settings, or asks for fewer episodes than are
            there.
        DataError: the disk is full or refuses; complete episodes stay.
    """
    check_workers(workers)
    _refuse_foreign_data(out)
    with claim(out, settings, _recording(out)):
        write_atomic(out / SETTINGS_NAME, settings.model_dump_json(indent=2).encode() + b"\n")
        clean_partial(out)
        return _record_what_is_missing(settings, out, workers, on_episode)


def _record_what_is_missing(
    settings: CollectSettings,
    out: Path,
    workers: int,
    on_episode: Callable[[int, int], None] | None,
) -> Collected:
    store = _Store(settings, out)
    store.write_card()
    tell = on_episode or (lambda *_: None)
    tell(len(store.frames), store.total_frames)
    recorded: set[int] = set()
    try:
        for plan, frames in run_jobs(_MakeRecorder(settings, out), store.missing(), workers):
            recorded.add(plan.index)
            store.frames[plan.index] = frames
            store.write_card()
            tell(len(store.frames), store.total_frames)
    finally:
        clean_partial(out)
    store.trim()
    card = store.write_card()
    kept = recorded & store.frames.keys()
    return Collected(
        out, card, len(store.frames), store.total_frames, len(kept), len(recorded) - len(kept)
    )


@dataclass
class _Store:
    """The episodes of a recording that are on disk: frames of each by its number."""

    settings: CollectSettings
    out: Path
    frames: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        # By whole names: a copy of an episode beside it, as s0-00000.bak, is none of ours.
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
        """Plans of the episodes still to be recorded, until enough are there."""
        for index in count():
            if self._enough(index):
                return
            if index not in self.frames:
                yield plan_episode(self.settings.seed, index, self.settings.route_seeds)

    def _enough(self, index: int) -> bool:
        """Whether the episode `index` is not needed any more."""
        if self.settings.episodes is not None:
            return index >= self.settings.episodes
        assert self.settings.frames is not None
        return (
            sum(frames for other, frames in self.frames.items() if other < index)
            >= self.settings.frames
        )

    def trim(self) -> None:
        """Remove the episodes that are not needed."""
        for index in sorted(self.frames):
            if self._enough(index):
                shutil.rmtree(episode_folder(self.out, episode_id(self.settings.seed, index)))
                del self.frames[index]

    def write_card(self) -> DatasetCard:
        """The card of what is there. Before the first episode it has no splits."""
        splits = splits_of(sorted(self.frames), self.settings)
        card = self._blank_card.model_copy(update={"splits": splits})
        write_card(self.out, card)
        return card

    @cached_property
    def _blank_card(self) -> DatasetCard:
        """The card without its splits: what it says of the simulator does not change."""
        settings = self.settings.simulator
        with closing(make_simulator(settings, sensors=False)) as simulator:
            return DatasetCard(
                name=f"{settings.kind}-s{self.settings.seed}",
                rate_hz=self.settings.rate_hz,
                modalities=self.settings.modalities,
                camera=simulator.camera,
                steering=simulator.steering,
                vehicle=simulator.vehicle,
                source=f"{settings.spec.title}, driven by its expert; settings in {SETTINGS_NAME}",
            )


def splits_of(indices: list[int], settings: CollectSettings) -> dict[str, tuple[str, ...]]:
    """Episodes by split: of every ten, drawn from the seed, one is for validation and another for
    the test.

    Where the first ten are not complete and hold no such episode, the last ones take their place.
    """
    names = {index: episode_id(settings.seed, index) for index in indices}
    if settings.split is not None:
        return {settings.split: tuple(names.values())} if names else {}
    held: dict[str, set[int]] = {"val": set(), "test": set()}
    for index in indices:
        places = _held_out(settings.seed, index // BLOCK)
        for name, place in zip(held, places, strict=True):
            if index % BLOCK == place:
                held[name].add(index)
    for taken_so_far, name in enumerate(held, start=1):
        free = [index for index in indices if not any(index in taken for taken in held.values())]
        if not held[name] and len(indices) > taken_so_far and free:
            held[name] = {free[-1]}
    chosen = set().union(*held.values())
    groups = {
        "train": [index for index in indices if index not in chosen],
        **{name: sorted(taken) for name, taken in held.items()},
    }
    return {name: tuple(names[index] for index in group) for name, group in groups.items() if group}


def _held_out(seed: int, block: int) -> tuple[int, int]:
    """Places of the validation and test episodes within a block of ten."""
    places = np.random.default_rng([seed, block]).choice(BLOCK, size=2, replace=False)
    return int(places[0]), int(places[1])


def _refuse_foreign_data(out: Path) -> None:
    """Refuse a data set that something else made: it has no settings of ours."""
    if not exists(out / SETTINGS_NAME) and (
        exists(out / CARD_NAME) or exists(episode_folder(out, ""))
    ):
        raise UsageError(
            f"{out}: holds a data set that `auxdrive collect` did not make; choose another --out"
        )


def _has_episodes(out: Path) -> bool:
    return any(not folder.name.startswith(".") for folder in entries(episode_folder(out, "")))


def more_settings(out: Path, episodes: int) -> CollectSettings:
    """The settings of the recording in `out`, asking for so many episodes more than are there.

    Raises:
        UsageError: no recording is there, or `episodes` is less than 1. DataError: its settings are
            damaged.
    """
    path = out / SETTINGS_NAME
    if episodes < 1:
        raise UsageError(f"--more takes a number of episodes, 1 or more, got {episodes}")
    if not path.exists():
        raise UsageError(
            f"{out}: holds no recording of `auxdrive collect` that could be gone on with; leave "
            "--more out to begin one"
        )
    earlier = _read_settings(path)
    there = len(_Store(earlier, out).frames)
    return earlier.model_copy(update={"episodes": there + episodes, "frames": None})


def _read_settings(path: Path) -> CollectSettings:
    try:
        return read_model(path, CollectSettings)
    except DataError as error:
        raise DataError(f"{error}\nChoose another --out") from error


def _recording(out: Path) -> FolderKind[CollectSettings]:
    """What `auxdrive collect` fills a folder with; it may grow."""

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
        # by episodes now, and none there is too many
        if episodes is not None and episodes >= len(_Store(earlier, out).frames):
            names = [name for name in names if name not in ("episodes", "frames")]
        return [changed(name, getattr(earlier, name), getattr(now, name)) for name in names]

    return FolderKind("a recording", SETTINGS_NAME, _read_settings, differences, _has_episodes)
