"""For models that predict steering: their angle as it is, and a speed that the configuration gives."""

from __future__ import annotations

import math

from pydantic import Field

from auxdrive.cards import VehicleSpec
from auxdrive.controllers.base import ControllerConfig, SafeStop, SpeedConfig, SpeedLoop, check_dt
from auxdrive.errors import InputError
from auxdrive.steering import SteeringSpec
from auxdrive.types import Control, Prediction


class SteeringConfig(ControllerConfig):
    """A steering model says nothing of speed: the car is driven at `target_speed_mps`."""

    target_speed_mps: float = Field(default=6.0, ge=0)
    speed: SpeedConfig = SpeedConfig()


class SteeringController:
    """Predicted steering, cut to the lock, and the speed loop towards the target speed."""

    config_type = SteeringConfig
    presets: dict[str, SteeringConfig] = {}  # noqa: RUF012  none

    def __init__(self, steering: SteeringSpec, vehicle: VehicleSpec, config: SteeringConfig) -> None:  # noqa: ARG002
        self.config = config
        self._max_steer_rad = steering.max_road_wheel_rad
        self._speed = SpeedLoop(config.speed)
        self._safe = SafeStop(config.safe_stop_brake)

    def reset(self) -> None:
        """Forget the drive so far."""
        self._speed.reset()
        self._safe.reset()

    def step(self, prediction: Prediction, speed_mps: float, dt_s: float) -> Control:
        """See `Controller.step`."""
        check_dt(dt_s)
        if prediction.waypoints_ego_m is not None:
            raise InputError("this controller takes predicted steering and the model predicts waypoints: use 'pid' or 'pure_pursuit'")
        steer_rad = prediction.steer_rad
        if steer_rad is None or not (math.isfinite(steer_rad) and math.isfinite(speed_mps)):
            return self._safe.stop()
        throttle, brake = self._speed.step(self.config.target_speed_mps, speed_mps)
        steer_rad = min(max(steer_rad, -self._max_steer_rad), self._max_steer_rad)
        return self._safe.remember(Control(steer_rad, throttle, brake))
