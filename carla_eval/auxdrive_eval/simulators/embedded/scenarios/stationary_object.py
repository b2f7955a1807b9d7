"""StationaryObjectCrossing: a container stands in the ego's lane, 40 m beyond the trigger and a
fifth of the lane to the right, for 15 s (scenario_runner of leaderboard 1.0).
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from auxdrive.types import Pose2

from auxdrive_eval.simulators.embedded.geometry.boxes import box, overlaps
from auxdrive_eval.simulators.embedded.scenarios.base import Scenario
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.scenarios.stage import Stage
from auxdrive_eval.simulators.embedded.town.model import BODY_SIZES_M, BodyKind
from auxdrive_eval.simulators.embedded.traffic.bodies import Body

AHEAD_M = 40.0
RIGHT_SHARE = 0.2
STANDS_S = 15.0
CLEAR_M = 5.0
ROOM_M = 6.0


class StationaryObject(Scenario):
    """See the module.

    Args:
        at_m: where on the route the ego sets it off.
        object_m: where on the route the container stands.
        pose: of the container.
    """

    title: ClassVar[str] = "a container stands in the lane"
    reach_m: ClassVar[float] = 60.0

    def __init__(self, at_m: float, object_m: float, pose: Pose2) -> None:
        super().__init__(at_m)
        self.object_m, self._pose = object_m, pose
        self.container: Body | None = None
        self._since_s = 0.0

    @classmethod
    def place(cls, ground: Ground, at_m: float, rng: np.random.Generator) -> Self | str:  # noqa: ARG003
        """See `Scenario`.

        Args:
            ground: the route.
            at_m: distance along it.
            rng: not used.
        """
        object_m = at_m + AHEAD_M
        if not ground.is_open(at_m, object_m + 8.0):
            return "a junction is near, or the end of the route"
        pose = ground.pose(object_m, -RIGHT_SHARE * ground.lane(object_m).width_m)
        return cls(at_m, object_m, pose)

    def step(self, stage: Stage) -> bool:
        """See `Scenario`."""
        if self.container is None:
            self._put(stage)
            return False
        there = self.container.body_id in stage.bodies.all
        if there and stage.time_s - self._since_s >= STANDS_S:
            stage.bodies.remove(self.container.body_id)
        return not there and stage.ego_m > self.object_m + CLEAR_M

    def leave(self, stage: Stage) -> None:
        """See `Scenario`."""
        if self.container is not None and self.container.body_id in stage.bodies.all:
            stage.bodies.remove(self.container.body_id)

    def _put(self, stage: Stage) -> None:
        """Put the container down, once no car is there."""
        length_m, width_m, _ = BODY_SIZES_M[BodyKind.CONTAINER]
        at = self._pose
        room = box(at.x_m, at.y_m, at.yaw_rad, length_m + 2 * ROOM_M, width_m)
        cars = stage.traffic.boxes()
        if stage.front_m > self.object_m - ROOM_M:
            self.missed = "a car stood where the container was to be put"
        elif not len(cars) or not (overlaps(room, cars) > 0).any():
            self.container = stage.bodies.add(BodyKind.CONTAINER, [(at.x_m, at.y_m)], at.yaw_rad)
            self.actor_ids = {self.container.body_id}
            self._since_s = stage.time_s
