"""What a scenario may see and do while its route is driven."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from auxdrive_eval.simulators.embedded.ego.tracker import RouteTracker
from auxdrive_eval.simulators.embedded.ego.vehicle import Vehicle
from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.traffic.bodies import Bodies
from auxdrive_eval.simulators.embedded.traffic.cars import Traffic
from auxdrive_eval.simulators.embedded.traffic.lights import LightCycles

SLOWEST_MPS = 0.5


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
