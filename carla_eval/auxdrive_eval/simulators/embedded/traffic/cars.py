"""Moving cars. Each follows its lanes by the Intelligent Driver Model, behind whatever is ahead of
it on them, the ego included.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

import numpy as np
from auxdrive.types import Float64, Pose2

from auxdrive_eval.random_streams import stream
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.model import CAR_COLOURS, CAR_SIZES_M, CarKind, CarPose
from auxdrive_eval.simulators.embedded.traffic.car import (
    EGO_ID,
    Car,
    Claim,
    Leader,
    Occupancy,
)
from auxdrive_eval.simulators.embedded.traffic.idm import MAX_BRAKE_MPS2, idm_accel
from auxdrive_eval.simulators.embedded.traffic.junctions import Held, JunctionControl
from auxdrive_eval.simulators.embedded.traffic.lane_speeds import LaneSpeeds
from auxdrive_eval.simulators.embedded.traffic.lanes_ahead import LanesAhead
from auxdrive_eval.simulators.embedded.traffic.occupancy import occupancy_of
from auxdrive_eval.world import LightColour

STOP_MARGIN_M = 1.0
SPAWN_GAP_M = 16.0
CLEAR_OF_EGO_M = 22.0


class Traffic:
    """All moving cars of one town, except the ego.

    Args:
        graph: the lanes of the town.
        seed: decides where cars start, which bodies they have, and where they turn.
        count: how many cars; there are fewer if the town has no room.
        ego: pose of the ego's rear axle, near which no car starts; None is no ego.
        junctions: who may enter them; None is where everybody asks, the ego too.
    """

    def __init__(
        self,
        graph: LaneGraph,
        seed: int,
        count: int,
        ego: Pose2 | None = None,
        junctions: JunctionControl | None = None,
    ) -> None:
        self.graph = graph
        self.junctions = junctions or JunctionControl(graph.town)
        self._rng = stream(seed, "traffic")
        self._ahead, self._speeds = LanesAhead(graph), LaneSpeeds(graph)
        self.cars: dict[int, Car] = {}
        self._spawn(count, ego)
        self._last_id = len(self.cars)
        self._places: list[tuple[int, float, float, float]] = []
        self._boxes: Float64 = np.empty((0, 5))
        self.ego: Car | None = None
        self.occupancy: Occupancy = {}
        self.colours: Mapping[int, LightColour] = {}

    def _spawn(self, count: int, ego: Pose2 | None) -> None:
        """Place cars at rest on road lanes, away from the ego and from the ends of lanes; fewer
        than `count` if there is no room.
        """
        roads = [lane for lane in self.graph.town.lanes.values() if lane.junction_id is None]
        slots = [
            (lane.lane_id, at)
            for lane in roads
            for at in np.arange(8.0, lane.length_m - 10.0, SPAWN_GAP_M)
        ]
        for index in self._rng.permutation(len(slots)):
            if len(self.cars) == count:
                break
            lane_id, at = slots[index]
            along = float(at + self._rng.uniform(0.0, 4.0))
            (where,), _ = self.graph.poses(np.array([lane_id]), np.array([along]))
            if ego is not None and math.dist(where, (ego.x_m, ego.y_m)) < CLEAR_OF_EGO_M:
                continue
            kind = tuple(CarKind)[int(self._rng.choice(len(CarKind), p=(0.5, 0.35, 0.15)))]
            car = Car(
                len(self.cars) + 1,
                kind,
                *CAR_SIZES_M[kind],
                int(self._rng.integers(CAR_COLOURS)),
                lane_id,
                along,
            )
            car.cruise = float(self._rng.uniform(0.8, 1.0))
            car.speed_mps = 0.5 * car.cruise * self.graph.town.lanes[lane_id].speed_limit_mps
            self._look_ahead(car)
            self.cars[car.car_id] = car

    def _look_ahead(self, car: Car) -> None:
        """Make sure that the car knows its next connector and the road after it."""
        while len(car.ahead) < 2:
            after = self.graph.town.lanes[car.ahead[-1] if car.ahead else car.lane].successors
            car.ahead.append(int(after[int(self._rng.integers(len(after)))]))

    def step(
        self,
        tick_s: float,
        colours: Mapping[int, LightColour],
        ego: Car | None,
        ego_box: Float64 | None,
        others: Iterable[Claim] = (),
    ) -> None:
        """Advance every car by one tick.

        Args:
            tick_s: length of the tick.
            colours: colour of each light by its id.
            ego: the ego as a road user on its route; None if it has left its lanes.
            ego_box: float64 (5,), which other cars must not hit.
            others: whoever else follows no lane.
        """
        self.ego, self.colours = ego, colours
        everyone = self.cars if ego is None else {**self.cars, EGO_ID: ego}
        speed_mps = 0.0 if ego is None else ego.speed_mps
        height_m = None if ego is None else self.height_m(ego)
        egos = () if ego_box is None else (Claim(EGO_ID, ego_box, speed_mps, height_m),)
        self.occupancy = occupancy_of(self.graph, self.cars, (*egos, *others))
        self.junctions.update(everyone, self.occupancy, colours, tick_s)
        for car in self.cars.values():
            car.accel_mps2 = self._accel(car)
        for car in self.cars.values():
            self._advance(car, tick_s)

    def leader(self, car: Car) -> tuple[float, float]:
        """The next road user on the car's lanes: the gap from bumper to bumper in metres, and its
        speed; (inf, 0) if the way is clear.
        """
        found = self.next_ahead(car)
        return (math.inf, 0.0) if found is None else (found.gap_m, found.speed_mps)

    def all_ahead(self, car: Car) -> list[Leader]:
        """Everybody on the car's lanes who is ahead of it, the nearest first."""
        return self._ahead.everybody(car, self.occupancy)

    def held(self, car: Car) -> Iterator[Held]:
        """Everything because of which a car may not enter the next junction now."""
        everyone = self.cars if self.ego is None else {**self.cars, EGO_ID: self.ego}
        if not self.junctions.is_asking(car, self.occupancy):
            return iter(())
        return self.junctions.held(car, everyone, self.occupancy, self.colours)

    def next_ahead(self, car: Car, among: Container[int] | None = None) -> Leader | None:
        """The next road user on the car's lanes; None if the way is clear.

        Args:
            car: whose lanes they are.
            among: only these are looked for, by their ids; None is everybody.
        """
        return self._ahead.next(car, self.occupancy, among)

    def _accel(self, car: Car) -> float:
        if car.told_mps2 is not None:
            return car.told_mps2
        gap, lead_speed = self.leader(car)
        wish = car.cruise * self._speeds.allowed_mps(car)
        accel = idm_accel(car.speed_mps, wish, gap, lead_speed)
        if gap < 0.3:
            return -MAX_BRAKE_MPS2
        if (
            self.graph.town.lanes[car.lane].junction_id is None
            and self.junctions.granted(car.car_id) is None
        ):
            # The line counts as a car at rest, but a car stops nearer to a line than to another
            # car.
            to_line = self.junctions.to_line_m(car) - STOP_MARGIN_M + 2.0
            accel = min(accel, idm_accel(car.speed_mps, wish, max(to_line, 0.1)))
        return accel

    def _advance(self, car: Car, tick_s: float) -> None:
        before = car.speed_mps
        car.speed_mps = max(0.0, before + car.accel_mps2 * tick_s)
        car.moved_m = (before + car.speed_mps) / 2 * tick_s
        car.along_m += car.moved_m
        length = self.graph.length_m[car.lane]
        if car.along_m > length:
            car.behind, car.lane, car.along_m = car.lane, car.ahead.pop(0), car.along_m - length
            self._look_ahead(car)

    def height_m(self, car: Car) -> float | None:
        """How high above the ground a car drives; None in a flat town."""
        return self.graph.height_at(car.lane, car.along_m)

    def halt(self, car_id: int) -> None:
        """Stop a car that has run into the ego, at its position before this tick."""
        car = self.cars[car_id]
        car.along_m, car.speed_mps, car.moved_m = max(0.0, car.along_m - car.moved_m), 0.0, 0.0

    def add(
        self, kind: CarKind, colour: int, lane: int, along_m: float, ahead: Sequence[int] = ()
    ) -> Car:
        """Put one more car at rest on a lane. Whether there is room is for the caller to know.

        Args:
            kind: its body type.
            colour: number of its paint colour.
            lane: the lane's id.
            along_m: where its centre is on that lane.
            ahead: the lanes that it will drive next.
        """
        self._last_id += 1
        car = Car(self._last_id, kind, *CAR_SIZES_M[kind], colour, lane, along_m)
        car.ahead = list(ahead)
        self._look_ahead(car)
        self.cars[car.car_id] = car
        return car

    def speed(self, car_id: int) -> float:
        """The speed of a car, m/s."""
        return self.cars[car_id].speed_mps

    def remove(self, car_id: int) -> None:
        """Take a car out of the world."""
        del self.cars[car_id]

    def boxes(self) -> Float64:
        """Boxes of all cars in the order of their ids, float64 (N, 5), read-only."""
        places = [
            (car.lane, car.along_m, car.length_m / 2, car.width_m / 2) for car in self.cars.values()
        ]
        if places != self._places:
            self._places, self._boxes = places, self._boxes_at(places)
        return self._boxes

    def _boxes_at(self, places: list[tuple[int, float, float, float]]) -> Float64:
        if not places:
            return np.empty((0, 5))
        table = np.array(places)
        points, yaw = self.graph.poses(table[:, 0].astype(np.intp), table[:, 1])
        boxes = np.column_stack([points, yaw, table[:, 2:]])
        boxes.setflags(write=False)
        return boxes

    def poses(self, boxes: Float64) -> tuple[CarPose, ...]:
        """The cars for the renderer, from `boxes()` of this tick."""
        return tuple(
            CarPose(
                c.car_id,
                c.kind,
                x,
                y,
                yaw,
                c.length_m,
                c.width_m,
                c.height_m,
                c.colour,
                c.accel_mps2 < -0.5 or c.speed_mps < 0.1,
            )
            for c, (x, y, yaw) in zip(self.cars.values(), boxes[:, :3].tolist(), strict=True)
        )
