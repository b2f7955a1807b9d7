"""Recording a data set in a simulator, on one process or several. It can be resumed, and the files
are the same, byte for byte, for any number of workers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from auxdrive.cards import DatasetCard
from auxdrive.data.dataset import read_card
from auxdrive.data.driving_mistakes import MistakesMade
from auxdrive.data.episode_files import CARD_NAME, clean_partial
from auxdrive.errors import UsageError
from auxdrive.machine.jobs import Workers
from auxdrive.machine.workers import run_jobs, workers_of
from auxdrive.modalities import classes_of, known_classes
from auxdrive.storage.claims import claim
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import exists

from auxdrive_eval.collecting.planning import refuse_one_town
from auxdrive_eval.collecting.record import episode_folder
from auxdrive_eval.collecting.recorder import MakeRecorder
from auxdrive_eval.collecting.seating import Student, seated
from auxdrive_eval.collecting.settings import SETTINGS_NAME, CollectSettings
from auxdrive_eval.collecting.store import Store, recording_kind
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
    kind = recording_kind(out)
    with seated(student, settings, out, who) as (whole, driver), claim(out, whole, kind):
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
    store = Store(settings, out)
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
