"""OtherLeadingVehicle (Scenario5): the car ahead slows to less than a third of the speed limit,
while another one drives on in the lane to the left.

They are put 35 and 36 m ahead as the ego comes, at speeds in the proportions of scenario_runner
of leaderboard 1.0, and it is over when the ego has driven 140 m. Both obey the rules of the road.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from auxdrive_eval.simulators.embedded.scenarios.base import Scenario
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.scenarios.stage import Stage
from auxdrive_eval.simulators.embedded.town.model import CAR_COLOURS, CarKind
from auxdrive_eval.simulators.embedded.traffic.car import Car
from auxdrive_eval.world import Point

AHEAD_M, BESIDE_AHEAD_M = 35.0, 36.0
ON_ROAD_M = 40.0
"""So much road lies at least beyond the two cars."""
LEFT = 1.0
SLOW_SHARE, BESIDE_SHARE = 1.0 / 3.2, 45.0 / 55.0
DRIVEN_M = 140.0
ROOM_M = 8.0
WAITS_M = 15.0
STEP_M = 10.0


class OtherLeadingVehicle(Scenario):
    """See the module.

    Args:
        at_m: where on the route the ego sets it off.
        colours: of the two cars.
    """

    title: ClassVar[str] = "the car ahead slows down, and another drives on beside it"
    reach_m: ClassVar[float] = DRIVEN_M
    timeout_s: ClassVar[float] = 80.0

    def __init__(self, at_m: float, colours: tuple[int, int]) -> None:
        super().__init__(at_m)
        self._colours = colours
        self.cars: tuple[Car, ...] = ()

    @classmethod
    def fits(cls, ground: Ground) -> bool:
        """See `Scenario`.

        Args:
            ground: the route.
        """
        places = np.arange(0.0, ground.length_m, STEP_M)
        return any(ground.neighbour_m(float(at), LEFT) is not None for at in places)

    @classmethod
    def place(cls, ground: Ground, at_m: float, rng: np.random.Generator) -> Self | str:
        """See `Scenario`.

        Args:
            ground: the route.
            at_m: distance along it.
            rng: draws the cars' colours.
        """
        first, second = (int(colour) for colour in rng.integers(CAR_COLOURS, size=2))
        if not ground.is_open(at_m, at_m + BESIDE_AHEAD_M + ON_ROAD_M):
            return "a junction is near, or the end of the route"
        if ground.neighbour_m(at_m + BESIDE_AHEAD_M, LEFT) is None:
            return "the road has no lane of this direction to the left"
        return cls(at_m, (first, second))

    def step(self, stage: Stage) -> bool:
        """See `Scenario`."""
        if not self.cars:
            self._put(stage)
        return stage.ego_m >= self.at_m + DRIVEN_M

    def leave(self, stage: Stage) -> None:  # noqa: ARG002 - the same for every scenario
        """See `Scenario`."""
        for car in self.cars:
            car.cruise = 1.0

    def _put(self, stage: Stage) -> None:
        """Put the two cars ahead, once there is room for both."""
        ground, here_m = stage.ground, stage.front_m
        beside_m = ground.neighbour_m(here_m + BESIDE_AHEAD_M, LEFT)
        places = [ground.point(here_m + AHEAD_M)]
        if beside_m is not None:
            places.append(ground.point(here_m + BESIDE_AHEAD_M, beside_m))
        others = stage.traffic.boxes()[:, :2]
        away = np.hypot(*(np.array(places)[:, None] - others[None]).transpose(2, 0, 1))
        if len(places) == 2 and not (away < ROOM_M).any():
            ahead = ground.lanes_after(here_m + AHEAD_M)[:2]
            lane_id = ground.lane(here_m + AHEAD_M).lane_id
            self.cars = (
                self._car(stage, 0, lane_id, places[0], SLOW_SHARE, ahead),
                self._car(stage, 1, self._lane_at(ground, places[1], here_m), places[1]),
            )
            self.actor_ids = {car.car_id for car in self.cars}
        elif stage.ego_m > self.at_m + WAITS_M:
            self.missed = "there was no room for the two cars ahead"

    @staticmethod
    def _lane_at(ground: Ground, place: Point, here_m: float) -> int:
        yaw_rad = ground.pose(here_m + BESIDE_AHEAD_M).yaw_rad
        return ground.kit.roads.lane_view(*place, yaw_rad).lane_id

    def _car(
        self,
        stage: Stage,
        number: int,
        lane_id: int,
        place: Point,
        cruise: float = BESIDE_SHARE,
        ahead: list[int] | None = None,
    ) -> Car:
        """One of the two cars, at the speed limit."""
        graph = stage.traffic.graph
        along_m = graph.foot(lane_id, *place)
        colour = self._colours[number]
        car = stage.traffic.add(CarKind.SEDAN, colour, lane_id, along_m, ahead or ())
        car.cruise = cruise
        car.speed_mps = graph.town.lanes[lane_id].speed_limit_mps
        return car
