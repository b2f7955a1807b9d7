"""Recording one episode: the expert drives a route, with disturbances, or a student does; and what
the sensors see is written at the recording rate.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from auxdrive.data.episode_files import EPISODES_DIR
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.modalities import Modality
from auxdrive.standing import STANDING_MPS

from auxdrive_eval.collecting.disturbances import Disturbances, Disturbing
from auxdrive_eval.collecting.frames import FrameRecorder, Recording
from auxdrive_eval.collecting.student import StudentAtTheWheel
from auxdrive_eval.conditions import in_condition
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import DEFAULT_RULES, RULE_SETS
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.world import WorldState

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
    disturbing: Disturbing,
    lidar_points: bool = False,
    student: StudentAtTheWheel | None = None,
) -> int:
    """Record an episode. The sensors are rendered only at the ticks that are recorded.

    The label is always the expert's control, also while the executed steering is disturbed or the
    student drives. The episode ends at the end of the route, after `max_episode_s`, at a collision
    (which no student should copy), or when the ego stands too long; with a student also where it
    has lost its route. After other mistakes it goes on, since the student does not know yet how to
    get out of them; where it would not start, the expert drives on for a while.

    Args:
        simulator: where it is driven; it must have the sensors.
        out: the data set's folder.
        plan: what decides the episode's content.
        modalities: what is recorded; the simulator must sense each of them.
        ticks_per_frame: simulator ticks from one recorded frame to the next, 1 or more.
        max_episode_s: longest duration of the episode, in seconds of game time.
        disturbing: what is disturbed while the expert drives.
        lidar_points: whether the LiDAR's points are recorded too.
        student: who drives beside the expert; None where the expert alone does.

    Returns:
        The number of frames.

    Raises:
        DataError: the disk cannot be written; no incomplete episode is left.
        SimulatorError: what the simulator raises.
        StudentFailed: the student failed; no incomplete episode is left.
    """
    route = simulator.random_route(plan.route_seed)
    if plan.condition:
        route = in_condition(route, plan.condition, plan.route_seed)
    if student is not None:
        student.start(route, plan.perturbation_seed)
    state = simulator.reset(route, plan.traffic_seed)
    disturbances = Disturbances(plan.perturbation_seed, disturbing)
    over = _End(route, max_episode_s)
    foresees = student is not None and student.ahead
    recorded = Recording(modalities, ticks_per_frame, lidar_points, ahead=foresees)
    recorder = FrameRecorder(out, plan.episode_id, simulator, route, recorded)
    with recorder.writer as writer:
        while not _is_over(over, student, state, writer):
            drives = student is not None and student.drives(state)
            label = recorder.label(state)
            control, disturbed = disturbances.control(state, label)
            recorder.record(state, label, disturbed=disturbed or drives)
            if student is not None:
                own = student.control(simulator, state, label)
                control = own if drives else control
            state = simulator.step(control)
        if student is not None:
            student.end(state, writer)
        _LOG.debug(
            f"{plan.episode_id}: {len(writer)} frames, {state.time_s:.1f} s of game time, "
            f"route {plan.route_seed}"
        )
        return len(writer)


def _is_over(
    end: _End, student: StudentAtTheWheel | None, state: WorldState, writer: EpisodeWriter
) -> bool:
    """Whether the episode is over. The student is watched in any case, since what ends the episode
    may be its mistake.
    """
    lost = student is not None and student.is_lost(state, writer)
    return end.reached(state) or lost


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
