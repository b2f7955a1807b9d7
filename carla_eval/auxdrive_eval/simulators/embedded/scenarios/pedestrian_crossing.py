"""PedestrianCrossing: three pedestrians cross the road, two from the right and one from the left,
in plain sight, at 1.3 m/s (scenario_runner of leaderboard 2.0).
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from auxdrive_eval.simulators.embedded.scenarios.base import Scenario
from auxdrive_eval.simulators.embedded.scenarios.crossing import (
    BUMPER_M,
    CLEAR_M,
    RETRY_M,
    TRIES,
    Walk,
    walk_at,
)
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.scenarios.stage import Stage
from auxdrive_eval.simulators.embedded.town.model import CAR_COLOURS, BodyKind
from auxdrive_eval.simulators.embedded.traffic.bodies import Body

WALK_MPS = 1.3
REACTION_S, NEAREST_M = 3.5, 12.0
GROUP = ((0.0, -1.0, 0.0), (1.2, -1.0, 0.6), (-0.9, 1.0, 0.3))
"""Of each pedestrian: how far along the road beside the first, the side from which it comes, and
how much later it starts, seconds.
"""


class PedestrianCrossing(Scenario):
    """See the module.

    Args:
        at_m: where on the route the ego sets it off.
        walks: of the pedestrians.
        style: looks of the first.
    """

    title: ClassVar[str] = "three pedestrians cross"
    reach_m: ClassVar[float] = 60.0

    def __init__(self, at_m: float, walks: tuple[Walk, ...], style: int) -> None:
        super().__init__(at_m)
        self.walks, self._style = walks, style
        self.walkers: list[Body] = []
        self._began_s: float | None = None

    @classmethod
    def place(cls, ground: Ground, at_m: float, rng: np.random.Generator) -> Self | str:
        """See `Scenario`.

        Args:
            ground: the route.
            at_m: distance along it.
            rng: draws looks.
        """
        style = int(rng.integers(CAR_COLOURS))
        first_m = at_m + BUMPER_M + REACTION_S * ground.lane(at_m).speed_limit_mps
        for attempt in range(TRIES):
            along_m = first_m + attempt * RETRY_M
            if not ground.is_open(along_m - 8.0, along_m + 6.0):
                continue
            walks = [walk_at(ground, along_m + beside_m, side=side) for beside_m, side, _ in GROUP]
            free = tuple(walk for walk in walks if walk is not None)
            if len(free) == len(GROUP):
                return cls(at_m, free, style)
        return "no place beside the road is free"

    def prepare(self, stage: Stage) -> None:
        """See `Scenario`."""
        self.walkers = [
            stage.bodies.add(BodyKind.PEDESTRIAN, walk.path, style=self._style + number)
            for number, walk in enumerate(self.walks)
        ]
        self.actor_ids = {walker.body_id for walker in self.walkers}

    def step(self, stage: Stage) -> bool:
        """See `Scenario`."""
        here_m = self.walks[0].along_m
        if self._began_s is None:
            if stage.arrives_within(here_m, REACTION_S, NEAREST_M):
                self._began_s = stage.time_s
            return False
        for walker, (_, _, later_s) in zip(self.walkers, GROUP, strict=True):
            if walker.along_m == 0.0 and stage.time_s - self._began_s >= later_s:
                walker.speed_mps = WALK_MPS
        there = [walker for walker in self.walkers if walker.body_id in stage.bodies.all]
        return stage.ego_m > here_m + CLEAR_M and all(walker.has_arrived for walker in there)
