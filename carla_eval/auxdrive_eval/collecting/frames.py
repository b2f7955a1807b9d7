"""What is written of a tick: what the sensors show, and what the expert would do there. Episodes of
`auxdrive collect` and drives of `auxdrive drive --record` are written here alike.

While a student drives, the label of a frame is what the expert would do there: its control, and
where it would be from then on (`ahead.npy`, see `auxdrive.data.episode_files`), as DAgger asks for
(Ross et al. 2011); and what it means to do (`plan.npy`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auxdrive.cards import CameraSpec
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.plan import ExpertPlan
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.route_follower import RouteFollower, TargetPoint
from auxdrive.standing import StandingTime
from auxdrive.types import Control, Float32

from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.capabilities import Foreseeing, Planning, SeesPoints
from auxdrive_eval.world import WorldState

AHEAD_S = 2.0
"""How far ahead the expert is followed from each frame of another driver: the last waypoint of the
task `waypoints`.
"""


@dataclass(frozen=True, slots=True)
class Recording:
    """What is recorded of a route.

    Attributes:
        modalities: that are sensed; the simulator must have each of them.
        ticks_per_frame: simulator ticks from one recorded frame to the next, 1 or more.
        lidar_points: whether the LiDAR's points are recorded too.
        ahead: whether it is recorded where the expert would be from each frame on, as far as the
            simulator can tell. Where the expert alone drives, the frames that follow say it.
    """

    modalities: Sequence[Modality]
    ticks_per_frame: int
    lidar_points: bool
    ahead: bool


class FrameRecorder:
    """Records one route into an episode: at every tick `label` and then `record`, whoever drives.

    Args:
        folder: the data set's.
        episode_id: name of the episode.
        simulator: in which the route is driven.
        route: that is driven.
        recorded: what is recorded of it.

    Attributes:
        writer: of the episode, to be closed or aborted by the caller.

    Raises:
        DataError: the disk cannot be written.
    """

    def __init__(
        self, folder: Path, episode_id: str, simulator: Simulator, route: Route, recorded: Recording
    ) -> None:
        self._simulator, self._recorded = simulator, recorded
        foresees = isinstance(simulator, Foreseeing) and recorded.ahead
        frame_s = recorded.ticks_per_frame * simulator.tick_s
        count = math.ceil(AHEAD_S / frame_s - 1e-9) if foresees else 0
        self._ahead = tuple(recorded.ticks_per_frame * (place + 1) for place in range(count))
        self._follower = RouteFollower(route.points, route.options)
        self._standing = StandingTime()
        self.writer = EpisodeWriter(
            folder,
            episode_id,
            recorded.modalities,
            frame_shapes(simulator.camera, recorded.modalities),
            ahead=count,
            lidar_points=recorded.lidar_points,
            plans=isinstance(simulator, Planning),
            keep_on_error=False,
        )

    def label(self, state: WorldState) -> Control:
        """The expert's control, which is the label. The expert is asked at every tick, since it may
        keep in mind what it has seen.

        Args:
            state: the world at this tick.
        """
        self._target = self._follower.update(state.ego)
        self._standing.update(state.speed_mps, state.time_s)
        return self._simulator.expert()

    def record(self, state: WorldState, label: Control, *, disturbed: bool) -> None:
        """Record the tick if it is one that is recorded.

        Args:
            state: the world at this tick.
            label: what `label` said of it.
            disturbed: whether the car does not follow the expert now.
        """
        if state.frame % self._recorded.ticks_per_frame:
            return
        simulator = self._simulator
        ahead: tuple[dict[str, float], ...] = ()
        if self._ahead:
            assert isinstance(simulator, Foreseeing)
            ahead = tuple(map(_pose_row, simulator.expert_ahead(self._ahead)))
        row = state_row(state, label, self._target, self._standing, disturbed)
        points = _points_of(simulator) if self._recorded.lidar_points else None
        plan, frames = _plan_of(simulator), simulator.sense(self._recorded.modalities)
        self.writer.append(frames, row, ahead, points, plan)


def _plan_of(simulator: Simulator) -> ExpertPlan | None:
    """What the simulator's expert means to do now; None where it does not say."""
    return simulator.expert_plan() if isinstance(simulator, Planning) else None


def _points_of(simulator: Simulator) -> Float32:
    """The LiDAR's points in a simulator whose row says that it gives them."""
    assert isinstance(simulator, SeesPoints), "its row says that it does"
    return simulator.lidar_points()


def _pose_row(state: WorldState) -> dict[str, float]:
    """Where the expert would be, and how its wheels would stand; its pedals are not known."""
    ego = {name: getattr(state.ego, name) for name in ("x_m", "y_m", "yaw_rad")}
    moving = {"speed_mps": state.speed_mps, "steer_rad": state.steer_rad}
    return {"time_s": state.time_s, **ego, **moving, "throttle": 0.0, "brake": 0.0}


def state_row(
    state: WorldState, label: Control, target: TargetPoint, standing: StandingTime, disturbed: bool
) -> dict[str, float]:
    """What is recorded beside the frames of a tick, by the fields of `STATE_DTYPE`.

    Args:
        state: the world at this tick.
        label: the expert's control.
        target: the target points and commands of this tick.
        standing: since when the car has stood still, or moved, updated at this tick.
        disturbed: whether the car does not follow the label.
    """
    return {
        "time_s": state.time_s,
        "x_m": state.ego.x_m,
        "y_m": state.ego.y_m,
        "yaw_rad": state.ego.yaw_rad,
        "speed_mps": state.speed_mps,
        "steer_rad": label.steer_rad,
        "throttle": label.throttle,
        "brake": label.brake,
        "command": int(target.command),
        "target_x_m": target.target_ego_m[0],
        "target_y_m": target.target_ego_m[1],
        "disturbed": int(disturbed),
        "target_2_x_m": target.next_targets_ego_m[0],
        "target_2_y_m": target.next_targets_ego_m[1],
        "target_3_x_m": target.next_targets_ego_m[2],
        "target_3_y_m": target.next_targets_ego_m[3],
        "next_command": int(target.next_command),
        "standing_s": standing.standing_s,
        "moving_s": standing.moving_s,
        "target_0_x_m": target.last_target_ego_m[0],
        "target_0_y_m": target.last_target_ego_m[1],
        "last_command": int(target.last_command),
    }


def frame_shapes(
    camera: CameraSpec, modalities: Sequence[Modality]
) -> dict[Modality, tuple[int, ...]]:
    """Frame shapes of the camera's modalities. The LiDAR histogram has a shape of its own.

    Args:
        camera: that takes the images.
        modalities: what is recorded.
    """
    return {
        m: MODALITIES[m].array_shape(camera.height, camera.width)
        for m in modalities
        if MODALITIES[m].camera_aligned
    }
