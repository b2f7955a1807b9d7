"""StaticCutIn: a car that stands in the neighbouring lane pulls out right before the ego, where the
road has several lanes.

It starts when the ego will be there within 2.7 s or is 15 m away (scenario_runner of leaderboard
2.0). It is put there when the ego comes, so that the traffic does not wait behind it for long.
"""

from __future__ import annotations

from typing import ClassVar

from auxdrive_eval.simulators.embedded.geometry.boxes import overlaps
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.scenarios.parking_cut_in import STRAIGHT_M, ParkingCutIn
from auxdrive_eval.simulators.embedded.scenarios.stage import Stage

SIDES = (1.0, -1.0)
ROOM_M = 4.0


class StaticCutIn(ParkingCutIn):
    """See the module."""

    title: ClassVar[str] = "a car that stands in the neighbouring lane pulls out before the ego"
    nowhere: ClassVar[str] = "the road has no other lane of this direction, or a junction is near"
    reaction_s: ClassVar[float] = 2.7
    nearest_m: ClassVar[float] = 15.0

    @classmethod
    def beside_m(cls, ground: Ground, along_m: float) -> float | None:
        """See `ParkingCutIn`.

        Args:
            ground: the route.
            along_m: where on the route.
        """
        for side in SIDES:
            there = [ground.neighbour_m(along_m + s, side) for s in (-STRAIGHT_M, 0.0, STRAIGHT_M)]
            if there[1] is not None and None not in there:
                return there[1]
        return None

    def prepare(self, stage: Stage) -> None:
        """Nothing stands there before the ego comes."""

    def step(self, stage: Stage) -> bool:
        """See `Scenario`."""
        if self.car is None:
            self.put(stage)
            room = self.car.box() if self.car is not None else None
            assert room is not None, "put() puts it"
            room[3] += ROOM_M
            cars = stage.traffic.boxes()
            if len(cars) and bool((overlaps(room, cars) > 0).any()):
                stage.bodies.remove(self.car.body_id)
                self.car = None
                if stage.front_m > self.bay_m - self.nearest_m:
                    self.missed = "other cars stood where the car was to stand"
                return False
        return super().step(stage)

    def leave(self, stage: Stage) -> None:
        """See `Scenario`. A car that did not come into the lane does not stay in the other."""
        if self.car is not None and self.car.body_id in stage.bodies.all:
            stage.bodies.remove(self.car.body_id)
