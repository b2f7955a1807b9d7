"""Cars of scenarios that drive on lanes, as vehicles of CARLA. What they are not told, they do by
the Intelligent Driver Model: they keep to the speed limit and their distance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from auxdrive.geometry import cumulative_length
from auxdrive.types import Float64, Pose2, RoadOption

from auxdrive_eval.simulators.carla.ego.surroundings import Other
from auxdrive_eval.simulators.carla.scenarios.bodies import CARS
from auxdrive_eval.simulators.carla.scenarios.players import LOST_MPS, Players, progress_m
from auxdrive_eval.simulators.embedded.geometry.boxes import box
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.model import CarKind, Town
from auxdrive_eval.simulators.embedded.traffic.bodies import Body
from auxdrive_eval.simulators.embedded.traffic.car import Car
from auxdrive_eval.simulators.embedded.traffic.idm import idm_accel
from auxdrive_eval.world import Point

WAY_M = 200.0
"""So long is the way that a car drives before it is removed."""
END_M = 6.0
GOAL_M, GOAL_S = 4.0, 0.5
SEEN_M, ASIDE_M = 50.0, 0.5


class Junctions:
    """Who waits before a junction; see `JunctionsOfScenarios`. Nobody asks for the way.

    Args:
        town: of the junctions.
    """

    def __init__(self, town: Town) -> None:
        self._town = town
        self.barred: set[int] = set()

    def granted(self, car_id: int) -> int | None:  # noqa: ARG002 - nothing is reserved
        """None: nothing is reserved."""
        return None

    def bar(self, car_id: int) -> None:
        """Let a car wait at its line until it is forced or freed."""
        self.barred.add(car_id)

    def force(self, car_id: int, connector: int) -> None:  # noqa: ARG002 - the way is its own
        """Let a car enter.

        Args:
            car_id: whose next lane is the connector.
            connector: the connector's id.
        """
        self.barred.discard(car_id)

    def free(self, car_id: int) -> None:
        """Let a car go on."""
        self.barred.discard(car_id)

    def to_line_m(self, car: Car) -> float:
        """Distance from the car's front to the end of its lane."""
        return self._town.lanes[car.lane].length_m - car.along_m - car.length_m / 2


@dataclass(slots=True)
class _Way:
    """The lanes that a car drives, as one path, and the speed that it was given last."""

    lanes: tuple[int, ...]
    starts: Float64
    points: Float64
    arclength: Float64
    at_m: float
    told_mps: float | None = None


class CarlaCars:
    """The cars of a route's scenarios, a `TrafficOfScenarios`; their ids are those of CARLA's
    actors. The cars of the background are not among them.

    Args:
        players: that puts and leads them.
        graph: the lanes.
        tick_s: length of a tick.
    """

    def __init__(self, players: Players, graph: LaneGraph, tick_s: float) -> None:
        self._players, self._graph, self._tick_s = players, graph, tick_s
        self.cars: dict[int, Car] = {}
        self._junctions = Junctions(graph.town)
        self._ways: dict[int, _Way] = {}
        self.around: tuple[Other, ...] = ()

    @property
    def graph(self) -> LaneGraph:
        """The lanes."""
        return self._graph

    @property
    def junctions(self) -> Junctions:
        """Who waits before them."""
        return self._junctions

    def add(
        self, kind: CarKind, colour: int, lane: int, along_m: float, ahead: Sequence[int] = ()
    ) -> Car:
        """Put one more car at rest on a lane.

        Args:
            kind: its body type.
            colour: plays no part: it has the blueprint's.
            lane: the lane's id.
            along_m: where its centre is on that lane.
            ahead: the lanes that it will drive next.

        Raises:
            NoRoom: it cannot be put there.
        """
        points, yaw_rad = self._graph.poses(np.array([lane]), np.array([along_m]))
        there = Pose2(float(points[0, 0]), float(points[0, 1]), float(yaw_rad[0]))
        height_m = self._graph.height_at(lane, along_m)
        actor = self._players.put(CARS[kind], there, height_m or 0.0)
        return self._enter(int(actor.id), kind, colour, lane, along_m, ahead)

    def take(self, body: Body, colour: int, lane: int, along_m: float, ahead: Sequence[int]) -> Car:
        """Let a car that followed a path of its own drive on lanes.

        Args:
            body: the car.
            colour: number of its paint colour.
            lane: the lane's id.
            along_m: where its centre is on that lane.
            ahead: the lanes that it will drive next.
        """
        assert isinstance(body.kind, CarKind)
        return self._enter(body.body_id, body.kind, colour, lane, along_m, ahead)

    def remove(self, car_id: int) -> None:
        """Take a car out of the world."""
        del self.cars[car_id], self._ways[car_id]
        self._junctions.free(car_id)
        self._players.remove(car_id)

    def boxes(self) -> Float64:
        """Boxes of all vehicles but the ego, float64 (N, 5)."""
        return np.array(
            [
                box(*other.place, other.yaw_rad, 2 * other.half_m, 2 * other.half_width_m)
                for other in self.around
                if not other.is_pedestrian
            ]
        ).reshape(-1, 5)

    def lead(self, snapshot: Any, ego: Other) -> None:
        """Say how each drives in the next tick.

        Args:
            snapshot: of the world now.
            ego: in whose way nobody drives who was not told to.
        """
        for car_id, car in list(self.cars.items()):
            way, seen = self._ways[car_id], self._players.seen(snapshot, car_id)
            if way.arclength[-1] - way.at_m < END_M:
                self.remove(car_id)
                continue
            speed_mps = way.told_mps
            if speed_mps is None or abs(car.speed_mps - speed_mps) > LOST_MPS:
                speed_mps = car.speed_mps
            accel = car.told_mps2
            if accel is None:
                accel = self._accel_mps2(car, way, speed_mps, (*self.around, ego))
            way.told_mps = speed_mps = max(0.0, speed_mps + accel * self._tick_s)
            if seen is not None:
                goal = _place(way, way.at_m + GOAL_M + GOAL_S * speed_mps)
                self._players.lead(car_id, seen.pose, goal, speed_mps)

    def look(self, snapshot: Any, around: tuple[Other, ...]) -> None:
        """See where each is after a tick.

        Args:
            snapshot: of the world after it.
            around: the other vehicles, and the pedestrians.
        """
        self.around = around
        for car_id, car in self.cars.items():
            seen = self._players.seen(snapshot, car_id)
            if seen is None:
                continue
            way, place = self._ways[car_id], (seen.pose.x_m, seen.pose.y_m)
            before_m = way.at_m
            way.at_m = progress_m(way.points, way.arclength, place, before_m)
            index = int(np.searchsorted(way.starts, way.at_m, side="right")) - 1
            car.lane, car.ahead = way.lanes[index], list(way.lanes[index + 1 :])
            car.along_m = way.at_m - float(way.starts[index])
            car.moved_m = way.at_m - before_m
            if way.told_mps is not None:
                car.speed_mps = max(seen.speed_mps, 0.0)

    def _enter(
        self,
        car_id: int,
        kind: CarKind,
        colour: int,
        lane: int,
        along_m: float,
        ahead: Sequence[int],
    ) -> Car:
        car = Car(car_id, kind, *self._players.size_m(car_id), colour, lane, along_m)
        way = self._way((lane, *ahead), along_m)
        car.ahead = list(way.lanes[1:])
        self.cars[car_id], self._ways[car_id] = car, way
        return car

    def _way(self, lanes: Sequence[int], along_m: float) -> _Way:
        town, found = self._graph.town, list(lanes)
        while self._graph.length[found].sum() - along_m < WAY_M:
            after = town.lanes[found[-1]].successors
            straight = [each for each in after if town.lanes[each].turn is RoadOption.STRAIGHT]
            found.append((straight or list(after))[0])
        points = np.concatenate([town.lanes[each].centreline for each in found])
        kept = np.append(True, np.hypot(*np.diff(points, axis=0).T) > 1e-6)
        lengths = self._graph.length[found]
        starts = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
        return _Way(tuple(found), starts, points[kept], cumulative_length(points[kept]), along_m)

    def _accel_mps2(self, car: Car, way: _Way, speed_mps: float, others: Sequence[Other]) -> float:
        gap_m, lead_mps = min(
            _ahead(car, way, others), default=(math.inf, 0.0), key=lambda each: each[0]
        )
        if car.car_id in self._junctions.barred:
            line_m = self._junctions.to_line_m(car)
            gap_m, lead_mps = (line_m, 0.0) if line_m < gap_m else (gap_m, lead_mps)
        limit_mps = self._graph.town.lanes[car.lane].speed_limit_mps
        return idm_accel(speed_mps, limit_mps, max(gap_m, 0.1), lead_mps)


def _ahead(car: Car, way: _Way, others: Sequence[Other]) -> Iterator[tuple[float, float]]:
    """How far ahead on the car's way each of the others is, and its speed."""
    near = (way.arclength >= way.at_m) & (way.arclength <= way.at_m + SEEN_M)
    points, along = way.points[near], way.arclength[near]
    for other in others if len(points) else ():
        if other.actor_id == car.car_id:
            continue
        away = np.hypot(*(points - np.array(other.place)).T)
        nearest = int(np.argmin(away))
        if away[nearest] < car.width_m / 2 + other.half_width_m + ASIDE_M:
            gap_m = float(along[nearest]) - way.at_m - car.length_m / 2 - other.half_m
            yield gap_m, other.speed_mps


def _place(way: _Way, at_m: float) -> Point:
    x, y = (float(np.interp(at_m, way.arclength, way.points[:, axis])) for axis in (0, 1))
    return x, y
