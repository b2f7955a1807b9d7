"""Junctions into which the ego goes without asking, as a driver does who acts on what he sees. The
others see it go, and wait.
"""

from __future__ import annotations

from collections.abc import Mapping

from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.simulators.embedded.traffic.car import EGO_ID, Car, Occupancy
from auxdrive_eval.simulators.embedded.traffic.junctions import JunctionControl
from auxdrive_eval.simulators.right_of_way import STANDS_MPS
from auxdrive_eval.world import LightColour


class SeenEgo(JunctionControl):
    """Reservations of all cars but the ego, which never asks. Its connector counts as reserved from
    the moment in which others see that it goes: it has set off from its line, or is too fast to
    stop before it. Who was admitted before, but has not entered and can still stop, waits then; a
    car that stands and goes before the ego by the rules does not, since the ego sees it start.

    Args:
        town: whose junctions they are.

    Attributes:
        green_s: for how long each light has been green, by its id.
        time_s: game time since the beginning.
    """

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.green_s: dict[int, float] = {}
        self.time_s = 0.0

    def is_asking(self, car: Car, occupancy: Occupancy) -> bool:
        return car.car_id != EGO_ID and super().is_asking(car, occupancy)

    def _watch_ego(
        self,
        ego: Car | None,
        cars: Mapping[int, Car],
        colours: Mapping[int, LightColour],
        tick_s: float,
    ) -> None:
        self.time_s += tick_s
        for light_id, colour in colours.items():
            green = colour is LightColour.GREEN
            self.green_s[light_id] = self.green_s.get(light_id, 0.0) + tick_s if green else 0.0
        if ego is None:
            return
        inside = self.town.lanes[ego.lane].junction_id is not None
        connector = ego.lane if inside else ego.ahead[0]
        held = self._granted.get(EGO_ID)
        if inside or (held in (None, connector) and self._goes(ego)):
            self._granted[EGO_ID] = connector
            self._let_wait(connector, cars)
        elif held == connector:
            del self._granted[EGO_ID]

    def _goes(self, ego: Car) -> bool:
        if self.town.lanes[ego.ahead[0]].junction_id is None or ego.speed_mps < STANDS_MPS:
            return False
        return ego.waited_s > 0.0 or not self._can_stop(ego)

    def _let_wait(self, connector: int, cars: Mapping[int, Car]) -> None:
        crossing = {conflict.other for conflict in self._conflicts[connector]}
        for car_id, other in list(self._granted.items()):
            car = cars[car_id]
            if other not in crossing or car.ahead[:1] != [other] or not self._can_stop(car):
                continue
            stands = car.speed_mps < STANDS_MPS
            if not (stands and self.rank[other] < self.rank[connector]):
                del self._granted[car_id]
