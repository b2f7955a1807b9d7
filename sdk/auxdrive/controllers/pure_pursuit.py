"""Pure pursuit: steer along the circle through the rear axle and a point ahead on the path
(Coulter, CMU-RI-TR-92-01, 1992).
"""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field, model_validator

from auxdrive.cards import VehicleSpec
from auxdrive.controllers.base import GuardedController
from auxdrive.controllers.options import ControllerOptions, Number
from auxdrive.controllers.speed import ProportionalSpeed, ProportionalSpeedOptions
from auxdrive.controllers.waypoints import usable_waypoints
from auxdrive.errors import UsageError
from auxdrive.steering import SteeringSpec
from auxdrive.types import Control, Prediction


class PursuitOptions(ControllerOptions):
    """Options of whoever steers by pure pursuit.

    Attributes:
        lookahead_time_s: the lookahead distance is the way driven in this time, within the next two
            bounds.
        min_lookahead_m: the least lookahead distance.
        max_lookahead_m: the largest lookahead distance.
        min_chord_m: the least distance that the formula of the angle counts with.
    """

    lookahead_time_s: Number = Field(default=0.8, ge=0, le=60)
    min_lookahead_m: Number = Field(default=3.0, ge=0.05, le=1000)
    max_lookahead_m: Number = Field(default=15.0, ge=0.05, le=1000)
    min_chord_m: Number = Field(default=2.0, ge=0.01, le=100)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_lookahead_m > self.max_lookahead_m:
            raise ValueError("min_lookahead_m is larger than max_lookahead_m")
        return self


class PurePursuitOptions(PursuitOptions):
    """Options of the controller "pure_pursuit", beside those of `PursuitOptions`.

    Attributes:
        speed: how throttle and brake follow the speed.
    """

    speed: ProportionalSpeedOptions = ProportionalSpeedOptions()


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
        path = waypoints.tolist()
        (x0, y0), (x1, y1) = path[:2]
        # On a path that leads backwards the car is to stand.
        desired_mps = math.hypot(x1 - x0, y1 - y0) / (times[1] - times[0]) if x1 > x0 else 0.0
        throttle, brake = self._speed.step(desired_mps, speed_mps)
        lookahead_m = self.options.lookahead_time_s * speed_mps
        steer_rad = pursuit_rad(path, lookahead_m, self._wheelbase_m, self.options)
        return Control(steer_rad, throttle, brake)


def pursuit_rad(
    path: list[list[float]], lookahead_m: float, wheelbase_m: float, options: PursuitOptions
) -> float:
    """The road-wheel angle of pure pursuit, as `geometry.pure_pursuit_tan`. The squares of absurd
    points overflow; the angle is then not finite, which is a safe stop.

    Args:
        path: its points, x and y of each.
        lookahead_m: the lookahead distance, before it is bounded.
        wheelbase_m: of the vehicle.
        options: the bounds.
    """
    bounded_m = min(max(lookahead_m, options.min_lookahead_m), options.max_lookahead_m)
    x, y = goal_of(path, bounded_m)
    squared = max(x * x + y * y, options.min_chord_m**2)
    return math.atan(2.0 * wheelbase_m * y / squared)


def goal_of(path: list[list[float]], distance_m: float) -> tuple[float, float]:
    """The point of a path at a distance from the origin: that of `geometry.point_at_distance`, to
    the last bit, but for one path and in plain numbers, which for a few waypoints are many times
    as fast.

    Args:
        path: its waypoints, x and y of each.
        distance_m: above 0.

    Returns:
        x and y; the last waypoint itself where the path never gets so far.
    """
    start_x = start_y = 0.0
    for x, y in path:
        if math.sqrt(x * x + y * y) >= distance_m:
            break
        start_x, start_y = x, y
    else:
        return start_x, start_y
    step_x, step_y = x - start_x, y - start_y
    a, half_b = step_x * step_x + step_y * step_y, start_x * step_x + start_y * step_y
    c = start_x * start_x + start_y * start_y - distance_m * distance_m
    share = (math.sqrt(max(half_b * half_b - a * c, 0.0)) - half_b) / a
    return start_x + share * step_x, start_y + share * step_y
