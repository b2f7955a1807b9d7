"""A worker of `collect`: it records episodes with one simulator."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from auxdrive.errors import AuxdriveError

from auxdrive_eval.collecting.carried import read_episode
from auxdrive_eval.collecting.disturbances import Disturbing
from auxdrive_eval.collecting.record import EpisodePlan, episode_folder, record_episode
from auxdrive_eval.collecting.settings import CollectSettings
from auxdrive_eval.collecting.student import StudentAtTheWheel, StudentFailed
from auxdrive_eval.driving.make_driver import MakeDriver
from auxdrive_eval.simulators.base import ATTEMPTS, SimulationCrashed, Simulator
from auxdrive_eval.simulators.settings import make_simulator, require_simulator

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An episode that was recorded: how many frames it has, and the files of one that does not lie
    in the data set yet, by their names.
    """

    frames: int
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MakeRecorder:
    """Makes a worker.

    Attributes:
        settings: of the data set.
        out: its folder; None for a worker on another machine.
        driver: makes the student that drives beside the expert; None where the expert drives alone.
    """

    settings: CollectSettings
    out: Path | None
    driver: MakeDriver | None = None

    def __call__(self) -> Recorder:
        return Recorder(self.settings, self.out, self.driver)

    def check_machine(self) -> None:
        """Refuse another machine that lacks the simulator or the student.

        Raises:
            ModuleNotFoundError: the simulator is not installed there.
            UsageError: the student is not there, is another one, or cannot be set up.
        """
        require_simulator(self.settings.simulator)
        if self.driver is not None:
            self.driver.check_machine()


class Recorder:
    """Records episodes with one simulator.

    Args:
        settings: of the data set.
        out: its folder; None where that lies on another machine.
        driver: makes the student that drives beside the expert; None where the expert drives alone.
    """

    def __init__(
        self, settings: CollectSettings, out: Path | None, driver: MakeDriver | None = None
    ) -> None:
        self._settings, self._out = settings, out
        self._driver = None if driver is None else driver()
        self._simulator: Simulator | None = None

    def __call__(self, plan: EpisodePlan) -> Recorded:
        if self._out is not None:
            return Recorded(self._record(plan, self._out))
        with tempfile.TemporaryDirectory(prefix="auxdrive-") as scratch:
            frames = self._record(plan, Path(scratch))
            folder = episode_folder(Path(scratch), plan.episode_id)
            return Recorded(frames, read_episode(folder))

    def _record(self, plan: EpisodePlan, out: Path) -> int:
        """Record an episode; again from its start, in a simulator that is made anew, if the
        simulation crashes or cannot be made.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self._recorded(plan, out)
            except SimulationCrashed as crashed:
                _log.warning(
                    "episode %s is recorded again: the simulation crashed: %s",
                    plan.episode_id,
                    crashed,
                )
                self._close_simulator()
        return self._recorded(plan, out)

    def _recorded(self, plan: EpisodePlan, out: Path) -> int:
        settings = self._settings
        if self._simulator is None:
            self._simulator = make_simulator(settings.simulator)
        try:
            return self._episode(self._simulator, plan, out)
        except StudentFailed as failed:
            raise AuxdriveError(
                f"episode {plan.episode_id} was not recorded: {failed}. Complete episodes are "
                "kept, and the same command goes on once the student drives"
            ) from failed

    def _episode(self, simulator: Simulator, plan: EpisodePlan, out: Path) -> int:
        settings, student = self._settings, None
        if self._driver is not None and settings.student is not None:
            student = StudentAtTheWheel(self._driver, settings.student)
        return record_episode(
            simulator,
            out,
            plan,
            settings.modalities,
            ticks_per_frame=settings.ticks_per_frame,
            max_episode_s=settings.max_episode_s,
            disturbing=Disturbing(
                settings.perturb,
                bool(settings.perturb_speed),
                settings.delay_starts,
                settings.delay_brakes,
            ),
            lidar_points=settings.lidar_points,
            student=student,
        )

    def close(self) -> None:
        """Release the simulator and the student."""
        if self._driver is not None:
            self._driver.close()
        self._close_simulator()

    def _close_simulator(self) -> None:
        simulator, self._simulator = self._simulator, None
        if simulator is not None:
            simulator.close()
