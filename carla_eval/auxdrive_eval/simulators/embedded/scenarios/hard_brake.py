"""FollowLeadingVehicle (Scenario2, HardBreakRoute): the car ahead of the ego brakes as hard as it
can, and stands.

A car of the traffic that is ahead anyway does it; where there is none, one is put 25 m ahead. It
brakes once it has driven 15 m or the next junction is 20 m away (scenario_runner of leaderboard
1.0), and goes on when the ego has stood behind it for 1 s, or after 10 s.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from auxdrive_eval.simulators.embedded.scenarios.base import Scenario
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.scenarios.stage import Stage
from auxdrive_eval.simulators.embedded.town.model import CAR_COLOURS, CarKind
from auxdrive_eval.simulators.embedded.traffic.car import Car

AHEAD_M = 25.0
FARTHEST_M = 35.0
ROOM_M = 8.0
DRIVEN_M = 15.0
BEFORE_JUNCTION_M = 20.0
WAITS_M = 15.0
FULL_BRAKE_MPS2 = -7.5
STANDING_MPS = 0.1
EGO_STOOD_S, STOOD_S = 1.0, 10.0


class HardBrake(Scenario):
    """See the module.

    Args:
        at_m: where on the route the ego sets it off.
        colour: of the car, if one is put there.
    """

    title: ClassVar[str] = "the car ahead brakes hard"
    reach_m: ClassVar[float] = 60.0

    def __init__(self, at_m: float, colour: int) -> None:
        super().__init__(at_m)
        self._colour = colour
        self.car: Car | None = None
        self._driven_m = self._stood_s = self._ego_stood_s = 0.0

    @classmethod
    def place(cls, ground: Ground, at_m: float, rng: np.random.Generator) -> Self | str:
        """See `Scenario`.

        Args:
            ground: the route.
            at_m: distance along it.
            rng: draws the car's colour.
        """
        colour = int(rng.integers(CAR_COLOURS))
        if not ground.is_open(at_m, at_m + cls.reach_m):
            return f"the next junction is less than {cls.reach_m:.0f} m away"
        return cls(at_m, colour)

    def step(self, stage: Stage) -> bool:
        """See `Scenario`."""
        if self.car is None:
            self._find(stage)
            return False
        car = self.car
        if car.car_id not in stage.traffic.cars:
            return True
        self._driven_m += car.moved_m
        line_m = stage.traffic.junctions.to_line_m(car)
        if car.told_mps2 is None and (self._driven_m >= DRIVEN_M or line_m <= BEFORE_JUNCTION_M):
            car.told_mps2 = FULL_BRAKE_MPS2
        if car.told_mps2 is None or car.speed_mps > STANDING_MPS:
            return False
        self._stood_s += stage.tick_s
        if stage.speed_mps < STANDING_MPS:
            self._ego_stood_s += stage.tick_s
        return self._ego_stood_s >= EGO_STOOD_S or self._stood_s >= STOOD_S

    def leave(self, stage: Stage) -> None:  # noqa: ARG002 - the same for every scenario
        """See `Scenario`."""
        if self.car is not None:
            self.car.told_mps2 = None

    def _find(self, stage: Stage) -> None:
        """Take the car that is ahead, or put one there."""
        lane, here_m = stage.ground.lane(stage.front_m), stage.ground.along_lane(stage.front_m)
        on_lane = sorted(
            (car for car in stage.traffic.cars.values() if car.lane == lane.lane_id),
            key=lambda car: car.along_m,
        )
        ahead = [car for car in on_lane if car.along_m - car.length_m / 2 > here_m]
        there_m = here_m + AHEAD_M
        if ahead and ahead[0].along_m - here_m <= FARTHEST_M:
            if stage.traffic.junctions.to_line_m(ahead[0]) > BEFORE_JUNCTION_M:
                self.car = ahead[0]
        elif there_m + BEFORE_JUNCTION_M < lane.length_m and all(
            abs(car.along_m - there_m) > ROOM_M for car in on_lane
        ):
            self.car = stage.traffic.add(
                CarKind.SEDAN,
                self._colour,
                lane.lane_id,
                there_m,
                stage.ground.lanes_after(stage.front_m)[:2],
            )
            self.car.speed_mps = max(stage.speed_mps, lane.speed_limit_mps / 2)
        if self.car is not None:
            self.actor_ids = {self.car.car_id}
        elif stage.ego_m > self.at_m + WAITS_M:
            self.missed = "no car could be put ahead: the lane was full or the junction near"
