"""VehicleTurningRoute (Scenario4): after a turn, a cyclist crosses the road that the ego enters.
VehicleTurningRoutePedestrian: a pedestrian does.

Either moves at 1.8 m/s, 11 m behind the junction (scenario_runner of leaderboard 2.0).
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from auxdrive.types import RoadOption

from auxdrive_eval.simulators.embedded.scenarios.crossing import (
    RETRY_M,
    TRIES,
    Crossing,
    walk_at,
)
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.town.model import CAR_COLOURS, BodyKind

BEHIND_M = 11.0
NEXT_TURN_M = 30.0
END_M = 8.0


class VehicleTurningRoute(Crossing):
    """See the module."""

    title: ClassVar[str] = "a cyclist crosses behind a turn"
    reach_m: ClassVar[float] = 75.0
    who: ClassVar[BodyKind] = BodyKind.CYCLIST
    speed_mps: ClassVar[float] = 1.8

    @classmethod
    def place(cls, ground: Ground, at_m: float, rng: np.random.Generator) -> Self | str:
        """See `Scenario`.

        Args:
            ground: the route.
            at_m: distance along it.
            rng: draws looks.
        """
        style = int(rng.integers(CAR_COLOURS))
        turn = ground.next_crossing(at_m)
        if turn is None or turn.start_m > at_m + NEXT_TURN_M:
            return f"no junction lies within {NEXT_TURN_M:.0f} m"
        if turn.lane.turn not in (RoadOption.LEFT, RoadOption.RIGHT):
            return "the route goes straight on at the junction"
        for attempt in range(TRIES):
            along_m = turn.end_m + BEHIND_M + attempt * RETRY_M
            if not ground.is_open(along_m - 5.0, along_m + END_M):
                continue
            walk = walk_at(ground, along_m, cls.who)
            if walk is not None:
                return cls(at_m, walk, style)
        return "no place beside the road is free"


class VehicleTurningRoutePedestrian(VehicleTurningRoute):
    """See the module."""

    title: ClassVar[str] = "a pedestrian crosses behind a turn"
    who: ClassVar[BodyKind] = BodyKind.PEDESTRIAN
