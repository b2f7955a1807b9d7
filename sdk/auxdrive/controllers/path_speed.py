"""The controller of the task path_speed: it follows a path by distance at a target speed.

Legend: P points of the path, K classes of speed. Ego frame: x forward, y left.
"""

from __future__ import annotations

import math

from pydantic import Field

from auxdrive.cards import VehicleSpec
from auxdrive.controllers.base import GuardedController, Unusable, other_task
from auxdrive.controllers.options import Number, Share
from auxdrive.controllers.pure_pursuit import PursuitOptions, pursuit_rad
from auxdrive.controllers.speed import IntegralSpeed, IntegralSpeedOptions
from auxdrive.errors import InputError, UsageError
from auxdrive.standing import StandingTime
from auxdrive.steering import SteeringSpec
from auxdrive.tasks.path_speed import PATH, PATH_SPEED, SHARES, SPEED
from auxdrive.types import Control, Prediction

_SHAPES = {name: array.shape for name, array in PATH_SPEED.example().values.items()}


class PathSpeedOptions(PursuitOptions):
    """Options of the controller "path_speed", beside those of `PursuitOptions`.

    Attributes:
        lookahead_m: the lookahead distance at rest; it grows by the way driven in
            `lookahead_time_s`.
        stop_share: the share of the class 0 from which on a car that drives brakes to stand.
        go_share: the share of the class 0 below which a car that stands sets off, and drives on
            for `setting_off_s`.
        setting_off_s: how long a car sets off.
        speed: how throttle and brake follow the target speed.
    """

    lookahead_time_s: Number = Field(default=0.45, ge=0, le=60)
    max_lookahead_m: Number = Field(default=7.0, ge=0.05, le=1000)
    min_chord_m: Number = Field(default=1.0, ge=0.01, le=100)
    lookahead_m: Number = Field(default=2.0, ge=0, le=1000)
    stop_share: Share = Field(
        default=0.5, gt=0, description="brake to stand from this share of the class 0 on"
    )
    go_share: Share = Field(
        default=0.9, gt=0, description="set off from standing below this share of the class 0"
    )
    setting_off_s: Number = Field(
        default=3.0, ge=0, le=60, description="for so long go_share counts once the car moves"
    )
    speed: IntegralSpeedOptions = IntegralSpeedOptions()


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
        self._speed, self._standing = IntegralSpeed(options.speed), StandingTime()

    def _forget(self) -> None:
        self._speed.reset()
        self._standing = StandingTime()

    def _command(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        path, target_mps, stands = _usable(prediction)
        self._standing.update(speed_mps, now_s)
        sets_off = self._standing.moving_s < self.options.setting_off_s
        limit = self.options.go_share if sets_off else self.options.stop_share
        if stands >= limit or target_mps <= 0:
            throttle, brake = self._speed.stop(speed_mps)
        else:
            throttle, brake = self._speed.step(target_mps, speed_mps, now_s)
        lookahead_m = self.options.lookahead_m + self.options.lookahead_time_s * speed_mps
        steer_rad = pursuit_rad(path, lookahead_m, self._wheelbase_m, self.options)
        return Control(steer_rad, throttle, brake)


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
