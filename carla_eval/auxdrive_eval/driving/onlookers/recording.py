"""A drive as a data set: what the sensors showed while somebody drove, with the expert's labels, as
`auxdrive_eval.collecting.frames` writes them; and the mistakes that the rules found.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from auxdrive.standing import STANDING_MPS

from auxdrive_eval.collecting.carried import read_episode
from auxdrive_eval.collecting.frames import FrameRecorder, Recording
from auxdrive_eval.collecting.record import MAX_STANDING_S
from auxdrive_eval.collecting.student import mistakes_among
from auxdrive_eval.driving.onlookers.base import Moment
from auxdrive_eval.driving.onlookers.drive_data import (
    IN_EPISODE,
    DriveData,
    episode_id,
    is_by_expert,
)
from auxdrive_eval.driving.runner import RouteResult
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import Simulator


class RouteRecorder:
    """Records one drive of a route; see `auxdrive_eval.driving.onlookers.base.Onlooker`.

    After standing for `MAX_STANDING_S` nothing is recorded until the car moves again. An earlier
    episode of the same drive, of a process that was killed before it had stored the route's result,
    is removed.

    Args:
        data: the data set.
        simulator: in which the route is driven.
        route: that is driven.
        index: number of the drive among all, from 0.

    Raises:
        DataError: the disk cannot be written.
    """

    def __init__(self, data: DriveData, simulator: Simulator, route: Route, index: int) -> None:
        settings = data.settings
        self._by_expert = is_by_expert(settings.evaluation)
        self._moved_at_s = 0.0
        folder, self._scratch = data.folder, None
        if data.elsewhere:
            self._scratch = tempfile.TemporaryDirectory(prefix="auxdrive-")
            folder = Path(self._scratch.name)
        else:
            shutil.rmtree(data.path(index), ignore_errors=True)
        recorded = Recording(
            settings.modalities,
            settings.ticks_per_frame,
            settings.lidar_points,
            ahead=not self._by_expert,
        )
        self._frames = FrameRecorder(folder, episode_id(index), simulator, route, recorded)
        self._writer = self._frames.writer

    def look(self, moment: Moment) -> None:
        """Ask the expert, and record the tick if it is one that is recorded."""
        state = moment.state
        if state.speed_mps > STANDING_MPS:
            self._moved_at_s = state.time_s
        label = self._frames.label(state)
        if state.time_s - self._moved_at_s <= MAX_STANDING_S:
            self._frames.record(state, label, disturbed=not self._by_expert)

    def end(self, result: RouteResult) -> Mapping[str, bytes]:
        """Put the episode in its place, or give its files where that is on another machine; unless
        nothing was recorded or the simulation crashed.
        """
        if result.crashed or not len(self._writer):
            self.drop()
            return {}
        for mistake in () if self._by_expert else mistakes_among(result.events):
            self._writer.note_mistake(mistake)
        self._writer.close()
        if self._scratch is None:
            return {}
        with self._scratch:
            files = read_episode(self._writer.path)
        return {IN_EPISODE + name: content for name, content in files.items()}

    def drop(self) -> None:
        """Remove what was recorded."""
        self._writer.abort()
        if self._scratch is not None:
            self._scratch.cleanup()
