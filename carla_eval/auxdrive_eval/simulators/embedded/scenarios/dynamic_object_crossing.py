"""DynamicObjectCrossing (Scenario3): a pedestrian crosses the road from behind a vending machine,
at 2 m/s.
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np
from auxdrive.types import Pose2

from auxdrive_eval.simulators.embedded.scenarios.crossing import (
    RETRY_M,
    TRIES,
    Crossing,
    Walk,
    walk_at,
)
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.town.model import (
    BODY_SIZES_M,
    CAR_COLOURS,
    BodyKind,
    CarKind,
)

HIDDEN_M = 0.5
"""From what hides the pedestrian to the pedestrian, along the road."""
TO_LANE_M = 0.2
"""What hides it stands nearer to the lane by this."""


class DynamicObjectCrossing(Crossing):
    """See the module."""

    title: ClassVar[str] = "a pedestrian crosses from behind a vending machine"
    reach_m: ClassVar[float] = 50.0

    @classmethod
    def place(cls, ground: Ground, at_m: float, rng: np.random.Generator) -> Self | str:
        """See `Scenario`.

        Args:
            ground: the route.
            at_m: distance along it.
            rng: draws looks.
        """
        style = int(rng.integers(CAR_COLOURS))
        for attempt in range(TRIES):
            along_m = cls.first_m(ground, at_m) + attempt * RETRY_M
            if not ground.is_open(along_m - 8.0, along_m + 6.0):
                continue
            walk = cls.walk_at(ground, along_m)
            blocker = None if walk is None else cls.blocker_at(ground, walk)
            if walk is not None and blocker is not None:
                return cls(at_m, walk, style, blocker)
        return "no place beside the road is free"

    @classmethod
    def walk_at(cls, ground: Ground, along_m: float) -> Walk | None:
        """The pedestrian's way; None where something stands on it.

        Args:
            ground: the route.
            along_m: where on the route.
        """
        return walk_at(ground, along_m)

    @classmethod
    def blocker_at(cls, ground: Ground, walk: Walk) -> tuple[BodyKind | CarKind, Pose2] | None:
        """What hides the pedestrian, before it at the kerb; None if there is no room.

        Args:
            ground: the route.
            walk: the pedestrian's.
        """
        size = BODY_SIZES_M[BodyKind.VENDING_MACHINE]
        pose = ground.pose(walk.along_m - HIDDEN_M - size[1] / 2, -(walk.from_m - TO_LANE_M))
        facing = Pose2(pose.x_m, pose.y_m, pose.yaw_rad + math.pi / 2)
        return (BodyKind.VENDING_MACHINE, facing) if ground.is_free(facing, size) else None
