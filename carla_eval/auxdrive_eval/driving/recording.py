"""A drive as a data set: what the sensors showed while somebody drove, with the expert's labels.

While a student drives, the label of a frame is what the expert would do there: its control, and
where it would be from then on (`ahead.npy`, see `auxdrive.data.episode_files`), as DAgger asks for
(Ross et al. 2011); and what it means to do (`plan.npy`).
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.route_follower import RouteFollower
from auxdrive.standing import STANDING_MPS, StandingTime

from auxdrive_eval.collecting.carried import read_episode
from auxdrive_eval.collecting.record import (
    MAX_STANDING_S,
    frame_shapes,
    plan_of,
    points_of,
    state_row,
)
from auxdrive_eval.driving.drive_data import IN_EPISODE, DriveData, episode_id, is_by_expert
from auxdrive_eval.driving.onlookers import Moment
from auxdrive_eval.driving.runner import RouteResult
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.capabilities import Foreseeing, Planning
from auxdrive_eval.world import Route, WorldState

AHEAD_S = 2.0
"""How far ahead the expert is followed from each frame of another driver: the last waypoint of the
task `waypoints`.
"""


class RouteRecorder:
    """Records one drive of a route; see `auxdrive_eval.driving.onlookers.Onlooker`.

    The expert is asked at every tick, since it may keep in mind what it has seen. After standing
    for `MAX_STANDING_S` nothing is recorded until the car moves again. An earlier episode of the
    same drive, of a process that was killed before it had stored the route's result, is removed.

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
        period = settings.rate_hz * settings.evaluation.simulator.options.tick_s
        self._every, self._modalities = round(1 / period), settings.modalities
        self._with_points = settings.lidar_points
        self._by_expert = is_by_expert(settings.evaluation)
        foresees = isinstance(simulator, Foreseeing) and not self._by_expert
        count = math.ceil(AHEAD_S * settings.rate_hz - 1e-9) if foresees else 0
        self._ahead = tuple(self._every * (place + 1) for place in range(count))
        self._follower = RouteFollower(route.points, route.options)
        self._standing = StandingTime()
        self._moved_at_s = 0.0
        folder, self._scratch = data.folder, None
        if data.elsewhere:
            self._scratch = tempfile.TemporaryDirectory(prefix="auxdrive-")
            folder = Path(self._scratch.name)
        else:
            shutil.rmtree(data.path(index), ignore_errors=True)
        self._writer = EpisodeWriter(
            folder,
            episode_id(index),
            settings.modalities,
            frame_shapes(simulator.camera, settings.modalities),
            ahead=count,
            lidar_points=settings.lidar_points,
            plans=isinstance(simulator, Planning),
            keep_on_error=False,
        )

    def look(self, moment: Moment) -> None:
        """Ask the expert, and record the tick if it is one that is recorded."""
        state, simulator = moment.state, moment.simulator
        target = self._follower.update(state.ego)
        standing_s = self._standing.update(state.speed_mps, state.time_s)
        label = simulator.expert()
        if state.speed_mps > STANDING_MPS:
            self._moved_at_s = state.time_s
        if state.frame % self._every or state.time_s - self._moved_at_s > MAX_STANDING_S:
            return
        ahead: tuple[dict[str, float], ...] = ()
        if self._ahead:
            assert isinstance(simulator, Foreseeing)
            ahead = tuple(map(_pose_row, simulator.expert_ahead(self._ahead)))
        row = state_row(state, label, target, standing_s, disturbed=not self._by_expert)
        points = points_of(simulator) if self._with_points else None
        plan, frames = plan_of(simulator), simulator.sense(self._modalities)
        self._writer.append(frames, row, ahead, points, plan)

    def end(self, result: RouteResult) -> Mapping[str, bytes]:
        """Put the episode in its place, or give its files where that is on another machine; unless
        nothing was recorded or the simulation crashed.
        """
        if result.crashed or not len(self._writer):
            self.drop()
            return {}
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


def _pose_row(state: WorldState) -> dict[str, float]:
    """Where the expert would be, and how its wheels would stand; its pedals are not known."""
    ego = {name: getattr(state.ego, name) for name in ("x_m", "y_m", "yaw_rad")}
    moving = {"speed_mps": state.speed_mps, "steer_rad": state.steer_rad}
    return {"time_s": state.time_s, **ego, **moving, "throttle": 0.0, "brake": 0.0}
