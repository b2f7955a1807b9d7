"""What a scenario may see and do while its route is driven."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from auxdrive_eval.simulators.embedded.ego.tracker import RouteTracker
from auxdrive_eval.simulators.embedded.ego.vehicle import Vehicle
from auxdrive_eval.simulators.embedded.geometry.boxes import box
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.traffic.bodies import Bodies
from auxdrive_eval.simulators.embedded.traffic.car import Car, Claim
from auxdrive_eval.simulators.embedded.traffic.cars import Traffic
from auxdrive_eval.simulators.embedded.traffic.lights import LightCycles

CLAIM_M = 4.0
STANDS_MPS = 0.5


@dataclass
class Stage:
    """The world of a route, from tick to tick.

    Attributes:
        ground: the route.
        vehicle: the ego.
        tracker: where the ego is on the route.
        traffic: the moving cars.
        bodies: who and what is beside the traffic.
        lights: the traffic lights.
        rng: of the scenarios alone.
        tick_s: length of a tick.
        time_s: game time.
        steer_bias_rad: what is added to the ego's steering.
        pedal_bias: what is added to the ego's throttle.
        claims: where cars that obey no rule will be soon; made anew in every tick.
    """

    ground: Ground
    vehicle: Vehicle
    tracker: RouteTracker
    traffic: Traffic
    bodies: Bodies
    lights: LightCycles
    rng: np.random.Generator
    tick_s: float
    time_s: float = field(default=0.0)
    steer_bias_rad: float = field(default=0.0)
    pedal_bias: float = field(default=0.0)
    claims: list[Claim] = field(default_factory=list)

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

    def arrives_within(self, along_m: float, time_s: float, distance_m: float = 0.0) -> bool:
        """Whether the ego's front reaches a place of the route soon, at its present speed.

        Args:
            along_m: the place.
            time_s: within this time.
            distance_m: or is no farther away than this.
        """
        left_m = along_m - self.front_m
        return left_m <= max(distance_m, time_s * self.speed_mps)

    def claim_ahead(self, car: Car, ahead_m: float) -> None:
        """Tell everybody that a car will come, whoever has the right of way. Nobody follows it
        there yet, so that these places count as covered by somebody who stands.

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
        """Tell everybody of the cars that stand in a junction, where usually nobody does: they are
        in the way of lanes that part from theirs too.

        Args:
            connectors: the lanes of the junction.
        """
        traffic = self.traffic
        boxes = traffic.boxes()
        for car, where in zip(traffic.cars.values(), boxes, strict=True):
            if car.lane in connectors and car.speed_mps < STANDS_MPS:
                self.claims.append(Claim(car.car_id, where, 0.0))
