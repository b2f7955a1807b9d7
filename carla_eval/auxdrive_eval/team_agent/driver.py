"""Drives by a bundle at each tick of a leaderboard's route."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from auxdrive.bundles import ego_of
from auxdrive.cards import InputRange
from auxdrive.errors import UsageError
from auxdrive.predictor import Predictor
from auxdrive.route_follower import RouteFollower
from auxdrive.standing import StandingTime
from auxdrive.tasks import TASKS
from auxdrive.types import Control, Observation, Pose2

from auxdrive_eval.driving.agents.messages import describe
from auxdrive_eval.driving.drivers import TICKS_PER_PREDICTION
from auxdrive_eval.driving.following import STAND, Following, check_controller
from auxdrive_eval.team_agent.config import LeaderboardConfig
from auxdrive_eval.team_agent.localising import Localiser
from auxdrive_eval.team_agent.plan import Plan
from auxdrive_eval.team_agent.sensors import Sensed, read_sensors, sensor_suite

_log = logging.getLogger(__name__)

_TARGET, _NEXT, _LAST = "target_ego_m", "next_targets_ego_m", "last_target_ego_m"


class TeamDriver:
    """Drives one route by a bundle: predicts at every second tick, as `auxdrive drive` does, and
    brakes while it has nothing to predict from.

    Args:
        config: names the bundle, and how it is driven.
        rear_axle_m: how far the ego's rear axle lies behind its origin.

    Raises:
        UsageError: there is no such bundle, runtime, controller or precision, the leaderboards do
            not allow its camera, or nothing drives by what it predicts.
        ConfigError: an option of the runtime is wrong.
        BundleError: the bundle is damaged, or not signed as required.
        RuntimeUnavailable: the runtime or device cannot be had here.
    """

    def __init__(self, config: LeaderboardConfig, rear_axle_m: float) -> None:
        self._config, self._rear_axle_m = config, rear_axle_m
        self._localiser: Localiser | None = None
        self._follower: RouteFollower | None = None
        self._standing = StandingTime()
        self._control = STAND
        self._since_prediction = TICKS_PER_PREDICTION
        self._told: set[str] = set()
        self._predictor = _load(config)
        try:
            self.sensors: Sequence[dict[str, Any]] = sensor_suite(
                self._predictor.camera, rear_axle_m
            )
            self._following = _following(self._predictor, config)
        except BaseException:
            self._predictor.close()
            raise
        card = self._predictor.card
        self._needed = frozenset(ego_of(card).names)
        self._reach = card.input_ranges or {}

    def begin(self, plan: Plan) -> None:
        """Take the plan of the route.

        Args:
            plan: that the leaderboard gave.

        Raises:
            InputError: its points make no route.
        """
        self._follower = RouteFollower.of_sparse(
            plan.points_m, plan.commands, self._config.passed_m
        )
        self._localiser = Localiser(plan, self._rear_axle_m)

    def step(self, input_data: Mapping[str, Any], now_s: float) -> Control:
        """The control for this tick.

        Args:
            input_data: what the leaderboard's sensors sent (`run_step`).
            now_s: the game's time.

        Raises:
            InputError: a sensor sent what it should not, the image is not of the bundle's camera,
                the fixes lie elsewhere than the ego, or the ego is far from the plan.
            UsageError: the driver is closed.
        """
        assert self._localiser is not None, "begin() comes first"
        sensed = read_sensors(input_data)
        self._tell(sensed.missing, now_s)
        observation = self._observation(sensed, self._localiser.update(sensed, now_s), now_s)
        speed_mps = float("nan") if sensed.speed_mps is None else sensed.speed_mps
        self._since_prediction += 1
        if self._since_prediction < TICKS_PER_PREDICTION:
            self._control = self._following.between(self._control, speed_mps, now_s)
        elif observation is None:
            self._control = self._following.waiting(speed_mps, now_s)
        else:
            prediction = self._predictor.predict(observation)
            self._since_prediction = 0
            self._control, _ = self._following.follow(observation, prediction, speed_mps, now_s)
        return self._control

    def close(self) -> None:
        """Release the bundle's graph. May be called again."""
        self._predictor.close()

    def _observation(self, sensed: Sensed, pose: Pose2 | None, now_s: float) -> Observation | None:
        """What the model is given; None where something that it needs is not known."""
        assert self._follower is not None
        known: dict[str, Any] = {}
        if sensed.speed_mps is not None:
            self._standing.update(sensed.speed_mps, now_s)
            known |= {
                "speed_mps": sensed.speed_mps,
                "standing_s": self._standing.standing_s,
                "moving_s": self._standing.moving_s,
            }
        if pose is not None:
            found = self._follower.update(pose)
            known |= {
                _TARGET: within_reach(found.target_ego_m, self._reach.get(_TARGET)),
                _NEXT: within_reach(found.next_targets_ego_m, self._reach.get(_NEXT)),
                "command": int(found.command),
                "next_command": int(found.next_command),
                _LAST: within_reach(found.last_target_ego_m, self._reach.get(_LAST), behind=True),
                "last_command": int(found.last_command),
            }
        if sensed.image is None or self._needed - known.keys():
            return None
        return Observation(sensed.image, now_s, **known)

    def _tell(self, missing: Sequence[str], now_s: float) -> None:
        """Log what is missing, each thing once in a route."""
        for words in missing:
            if words not in self._told:
                self._told.add(words)
                _log.warning("at %.2f s: %s", now_s, words)


def within_reach(
    targets_ego_m: tuple[float, ...], reach: InputRange | None, *, behind: bool = False
) -> tuple[float, ...]:
    """Target points of which those ahead are no farther away than those of the training, in the
    same direction. Leaderboard 2.x leaves up to 200 m between two points of its plans, which models
    that learned from points every 50 m have not seen.

    Args:
        targets_ego_m: x forward and y left of each point, one after the other.
        reach: the range of these numbers in training; None where it is not known.
        behind: whether it is about those behind, in place of those ahead.
    """
    if reach is None:
        return targets_ego_m
    found: list[float] = []
    for k in range(0, len(targets_ego_m), 2):
        point, scale = targets_ego_m[k : k + 2], 1.0
        for value, low, high in zip(
            point, reach.low[k : k + 2], reach.high[k : k + 2], strict=True
        ):
            bound = high if value > 0 else low
            if (
                (point[0] < 0 if behind else point[0] > 0)
                and abs(value) > abs(bound)
                and value * bound > 0
            ):
                scale = min(scale, bound / value)
        found += [scale * value for value in point]
    return tuple(found)


def _load(config: LeaderboardConfig) -> Predictor:
    return Predictor.load(
        config.bundle,
        config.runtime,
        config.device,
        threads=1,  # as in `auxdrive drive`
        require_signature=config.key,
        options=config.runtime_options,
        precision=config.precision,
    )


def _following(predictor: Predictor, config: LeaderboardConfig) -> Following:
    name = config.controller or TASKS[predictor.task].controller
    if name is None:
        raise UsageError(
            f"{config.bundle}: nothing drives by what it predicts ({predictor.task}); name a "
            "'controller' in the agent's config"
        )
    if config.fallback is not None and predictor.vehicle.wheelbase_m is None:
        raise UsageError(
            f"{config.bundle}: the card does not say the wheelbase of the vehicle, which the "
            "safety envelope needs; write 'envelope: none' into the agent's config"
        )
    description = describe(predictor)
    check_controller(description, name)
    return Following(description, name, config.creep_after_s, config.fallback)
