"""The controller of the task path_speed: it follows a path by distance at a target speed.

Legend: P points of the path, K classes of speed. Ego frame: x forward, y left.
"""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field, model_validator

from auxdrive.cards import VehicleSpec
from auxdrive.controllers.base import GuardedController, Unusable, other_task
from auxdrive.controllers.options import ControllerOptions, Number, Options, Share
from auxdrive.controllers.pure_pursuit import goal_of
from auxdrive.controllers.speed import FULL_BRAKE_MPS2, FULL_THROTTLE_MPS2
from auxdrive.errors import InputError, UsageError
from auxdrive.steering import SteeringSpec
from auxdrive.tasks.path_speed import PATH, PATH_SPEED, SHARES, SPEED
from auxdrive.types import Control, Prediction

_SHAPES = {name: array.shape for name, array in PATH_SPEED.example().values.items()}


class IntegralSpeedOptions(Options):
    """Options of `IntegralSpeed`. The defaults suit a passenger car on dry asphalt.

    Attributes:
        response_s: the time in which the desired speed is to be reached.
        integral_per_s2: how fast a lasting error adds to the acceleration, for each m/s.
        max_accel_mps2: the largest acceleration that is asked for.
        max_integral_mps2: the most acceleration that lasting errors may add.
        throttle_mps2: the vehicle's acceleration at full throttle.
        brake_mps2: the vehicle's deceleration at full brake.
        hold_brake: the least brake while the car is to stand.
        longest_gap_s: after a longer pause between two steps past errors are forgotten.
    """

    response_s: Number = Field(default=0.8, ge=0.01, le=60)
    integral_per_s2: Number = Field(default=0.2, ge=0, le=10)
    max_accel_mps2: Number = Field(default=2.0, ge=0.1, le=100)
    max_integral_mps2: Number = Field(default=0.5, ge=0, le=100)
    throttle_mps2: Number = Field(default=FULL_THROTTLE_MPS2, ge=0.1, le=100)
    brake_mps2: Number = Field(default=FULL_BRAKE_MPS2, ge=0.1, le=100)
    hold_brake: Share = Field(default=0.4, gt=0)
    longest_gap_s: Number = Field(default=0.5, gt=0, le=60)


class IntegralSpeed:
    """Control of the speed by its error and the sum of past errors (PI), which makes up for what
    slows the car down: rolling resistance, a slope. Past errors count only while the pedals can
    follow (anti-windup), and none is kept through a stop.

    Args:
        options: see `IntegralSpeedOptions`.
    """

    def __init__(self, options: IntegralSpeedOptions) -> None:
        self.options = options
        self.reset()

    def reset(self) -> None:
        """Forget past errors."""
        self._integral_mps2 = 0.0
        self._now_s: float | None = None

    def step(self, desired_mps: float, speed_mps: float, now_s: float) -> tuple[float, float]:
        """Throttle and brake, each 0 to 1.

        Args:
            desired_mps: the speed to reach, above 0.
            speed_mps: the speed now.
            now_s: the time of this call.
        """
        options = self.options
        error_mps = desired_mps - speed_mps
        wanted = error_mps / options.response_s + self._integral_mps2
        within = -options.brake_mps2 < wanted < options.max_accel_mps2
        elapsed_s = 0.0 if self._now_s is None else now_s - self._now_s
        self._now_s = now_s
        if elapsed_s > options.longest_gap_s:
            self._integral_mps2, elapsed_s = 0.0, 0.0
        if within:
            more = self._integral_mps2 + options.integral_per_s2 * error_mps * elapsed_s
            most = options.max_integral_mps2
            self._integral_mps2 = min(max(more, -most), most)
        accel = min(error_mps / options.response_s + self._integral_mps2, options.max_accel_mps2)
        if accel >= 0:
            return min(accel / options.throttle_mps2, 1.0), 0.0
        return 0.0, min(-accel / options.brake_mps2, 1.0)

    def stop(self, speed_mps: float) -> tuple[float, float]:
        """Throttle and brake of a car that is to stand.

        Args:
            speed_mps: the speed now.
        """
        self.reset()
        options = self.options
        brake = speed_mps / options.response_s / options.brake_mps2
        return 0.0, min(max(brake, options.hold_brake), 1.0)


class PathSpeedOptions(ControllerOptions):
    """Options of the controller "path_speed".

    Attributes:
        lookahead_m: the lookahead distance at rest.
        lookahead_time_s: it grows by the way driven in this time, within the next two bounds.
        min_lookahead_m: the least lookahead distance.
        max_lookahead_m: the largest lookahead distance.
        min_chord_m: the least distance that the formula of the angle counts with.
        stop_share: the share of the class 0 from which on the car brakes to stand.
        speed: how throttle and brake follow the target speed.
    """

    lookahead_m: Number = Field(default=2.0, ge=0, le=1000)
    lookahead_time_s: Number = Field(default=0.45, ge=0, le=60)
    min_lookahead_m: Number = Field(default=3.0, ge=0.05, le=1000)
    max_lookahead_m: Number = Field(default=7.0, ge=0.05, le=1000)
    min_chord_m: Number = Field(default=1.0, ge=0.01, le=100)
    stop_share: Share = Field(
        default=0.9, gt=0, description="brake to stand from this share of the class 0 on"
    )
    speed: IntegralSpeedOptions = IntegralSpeedOptions()

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_lookahead_m > self.max_lookahead_m:
            raise ValueError("min_lookahead_m is larger than max_lookahead_m")
        return self


class PathSpeedController(GuardedController):
    """Steers by pure pursuit to the path's point at the lookahead distance, drives at the target
    speed, and brakes to stand where the model is sure enough that the car must stand.

    Args:
        steering: the vehicle's steering limits.
        vehicle: the vehicle; its wheelbase must be known.
        options: see `PathSpeedOptions`.

    Raises:
        UsageError: the vehicle's wheelbase is not known.
    """

    options_type = PathSpeedOptions

    def __init__(
        self, steering: SteeringSpec, vehicle: VehicleSpec, options: PathSpeedOptions
    ) -> None:
        if vehicle.wheelbase_m is None:
            raise UsageError(
                f"the controller 'path_speed' needs the wheelbase of the vehicle '{vehicle.name}', "
                "and its card gives none: give it before training, as vehicle.wheelbase_m in the "
                "data set's dataset.json"
            )
        super().__init__(steering, vehicle, options)
        self.options = options
        self._wheelbase_m = vehicle.wheelbase_m
        self._speed = IntegralSpeed(options.speed)

    def _forget(self) -> None:
        self._speed.reset()

    def _command(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        path, target_mps, stands = _usable(prediction)
        if stands >= self.options.stop_share or target_mps <= 0:
            throttle, brake = self._speed.stop(speed_mps)
        else:
            throttle, brake = self._speed.step(target_mps, speed_mps, now_s)
        return Control(self._steer_rad(path, speed_mps), throttle, brake)

    def _steer_rad(self, path: list[list[float]], speed_mps: float) -> float:
        options = self.options
        lookahead_m = options.lookahead_m + options.lookahead_time_s * speed_mps
        lookahead_m = min(max(lookahead_m, options.min_lookahead_m), options.max_lookahead_m)
        x, y = goal_of(path, lookahead_m)
        squared = max(x * x + y * y, options.min_chord_m**2)
        return math.atan(2.0 * self._wheelbase_m * y / squared)


def _usable(prediction: Prediction) -> tuple[list[list[float]], float, float]:
    """The checked path, target speed and share of standing.

    Raises:
        Unusable: a number is not finite.
        InputError: the prediction is of another task, or its arrays have other shapes.
    """
    if not PATH_SPEED.made(prediction):
        raise InputError(f"this controller follows a path at a speed and {other_task(prediction)}")
    values = prediction.values
    for name, wanted in _SHAPES.items():
        shape = getattr(values[name], "shape", None)
        if shape != wanted or values[name].dtype.kind not in "fiu":
            raise InputError(f"{name} must be numbers of the shape {wanted}, got {shape}")
    path, target_mps = values[PATH].tolist(), float(values[SPEED][0])
    shares = values[SHARES].tolist()
    if not all(map(math.isfinite, (target_mps, *shares, *(n for point in path for n in point)))):
        raise Unusable("a number of path or speed is not finite")
    return path, target_mps, shares[0]
