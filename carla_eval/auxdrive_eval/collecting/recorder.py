"""A worker of `collect`: it records episodes with one simulator."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from auxdrive_eval.collecting.carried import read_episode
from auxdrive_eval.collecting.record import EpisodePlan, episode_folder, record_episode
from auxdrive_eval.collecting.settings import CollectSettings
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
    """Makes a worker that records into `out`; None for one on another machine."""

    settings: CollectSettings
    out: Path | None

    def __call__(self) -> Recorder:
        return Recorder(self.settings, self.out)

    def check_machine(self) -> None:
        """Refuse another machine that lacks the simulator.

        Raises:
            ModuleNotFoundError: it is not installed there.
        """
        require_simulator(self.settings.simulator)


class Recorder:
    """Records episodes with one simulator.

    Args:
        settings: of the data set.
        out: its folder; None where that lies on another machine.
    """

    def __init__(self, settings: CollectSettings, out: Path | None) -> None:
        self._settings, self._out = settings, out
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
                self.close()
        return self._recorded(plan, out)

    def _recorded(self, plan: EpisodePlan, out: Path) -> int:
        settings = self._settings
        if self._simulator is None:
            self._simulator = make_simulator(settings.simulator)
        return record_episode(
            self._simulator,
            out,
            plan,
            settings.modalities,
            ticks_per_frame=settings.ticks_per_frame,
            max_episode_s=settings.max_episode_s,
            perturb=settings.perturb,
            lidar_points=settings.lidar_points,
        )

    def close(self) -> None:
        """Release the simulator."""
        simulator, self._simulator = self._simulator, None
        if simulator is not None:
            simulator.close()
