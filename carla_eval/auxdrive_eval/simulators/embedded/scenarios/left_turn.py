"""SignalizedJunctionLeftTurn (Scenario8): the ego turns left across the way of a car that comes
from ahead and has green too. NonSignalizedJunctionLeftTurn: the same without traffic lights.
"""

from __future__ import annotations

import math
from typing import ClassVar

from auxdrive.types import RoadOption

from auxdrive_eval.simulators.embedded.scenarios.crossing_car import CrossingCar
from auxdrive_eval.simulators.embedded.scenarios.ground import Crossing
from auxdrive_eval.simulators.embedded.town.model import Lane, Town

AHEAD_RAD = math.radians(50.0)


class LeftTurn(CrossingCar):
    """See the module."""

    title: ClassVar[str] = "a car comes from ahead where the ego turns left"
    with_lights: ClassVar[bool] = True
    time_is_limited: ClassVar[bool] = True

    @classmethod
    def meets(cls, town: Town, crossing: Crossing, other: Lane) -> str:  # noqa: ARG003
        """See `CrossingCar`.

        Args:
            town: of both.
            crossing: where the ego goes.
            other: the car's connector.
        """
        if crossing.lane.turn is not RoadOption.LEFT:
            return "the route does not turn left at the junction"
        if (crossing.arriving.light_id is not None) is not cls.with_lights:
            return f"the junction has {'no ' if cls.with_lights else ''}traffic lights"
        towards = float(other.yaw_rad[0] - crossing.lane.yaw_rad[0]) + math.pi
        if abs(math.remainder(towards, math.tau)) > AHEAD_RAD:
            return "nobody comes from ahead"
        return "" if other.turn is RoadOption.STRAIGHT else "who comes from ahead turns"


class LeftTurnWithoutLights(LeftTurn):
    """See the module."""

    with_lights: ClassVar[bool] = False
