"""The stage of scenarios in the embedded simulator: its own ego and traffic."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from auxdrive_eval.simulators.embedded.ego.tracker import RouteTracker
from auxdrive_eval.simulators.embedded.ego.vehicle import Vehicle
from auxdrive_eval.simulators.embedded.geometry.boxes import box
from auxdrive_eval.simulators.embedded.scenarios.stage import CLAIM_M, STANDS_MPS, Stage
from auxdrive_eval.simulators.embedded.town.model import CarKind
from auxdrive_eval.simulators.embedded.traffic.bodies import Body
from auxdrive_eval.simulators.embedded.traffic.car import Car, Claim


@dataclass(kw_only=True)
class EmbeddedStage(Stage):
    """The world of a route, from tick to tick.

    Attributes:
        vehicle: the ego.
        tracker: where the ego is on the route.
    """

    vehicle: Vehicle
    tracker: RouteTracker

    @property
    def ego_m(self) -> float:
        """Where the ego's centre is on the route."""
        return self.tracker.progress_m + self.vehicle.parameters.centre_ahead_m

    @property
    def front_m(self) -> float:
        """Where the ego's front bumper is on the route."""
        return self.ego_m + self.vehicle.parameters.length_m / 2

    @property
    def speed_mps(self) -> float:
        """The ego's speed."""
        return self.vehicle.speed_mps

    def join_traffic(
        self, body: Body, colour: int, lane: int, along_m: float, ahead: Sequence[int]
    ) -> Car:
        """See `Stage`.

        Args:
            body: a car.
            colour: number of its paint colour.
            lane: on which it drives from now on.
            along_m: where its centre is on that lane.
            ahead: the lanes that it will drive next.
        """
        assert isinstance(body.kind, CarKind)
        self.bodies.remove(body.body_id)
        return self.traffic.add(body.kind, colour, lane, along_m, ahead)

    def claim_ahead(self, car: Car, ahead_m: float) -> None:
        """See `Stage`. Nobody follows the car there yet, so that these places count as covered by
        somebody who stands.

        Args:
            car: of the traffic.
            ahead_m: how far along its lanes, from its middle.
        """
        graph = self.ground.kit.graph
        for step_m in np.arange(0.0, max(ahead_m, 0.0) + 1e-6, CLAIM_M):
            lane, at_m = car.lane, car.along_m + float(step_m)
            for following in car.ahead:
                if at_m <= graph.length[lane]:
                    break
                lane, at_m = following, at_m - float(graph.length[lane])
            points, yaw_rad = graph.poses(np.array([lane]), np.array([at_m]))
            there = box(
                float(points[0, 0]), float(points[0, 1]), float(yaw_rad[0]), CLAIM_M, car.width_m
            )
            self.claims.append(Claim(car.car_id, there, 0.0))

    def claim_standing(self, connectors: Collection[int]) -> None:
        """See `Stage`.

        Args:
            connectors: the lanes of the junction.
        """
        traffic = self.traffic
        boxes = traffic.boxes()
        for car, where in zip(traffic.cars.values(), boxes, strict=True):
            if car.lane in connectors and car.speed_mps < STANDS_MPS:
                self.claims.append(Claim(car.car_id, where, 0.0))
