"""Recording one episode: the expert drives a route, disturbed now and then, and what the sensors
see is written at the recording rate.
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
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.route_follower import RouteFollower

from auxdrive_eval.collecting.perturbation import Perturbation
from auxdrive_eval.scoring import DEFAULT_RULES, RULE_SETS
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.world import Route, WorldState

_LOG = logging.getLogger(__name__)
STANDING_MPS = 0.1
MAX_STANDING_S = 45.0
"""An episode ends when the ego has stood this long: a red light takes less, a jam teaches nothing
more.
"""


@dataclass(frozen=True, slots=True)
class EpisodePlan:
    """All that an episode's content depends on, beside the settings of the whole recording."""

    index: int
    episode_id: str
    route_seed: int
    traffic_seed: int
    perturbation_seed: int


def plan_episode(seed: int, index: int, route_seeds: Sequence[int]) -> EpisodePlan:
    """The episode `index` of the recording with that seed. Routes do not repeat before all route
    seeds have been used.
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
    """`s0-00012`: the recording's seed and the number of the episode."""
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
) -> int:
    """Record an episode and return its number of frames. Sensors are rendered at recorded ticks
    alone.

    The label is what the expert would do at that instant, also while the executed steering is
    disturbed. The episode ends at the end of the route, at `max_episode_s`, on a collision (which
    no expert should be copied in), or when the ego stands too long.

    Raises:
        DataError: the disk refuses; nothing incomplete is left. SimulatorError: what the simulator
            raises.
    """
    route = simulator.random_route(plan.route_seed)
    state = simulator.reset(route, plan.traffic_seed)
    follower = RouteFollower(route.points, route.options)
    perturbation = Perturbation(plan.perturbation_seed) if perturb else None
    over = _End(route, max_episode_s)
    shapes = _shapes(simulator.camera, modalities)
    with EpisodeWriter(out, plan.episode_id, modalities, shapes, keep_on_error=False) as writer:
        while not over.reached(state):
            target_ego_m, command = follower.update(state.ego)
            control = simulator.expert()
            if state.frame % ticks_per_frame == 0:
                writer.append(
                    simulator.sense(modalities),
                    {
                        "time_s": state.time_s,
                        "x_m": state.ego.x_m,
                        "y_m": state.ego.y_m,
                        "yaw_rad": state.ego.yaw_rad,
                        "speed_mps": state.speed_mps,
                        "steer_rad": control.steer_rad,
                        "throttle": control.throttle,
                        "brake": control.brake,
                        "command": int(command),
                        "target_x_m": target_ego_m[0],
                        "target_y_m": target_ego_m[1],
                        "disturbed": int(
                            perturbation is not None
                            and perturbation.offset_rad(state.time_s) != 0.0
                        ),
                    },
                )
            state = simulator.step(
                control if perturbation is None else perturbation.apply(control, state.time_s)
            )
        _LOG.debug(
            f"{plan.episode_id}: {len(writer)} frames, {state.time_s:.1f} s of game time, "
            f"route {plan.route_seed}"
        )
        return len(writer)


def _shapes(camera: CameraSpec, modalities: Sequence[Modality]) -> dict[Modality, tuple[int, ...]]:
    """Frame shapes of what comes from the camera; the LiDAR's histogram has its own."""
    return {
        m: MODALITIES[m].array_shape(camera.height, camera.width)
        for m in modalities
        if MODALITIES[m].camera_aligned
    }


class _End:
    """Whether an episode is over."""

    def __init__(self, route: Route, max_episode_s: float) -> None:
        self._completion = RULE_SETS[DEFAULT_RULES].completion(route)
        self._max_episode_s = max_episode_s
        self._moved_at_s = 0.0

    def reached(self, state: WorldState) -> bool:
        """Look at each tick once."""
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
    """Where an episode stands when it is complete."""
    return out / EPISODES_DIR / name
