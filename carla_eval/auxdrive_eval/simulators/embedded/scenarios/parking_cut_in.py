"""ParkingCutIn: a car that is parked beside the lane pulls out right before the ego, 35 m beyond
the trigger.

It starts when the ego will be there within 2.35 s or is 10 m away (scenario_runner of leaderboard
2.0), and drives on as a car of the traffic.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from auxdrive_eval.simulators.embedded.scenarios.base import Scenario
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.scenarios.stage import Stage
from auxdrive_eval.simulators.embedded.town.model import CAR_COLOURS, CAR_SIZES_M, CarKind
from auxdrive_eval.simulators.embedded.traffic.bodies import Body
from auxdrive_eval.world import Point

AHEAD_M = 35.0
TRIES, RETRY_M = 20, 0.5
SWERVE_M, STRAIGHT_M = 10.0, 8.0
STEP_M = 0.5
ACCEL_MPS2 = 2.5
SPEED_SHARE = 0.7
BEHIND_M, BEFORE_M = 4.0, 25.0
CLEAR_M = 15.0


class ParkingCutIn(Scenario):
    """See the module.

    Args:
        at_m: where on the route the ego sets it off.
        bay_m: where on the route the car is parked.
        path: of its middle, from where it stands into the lane.
        colour: of the car.
    """

    title: ClassVar[str] = "a parked car pulls out before the ego"
    reach_m: ClassVar[float] = 75.0
    nowhere: ClassVar[str] = "no parking lane beside the road has room, or a junction is near"
    reaction_s: ClassVar[float] = 2.35
    nearest_m: ClassVar[float] = 10.0

    def __init__(self, at_m: float, bay_m: float, path: tuple[Point, ...], colour: int) -> None:
        super().__init__(at_m)
        self.bay_m, self._path, self._colour = bay_m, path, colour
        self.car: Body | None = None
        self._merged = False

    @classmethod
    def place(cls, ground: Ground, at_m: float, rng: np.random.Generator) -> Self | str:
        """See `Scenario`.

        Args:
            ground: the route.
            at_m: distance along it.
            rng: draws the car's colour.
        """
        colour = int(rng.integers(CAR_COLOURS))
        size = CAR_SIZES_M[CarKind.HATCHBACK]
        for attempt in range(TRIES):
            bay_m = at_m + AHEAD_M + attempt * RETRY_M
            end_m = bay_m + SWERVE_M + STRAIGHT_M
            if not ground.is_open(bay_m - 6.0, end_m + 4.0):
                continue
            left_m = cls.beside_m(ground, bay_m)
            if left_m is None:
                continue
            path = _path(ground, bay_m, left_m)
            poses = [ground.pose(bay_m + s, _still_beside(s) * left_m) for s in (0.0, 3.0, 5.0)]
            if all(ground.is_free(pose, size) for pose in poses):
                return cls(at_m, bay_m, path, colour)
        return cls.nowhere

    @classmethod
    def beside_m(cls, ground: Ground, along_m: float) -> float | None:
        """How far left of the route's centre line the car stands; None if it cannot.

        Args:
            ground: the route.
            along_m: where on the route.
        """
        right_m = ground.bay_m(along_m, CAR_SIZES_M[CarKind.HATCHBACK][1])
        return None if right_m is None else -right_m

    def prepare(self, stage: Stage) -> None:
        """See `Scenario`."""
        self.put(stage)

    def put(self, stage: Stage) -> None:
        """Put the car where it stands."""
        self.car = stage.bodies.add(CarKind.HATCHBACK, self._path, style=self._colour)
        self.actor_ids.add(self.car.body_id)

    def step(self, stage: Stage) -> bool:
        """See `Scenario`."""
        car = self.car
        assert car is not None, "prepare() comes first"
        if self._merged or car.body_id not in stage.bodies.all:
            return stage.ego_m > self.bay_m + CLEAR_M
        if car.speed_mps == 0.0 and car.along_m == 0.0:
            if stage.front_m > self.bay_m - self.nearest_m / 2:
                self.missed = "other cars were between the ego and the car"
            elif self._is_next(stage) and stage.arrives_within(
                self.bay_m, self.reaction_s, self.nearest_m
            ):
                car.speed_mps = ACCEL_MPS2 * stage.tick_s
            return False
        most_mps = SPEED_SHARE * stage.ground.lane(self.bay_m).speed_limit_mps
        car.speed_mps = min(car.speed_mps + ACCEL_MPS2 * stage.tick_s, most_mps)
        if car.has_arrived:
            self._merge(stage, car)
        return False

    def leave(self, stage: Stage) -> None:
        """See `Scenario`. A car that did not come into the lane does not stay on its way there."""
        car = self.car
        if car is not None and car.along_m > 0.0 and car.body_id in stage.bodies.all:
            stage.bodies.remove(car.body_id)

    def _is_next(self, stage: Stage) -> bool:
        """Whether no car of the traffic is between the ego and where this one will be."""
        start, end = stage.front_m, self.bay_m + BEFORE_M
        places = np.arange(start + BEHIND_M, end, 2.0)
        points = np.array([stage.ground.point(at) for at in places]).reshape(-1, 2)
        cars = stage.traffic.boxes()[:, :2]
        away = np.hypot(*(points[:, None] - cars[None]).transpose(2, 0, 1))
        return not bool((away < 2.0).any())

    def _merge(self, stage: Stage, body: Body) -> None:
        """The car has come into the lane: from now on it belongs to the traffic."""
        end_m = self.bay_m + SWERVE_M + STRAIGHT_M
        ground = stage.ground
        car = stage.join_traffic(
            body,
            self._colour,
            ground.lane(end_m).lane_id,
            ground.along_lane(end_m),
            ground.lanes_after(end_m)[:2],
        )
        car.speed_mps = body.speed_mps or SPEED_SHARE * ground.lane(end_m).speed_limit_mps
        self.actor_ids.add(car.car_id)
        self._merged = True


def _still_beside(ahead_m: float) -> float:
    """The share of its way to the side that the car still has, so far ahead of where it stood."""
    share = min(max(ahead_m / SWERVE_M, 0.0), 1.0)
    return 1.0 - share * share * (3.0 - 2.0 * share)


def _path(ground: Ground, bay_m: float, left_m: float) -> tuple[Point, ...]:
    return tuple(
        ground.point(bay_m + s, _still_beside(s) * left_m)
        for s in np.arange(0.0, SWERVE_M + STRAIGHT_M + STEP_M / 2, STEP_M)
    )
