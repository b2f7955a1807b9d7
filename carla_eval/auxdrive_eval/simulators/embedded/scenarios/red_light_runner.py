"""OppositeVehicleRunningRedLight (Scenario7): a car runs its red light while the ego has green.
SignalizedJunctionRightTurn (Scenario9): it does so where the ego turns right into its way.
OppositeVehicleTakingPriority (Scenario10): it crosses without yielding where there are no lights.
NonSignalizedJunctionRightTurn: it does so where the ego turns right into its way.
"""

from __future__ import annotations

from typing import ClassVar

from auxdrive.types import RoadOption

from auxdrive_eval.simulators.embedded.scenarios.crossing_car import CrossingCar
from auxdrive_eval.simulators.embedded.scenarios.ground import Crossing
from auxdrive_eval.simulators.embedded.town.model import Lane, Town


class RedLightRunner(CrossingCar):
    """See the module."""

    title: ClassVar[str] = "a car runs a red light"

    @classmethod
    def meets(cls, town: Town, crossing: Crossing, other: Lane) -> str:
        """See `CrossingCar`.

        Args:
            town: of both.
            crossing: where the ego goes.
            other: the car's connector.
        """
        mine, theirs = crossing.arriving.light_id, town.lanes[other.predecessors[0]].light_id
        if mine is None or theirs is None:
            return "the junction has no traffic lights"
        if town.lights[mine].group == town.lights[theirs].group:
            return "who crosses the ego's way has green with it"
        if other.turn is not RoadOption.STRAIGHT:
            return "nobody comes straight on across the ego's way"
        return ""


class TakingPriority(CrossingCar):
    """See the module."""

    title: ClassVar[str] = "a car takes the ego's priority"

    @classmethod
    def meets(cls, town: Town, crossing: Crossing, other: Lane) -> str:  # noqa: ARG003
        """See `CrossingCar`.

        Args:
            town: of both.
            crossing: where the ego goes.
            other: the car's connector.
        """
        if crossing.arriving.light_id is not None:
            return "the junction has traffic lights"
        if other.turn is not RoadOption.STRAIGHT and crossing.lane.turn is RoadOption.STRAIGHT:
            return "nobody comes straight on across the ego's way"
        return ""


class _OnRightTurns(CrossingCar):
    """Narrows the scenario that follows it among the bases to right turns of the ego."""

    time_is_limited: ClassVar[bool] = True

    @classmethod
    def meets(cls, town: Town, crossing: Crossing, other: Lane) -> str:
        """See `CrossingCar`.

        Args:
            town: of both.
            crossing: where the ego goes.
            other: the car's connector.
        """
        if crossing.lane.turn is not RoadOption.RIGHT:
            return "the route does not turn right at the junction"
        return super().meets(town, crossing, other)


class RightTurn(_OnRightTurns, RedLightRunner):
    """See the module."""

    title: ClassVar[str] = "a car runs a red light where the ego turns right"


class RightTurnWithoutLights(_OnRightTurns, TakingPriority):
    """See the module."""

    title: ClassVar[str] = "a car takes the ego's priority where it turns right"
