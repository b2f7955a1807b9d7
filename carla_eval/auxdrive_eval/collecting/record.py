"""Recording one episode: the expert drives a route, with disturbances, and what the sensors see is
written at the recording rate.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from auxdrive.cards import CameraSpec
from auxdrive.data.episode_files import EPISODES_DIR
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.plan import ExpertPlan
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.route_follower import RouteFollower, TargetPoint
from auxdrive.standing import STANDING_MPS, StandingTime
from auxdrive.types import Control, Float32

from auxdrive_eval.collecting.perturbation import Perturbation
from auxdrive_eval.conditions import in_condition
from auxdrive_eval.scoring import DEFAULT_RULES, RULE_SETS
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.capabilities import Planning, SeesPoints
from auxdrive_eval.world import Route, WorldState

_LOG = logging.getLogger(__name__)
MAX_STANDING_S = 45.0
"""An episode ends when the ego has stood this long. A red light is shorter, and from a longer jam a
student learns nothing new.
"""


@dataclass(frozen=True, slots=True)
class EpisodePlan:
    """Everything that decides an episode's content, besides the settings of the whole recording.

    Attributes:
        index: number of the episode within the recording, from 0.
        episode_id: name of its folder.
        route_seed: seed of its route, town and weather (`Simulator.random_route`).
        traffic_seed: seed of traffic and lights.
        perturbation_seed: seed of the disturbances of the steering.
        condition: of the weather; empty for the route's own.
    """

    index: int
    episode_id: str
    route_seed: int
    traffic_seed: int
    perturbation_seed: int
    condition: str = ""


def plan_episode(seed: int, index: int, route_seeds: Sequence[int]) -> EpisodePlan:
    """Plan an episode. No route repeats before every route seed has been used.

    Args:
        seed: of the recording, 0 or more.
        index: number of the episode within the recording, from 0.
        route_seeds: the seeds of all routes that the recording may use.
    """
    turn, place = divmod(index, len(route_seeds))
    order = np.random.default_rng([seed, turn]).permutation(len(route_seeds))
    traffic_seed, perturbation_seed = (
        int(word) for word in np.random.SeedSequence([seed, index]).generate_state(2)
    )
    return EpisodePlan(
        index,
        episode_id(seed, index),
        int(route_seeds[order[place]]),
        traffic_seed,
        perturbation_seed,
    )


def episode_id(seed: int, index: int) -> str:
    """The name of an episode: the recording's seed and the episode's number, such as `s0-00012`.

    Args:
        seed: of the recording.
        index: number of the episode within the recording, from 0.
    """
    return f"s{seed}-{index:05d}"


def record_episode(
    simulator: Simulator,
    out: Path,
    plan: EpisodePlan,
    modalities: Sequence[Modality],
    *,
    ticks_per_frame: int,
    max_episode_s: float,
    perturb: bool,
    lidar_points: bool = False,
) -> int:
    """Record an episode. The sensors are rendered only at the ticks that are recorded.

    The label is always the expert's control, also while the executed steering is disturbed. The
    episode ends at the end of the route, after `max_episode_s`, at a collision (which no student
    should copy), or when the ego stands too long.

    Args:
        simulator: where the expert drives; it must have the sensors.
        out: the data set's folder.
        plan: what decides the episode's content.
        modalities: what is recorded; the simulator must sense each of them.
        ticks_per_frame: simulator ticks from one recorded frame to the next, 1 or more.
        max_episode_s: longest duration of the episode, in seconds of game time.
        perturb: whether the steering is disturbed at times.
        lidar_points: whether the LiDAR's points are recorded too.

    Returns:
        The number of frames.

    Raises:
        DataError: the disk cannot be written; no incomplete episode is left.
        SimulatorError: what the simulator raises.
    """
    route = simulator.random_route(plan.route_seed)
    if plan.condition:
        route = in_condition(route, plan.condition, plan.route_seed)
    state = simulator.reset(route, plan.traffic_seed)
    follower, standing = RouteFollower(route.points, route.options), StandingTime()
    perturbation = Perturbation(plan.perturbation_seed) if perturb else None
    over = _End(route, max_episode_s)
    shapes = frame_shapes(simulator.camera, modalities)
    with EpisodeWriter(
        out,
        plan.episode_id,
        modalities,
        shapes,
        lidar_points=lidar_points,
        plans=isinstance(simulator, Planning),
        keep_on_error=False,
    ) as writer:
        while not over.reached(state):
            target = follower.update(state.ego)
            standing_s = standing.update(state.speed_mps, state.time_s)
            control = simulator.expert()
            if state.frame % ticks_per_frame == 0:
                disturbed = perturbation is not None and perturbation.offset_rad(state.time_s) != 0
                row = state_row(state, control, target, standing_s, disturbed)
                points = points_of(simulator) if lidar_points else None
                expert_plan = plan_of(simulator)
                frames = simulator.sense(modalities)
                writer.append(frames, row, lidar_points=points, plan=expert_plan)
            state = simulator.step(
                control if perturbation is None else perturbation.apply(control, state.time_s)
            )
        _LOG.debug(
            f"{plan.episode_id}: {len(writer)} frames, {state.time_s:.1f} s of game time, "
            f"route {plan.route_seed}"
        )
        return len(writer)


def plan_of(simulator: Simulator) -> ExpertPlan | None:
    """What the simulator's expert means to do now; None where it does not say."""
    return simulator.expert_plan() if isinstance(simulator, Planning) else None


def points_of(simulator: Simulator) -> Float32:
    """The LiDAR's points in a simulator whose row says that it gives them."""
    assert isinstance(simulator, SeesPoints), "its row says that it does"
    return simulator.lidar_points()


def state_row(
    state: WorldState, label: Control, target: TargetPoint, standing_s: float, disturbed: bool
) -> dict[str, float]:
    """What is recorded beside the frames of a tick, by the fields of `STATE_DTYPE`.

    Args:
        state: the world at this tick.
        label: the expert's control.
        target: the target points and commands of this tick.
        standing_s: since when the car has stood still.
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
        "standing_s": standing_s,
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


class _End:
    """Decides when an episode is over."""

    def __init__(self, route: Route, max_episode_s: float) -> None:
        self._completion = RULE_SETS[DEFAULT_RULES].completion(route)
        self._max_episode_s = max_episode_s
        self._moved_at_s = 0.0

    def reached(self, state: WorldState) -> bool:
        """Whether the episode is over; call it once for each tick."""
        completed = bool(self._completion.update(state))
        if state.speed_mps > STANDING_MPS:
            self._moved_at_s = state.time_s
        stood_s = state.time_s - self._moved_at_s
        return (
            completed
            or bool(state.contacts)
            or stood_s > MAX_STANDING_S
            or state.time_s >= self._max_episode_s
        )


def episode_folder(out: Path, name: str) -> Path:
    """The folder of a complete episode, whether or not it is there.

    Args:
        out: the data set's folder.
        name: the episode's name; "" gives the folder of all episodes.
    """
    return out / EPISODES_DIR / name
