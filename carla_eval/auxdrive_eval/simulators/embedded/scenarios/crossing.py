"""What scenarios have in common in which somebody crosses the road before the ego.

Who crosses begins when the ego will be there as it reaches the middle of the ego's lane, or when
the ego is 6 m away (scenario_runner of leaderboard 2.0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from auxdrive.types import Pose2

from auxdrive_eval.simulators.embedded.scenarios.base import Scenario
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.scenarios.stage import Stage
from auxdrive_eval.simulators.embedded.town.model import BODY_SIZES_M, BodyKind, CarKind
from auxdrive_eval.simulators.embedded.traffic.bodies import Body
from auxdrive_eval.world import Point

AHEAD_M = 12.0
"""Somebody crosses at least so far beyond the trigger; farther where the speed limit is so high
that the ego would be there too soon.
"""
TRIES, RETRY_M = 30, 0.4
FROM_M = 4.2
"""Who crosses starts at least so far from the middle of the ego's lane."""
BEYOND_KERB_M = 0.8
NEAREST_M = 6.0
BUMPER_M = 2.5
"""The ego sets a scenario off with its centre, and its bumper is so far ahead."""
PATH_WIDTH_M = 0.7
CLEAR_M = 5.0


@dataclass(frozen=True, slots=True)
class Walk:
    """A way across the road.

    Attributes:
        along_m: where on the route it crosses.
        path: where it starts and ends.
        from_m: from its start to the middle of the ego's lane.
    """

    along_m: float
    path: tuple[Point, Point]
    from_m: float


def walk_at(
    ground: Ground,
    along_m: float,
    kind: BodyKind = BodyKind.PEDESTRIAN,
    side: float = -1.0,
    from_m: float | None = None,
) -> Walk | None:
    """The way straight across the road from kerb to kerb; None where something stands on it.

    Args:
        ground: the route.
        along_m: where on the route.
        kind: who crosses.
        side: where it starts: -1 on the right of the route, 1 on the left.
        from_m: how far from the middle of the lane it starts; None is at the kerb.
    """
    beyond_m = BEYOND_KERB_M + max(BODY_SIZES_M[kind][0] - 1.0, 0.0) / 2
    if from_m is None:
        from_m = max(FROM_M, ground.kerb_m(along_m, side) + beyond_m)
    to_m = ground.kerb_m(along_m, -side) + beyond_m
    start, end = ground.pose(along_m, side * from_m), ground.pose(along_m, -side * to_m)
    middle = ground.pose(along_m, side * (from_m - to_m) / 2)
    across = Pose2(middle.x_m, middle.y_m, middle.yaw_rad + math.pi / 2)
    length_m = from_m + to_m + BODY_SIZES_M[kind][0]
    if not ground.is_free(across, (length_m, PATH_WIDTH_M, 2.0)):
        return None
    return Walk(along_m, ((start.x_m, start.y_m), (end.x_m, end.y_m)), from_m)


class Crossing(Scenario):
    """Somebody crosses, perhaps from behind something.

    Args:
        at_m: where on the route the ego sets it off.
        walk: the way of who crosses.
        style: its looks, and those of what hides it.
        blocker: what hides it, and the pose of that; None if nothing does.
    """

    who: ClassVar[BodyKind] = BodyKind.PEDESTRIAN
    speed_mps: ClassVar[float] = 2.0

    def __init__(
        self,
        at_m: float,
        walk: Walk,
        style: int,
        blocker: tuple[BodyKind | CarKind, Pose2] | None = None,
    ) -> None:
        super().__init__(at_m)
        self.walk, self._style, self._blocker = walk, style, blocker
        self.walker: Body | None = None

    @classmethod
    def first_m(cls, ground: Ground, at_m: float) -> float:
        """How far along the route somebody crosses at the earliest.

        Args:
            ground: the route.
            at_m: where the ego sets it off.
        """
        seen_s = (FROM_M + 1.0) / cls.speed_mps
        return at_m + max(AHEAD_M, BUMPER_M + seen_s * ground.lane(at_m).speed_limit_mps)

    def prepare(self, stage: Stage) -> None:
        """See `Scenario`."""
        if self._blocker is not None:
            kind, pose = self._blocker
            blocker = stage.bodies.add(kind, [(pose.x_m, pose.y_m)], pose.yaw_rad, self._style)
            self.actor_ids.add(blocker.body_id)
        self.walker = stage.bodies.add(self.who, self.walk.path, style=self._style)
        self.actor_ids.add(self.walker.body_id)

    def step(self, stage: Stage) -> bool:
        """See `Scenario`."""
        walker = self.walker
        assert walker is not None, "prepare() comes first"
        time_s = self.walk.from_m / self.speed_mps
        if walker.along_m == 0.0 and stage.arrives_within(self.walk.along_m, time_s, NEAREST_M):
            walker.speed_mps = self.speed_mps
        gone = walker.body_id not in stage.bodies.all
        return stage.ego_m > self.walk.along_m + CLEAR_M and (gone or walker.has_arrived)
