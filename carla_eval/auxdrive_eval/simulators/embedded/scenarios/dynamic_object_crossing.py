"""DynamicObjectCrossing (Scenario3): a pedestrian crosses the road from behind a vending machine.

The pedestrian walks at 2 m/s and begins when the ego will be there as it reaches the middle of the
ego's lane, about 2.1 s before, or when the ego is 6 m away (scenario_runner of leaderboard 2.0).
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np
from auxdrive.types import Pose2

from auxdrive_eval.simulators.embedded.scenarios.base import Scenario
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.scenarios.stage import Stage
from auxdrive_eval.simulators.embedded.town.model import (
    BODY_SIZES_M,
    CAR_COLOURS,
    BodyKind,
    CarKind,
)
from auxdrive_eval.simulators.embedded.traffic.bodies import Body
from auxdrive_eval.world import Point

AHEAD_M = 12.0
"""The pedestrian crosses at least so far beyond the trigger; farther where the speed limit is so
high that the ego would be there too soon.
"""
TRIES, RETRY_M = 30, 0.4
WALK_MPS = 2.0
FROM_M = 4.2
"""A pedestrian starts at least so far from the middle of the ego's lane."""
BEYOND_KERB_M = 0.8
NEAREST_M = 6.0
BUMPER_M = 2.5
"""The ego sets a scenario off with its centre, and its bumper is so far ahead."""
HIDDEN_M = 0.5
CLEAR_M = 5.0


class DynamicObjectCrossing(Scenario):
    """See the module.

    Args:
        at_m: where on the route the ego sets it off.
        crossing_m: where on the route the pedestrian crosses.
        walk: where it starts and ends.
        blocker: what hides it: pose of its centre.
        style: of pedestrian and blocker.
        from_m: from where the pedestrian starts to the middle of the ego's lane.
    """

    title: ClassVar[str] = "a pedestrian crosses from behind a vending machine"
    reach_m: ClassVar[float] = 50.0
    blocker_kind: ClassVar[BodyKind | CarKind] = BodyKind.VENDING_MACHINE

    def __init__(
        self,
        at_m: float,
        crossing_m: float,
        walk: tuple[Point, Point],
        blocker: Pose2,
        style: int,
        from_m: float,
    ) -> None:
        super().__init__(at_m)
        self.crossing_m = crossing_m
        self._walk, self._blocker, self._style, self._from_m = walk, blocker, style, from_m
        self.walker: Body | None = None

    @classmethod
    def place(cls, ground: Ground, at_m: float, rng: np.random.Generator) -> Self | str:
        """See `Scenario`.

        Args:
            ground: the route.
            at_m: distance along it.
            rng: draws looks.
        """
        style = int(rng.integers(CAR_COLOURS))
        seen_s = (FROM_M + 1.0) / WALK_MPS
        ahead_m = max(AHEAD_M, BUMPER_M + seen_s * ground.lane(at_m).speed_limit_mps)
        for attempt in range(TRIES):
            crossing_m = at_m + ahead_m + attempt * RETRY_M
            found = cls._at(ground, crossing_m)
            if found is not None:
                walk, blocker, from_m = found
                return cls(at_m, crossing_m, walk, blocker, style, from_m)
        return "no place beside the road is free for the pedestrian"

    @classmethod
    def _at(
        cls, ground: Ground, crossing_m: float
    ) -> tuple[tuple[Point, Point], Pose2, float] | None:
        """Walk, blocker and the way to the middle of the lane of a pedestrian who crosses there."""
        if not ground.is_open(crossing_m - 8.0, crossing_m + 6.0):
            return None
        blocker = cls._blocker_at(ground, crossing_m)
        right_m = max(FROM_M, ground.kerb_m(crossing_m, -1.0) + BEYOND_KERB_M)
        left_m = ground.kerb_m(crossing_m, 1.0) + BEYOND_KERB_M
        start, end = ground.pose(crossing_m, -right_m), ground.pose(crossing_m, left_m)
        size = BODY_SIZES_M[BodyKind.PEDESTRIAN]
        if blocker is None or not (ground.is_free(start, size) and ground.is_free(end, size)):
            return None
        return ((start.x_m, start.y_m), (end.x_m, end.y_m)), blocker, right_m

    @classmethod
    def _blocker_at(cls, ground: Ground, crossing_m: float) -> Pose2 | None:
        """Where the vending machine stands: at the kerb, before the pedestrian; None if there is
        no room.
        """
        size = BODY_SIZES_M[BodyKind.VENDING_MACHINE]
        before_m = crossing_m - HIDDEN_M - size[1] / 2
        right_m = max(FROM_M, ground.kerb_m(before_m, -1.0) + BEYOND_KERB_M) - 0.2
        pose = ground.pose(before_m, -right_m)
        facing = Pose2(pose.x_m, pose.y_m, pose.yaw_rad + math.pi / 2)
        return facing if ground.is_free(facing, size) else None

    def prepare(self, stage: Stage) -> None:
        """See `Scenario`."""
        pose = self._blocker
        blocker = stage.bodies.add(
            self.blocker_kind, [(pose.x_m, pose.y_m)], pose.yaw_rad, self._style
        )
        self.walker = stage.bodies.add(BodyKind.PEDESTRIAN, self._walk, style=self._style)
        self.actor_ids = {blocker.body_id, self.walker.body_id}

    def step(self, stage: Stage) -> bool:
        """See `Scenario`."""
        walker = self.walker
        assert walker is not None, "prepare() comes first"
        if walker.along_m == 0.0 and stage.arrives_within(
            self.crossing_m, self._from_m / WALK_MPS, NEAREST_M
        ):
            walker.speed_mps = WALK_MPS
        gone = walker.body_id not in stage.bodies.all
        return stage.ego_m > self.crossing_m + CLEAR_M and (gone or walker.has_arrived)
