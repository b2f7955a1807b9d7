"""ControlLoss (Scenario1): at three places with dirt on the road, 14, 48 and 74 m beyond the
trigger, the ego's steering and pedals are disturbed.

Within 2 m of each, steering is off by 5.5 % of CARLA's 70 degrees and the throttle by 3 %, to
either side, and both jitter (scenario_runner of leaderboard 2.0). Places near a junction are left
out.
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np
from auxdrive.types import Pose2

from auxdrive_eval.simulators.embedded.scenarios.base import Scenario
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.scenarios.stage import Stage
from auxdrive_eval.simulators.embedded.town.model import BodyKind

PLACES_M = (14.0, 48.0, 74.0)
ASIDE_M = (-0.6, 0.8, 0.2)
WITHIN_M = 2.0
FROM_JUNCTION_M = 10.0
FULL_STEER_RAD = math.radians(70.0)
STEER, STEER_JITTER = 0.055, 0.015
PEDAL, PEDAL_JITTER = 0.03, 0.01
END_M = 10.0


class ControlLoss(Scenario):
    """See the module.

    Args:
        at_m: where on the route the ego sets it off.
        dirt: for each place the distance along the route, the pose of the dirt, and the sides to
            which steering and throttle are disturbed (1 or -1).
    """

    title: ClassVar[str] = "the ego loses control on dirt"
    reach_m: ClassVar[float] = 88.0

    def __init__(self, at_m: float, dirt: tuple[tuple[float, Pose2, int, int], ...]) -> None:
        super().__init__(at_m)
        self.dirt = dirt

    @classmethod
    def place(cls, ground: Ground, at_m: float, rng: np.random.Generator) -> Self | str:
        """See `Scenario`.

        Args:
            ground: the route.
            at_m: distance along it.
            rng: draws the sides.
        """
        dirt = []
        for ahead_m, aside_m in zip(PLACES_M, ASIDE_M, strict=True):
            along_m = at_m + ahead_m
            steer, pedal = (int(side) for side in rng.choice((-1, 1), size=2))
            if ground.is_open(along_m, along_m + WITHIN_M, FROM_JUNCTION_M):
                dirt.append((along_m, ground.pose(along_m, -aside_m), steer, pedal))
        return cls(at_m, tuple(dirt)) if dirt else "a junction is near, or the end of the route"

    def prepare(self, stage: Stage) -> None:
        """See `Scenario`."""
        for _, pose, _, _ in self.dirt:
            stage.bodies.lay(BodyKind.DIRT, pose)

    def step(self, stage: Stage) -> bool:
        """See `Scenario`."""
        stage.steer_bias_rad = stage.pedal_bias = 0.0
        for along_m, _, steer, pedal in self.dirt:
            if abs(stage.ego_m - along_m) <= WITHIN_M:
                share = steer * STEER + STEER_JITTER * float(stage.rng.normal())
                stage.steer_bias_rad = share * FULL_STEER_RAD
                stage.pedal_bias = pedal * PEDAL + PEDAL_JITTER * float(stage.rng.normal())
        return stage.ego_m > self.dirt[-1][0] + END_M

    def leave(self, stage: Stage) -> None:
        """See `Scenario`."""
        stage.steer_bias_rad = stage.pedal_bias = 0.0
