"""ParkingCrossingPedestrian: a pedestrian crosses the road from behind a parked car, at 2 m/s."""

from __future__ import annotations

from typing import ClassVar

from auxdrive.types import Pose2

from auxdrive_eval.simulators.embedded.scenarios.crossing import Walk, walk_at
from auxdrive_eval.simulators.embedded.scenarios.dynamic_object_crossing import (
    HIDDEN_M,
    DynamicObjectCrossing,
)
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.town.model import CAR_SIZES_M, BodyKind, CarKind

ASIDE_M = 0.3


class ParkingCrossingPedestrian(DynamicObjectCrossing):
    """See the module."""

    title: ClassVar[str] = "a pedestrian crosses from behind a parked car"

    @classmethod
    def walk_at(cls, ground: Ground, along_m: float) -> Walk | None:
        """See `DynamicObjectCrossing`. It starts between parked cars, right behind the one.

        Args:
            ground: the route.
            along_m: where on the route.
        """
        bay_m = ground.bay_m(along_m, CAR_SIZES_M[CarKind.VAN][1])
        return None if bay_m is None else walk_at(ground, along_m, from_m=bay_m + ASIDE_M)

    @classmethod
    def blocker_at(cls, ground: Ground, walk: Walk) -> tuple[BodyKind | CarKind, Pose2] | None:
        """See `DynamicObjectCrossing`. It stands in the parking lane.

        Args:
            ground: the route.
            walk: the pedestrian's.
        """
        size = CAR_SIZES_M[CarKind.VAN]
        before_m = walk.along_m - HIDDEN_M - size[0] / 2
        right_m = ground.bay_m(before_m, size[1])
        if right_m is None:
            return None
        pose = ground.pose(before_m, -right_m)
        return (CarKind.VAN, pose) if ground.is_free(pose, size) else None
