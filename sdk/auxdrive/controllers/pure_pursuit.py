"""Pure pursuit: steer along the circle through the rear axle and a point ahead on the path
(Coulter, CMU-RI-TR-92-01, 1992).
"""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from auxdrive.cards import VehicleSpec
from auxdrive.controllers.base import GuardedController
from auxdrive.controllers.options import ControllerOptions, Number
from auxdrive.controllers.speed import ProportionalSpeed, ProportionalSpeedOptions
from auxdrive.controllers.waypoints import usable_waypoints
from auxdrive.errors import UsageError
from auxdrive.geometry import point_at_distance, pure_pursuit_tan
from auxdrive.steering import SteeringSpec
from auxdrive.types import Control, Prediction


class PurePursuitOptions(ControllerOptions):
    """Options of the controller "pure_pursuit".

    Attributes:
        lookahead_time_s: the lookahead distance is the way driven in this time, within the next two
            bounds.
        min_lookahead_m: the least lookahead distance.
        max_lookahead_m: the largest lookahead distance.
        min_chord_m: the least distance that the formula of the angle counts with.
        speed: how throttle and brake follow the speed.
    """

    lookahead_time_s: Number = Field(default=0.8, ge=0, le=60)
    min_lookahead_m: Number = Field(default=3.0, ge=0.05, le=1000)
    max_lookahead_m: Number = Field(default=15.0, ge=0.05, le=1000)
    min_chord_m: Number = Field(default=2.0, ge=0.01, le=100)
    speed: ProportionalSpeedOptions = ProportionalSpeedOptions()

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_lookahead_m > self.max_lookahead_m:
            raise ValueError("min_lookahead_m is larger than max_lookahead_m")
        return self


class PurePursuit(GuardedController):
    """Follows the path from the rear axle (the ego frame's origin) through the waypoints.

    The angle is atan(2 * wheelbase * y / d^2) for the path's point (x, y) at the lookahead distance
    d. The speed is that between the first two waypoints.

    Args:
        steering: the vehicle's steering limits.
        vehicle: the vehicle; its wheelbase must be known.
        options: see `PurePursuitOptions`.

    Raises:
        UsageError: the vehicle's wheelbase is not known.
    """

    options_type = PurePursuitOptions

    def __init__(
        self, steering: SteeringSpec, vehicle: VehicleSpec, options: PurePursuitOptions
    ) -> None:
        if vehicle.wheelbase_m is None:
            raise UsageError(
                f"pure pursuit needs the wheelbase of the vehicle '{vehicle.name}', and its card "
                "gives none: use 'pid' for a model of "
                "waypoints and 'steering' for one of steering, or give the wheelbase before "
                "training, with `auxdrive ingest --wheelbase-m` "
                "or as vehicle.wheelbase_m in the data set's dataset.json"
            )
        super().__init__(steering, vehicle, options)
        self.options = options
        self._wheelbase_m = vehicle.wheelbase_m
        self._speed = ProportionalSpeed(options.speed)

    def _forget(self) -> None:
        """Does nothing: each command depends on its own prediction alone."""

    def _command(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:  # noqa: ARG002 - the same at any time
        waypoints, times = usable_waypoints(prediction)
        (x0, y0), (x1, y1) = waypoints[:2].tolist()
        # On a path that leads backwards the car is to stand.
        desired_mps = math.hypot(x1 - x0, y1 - y0) / (times[1] - times[0]) if x1 > x0 else 0.0
        throttle, brake = self._speed.step(desired_mps, speed_mps)
        options = self.options
        lookahead_m = min(
            max(options.lookahead_time_s * speed_mps, options.min_lookahead_m),
            options.max_lookahead_m,
        )
        # The squares of absurd waypoints overflow; the angle is then not finite: a safe stop.
        with np.errstate(over="ignore", invalid="ignore"):
            goal_ego_m = point_at_distance(waypoints[None], lookahead_m)[0]
            steer_tan = pure_pursuit_tan(goal_ego_m, self._wheelbase_m, options.min_chord_m)
        return Control(math.atan(float(steer_tan)), throttle, brake)
