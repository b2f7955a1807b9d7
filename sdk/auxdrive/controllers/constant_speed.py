"""The controller for models that predict a steering angle: it drives at a constant speed."""

from __future__ import annotations

from pydantic import Field

from auxdrive.cards import VehicleSpec
from auxdrive.checks.limits import MAX_SPEED_MPS
from auxdrive.checks.numbers import reading
from auxdrive.controllers.base import GuardedController, other_task
from auxdrive.controllers.options import ControllerOptions, Number
from auxdrive.controllers.pid import SpeedLoop, SpeedOptions
from auxdrive.errors import InputError
from auxdrive.steering import SteeringSpec
from auxdrive.types import Control, Prediction


class SteeringOptions(ControllerOptions):
    """Options of the controller "steering". Its models predict no speed, so the options give it.

    Attributes:
        target_speed_mps: the speed to drive at.
        speed: how throttle and brake follow it.
    """

    target_speed_mps: Number = Field(default=6.0, ge=0, le=MAX_SPEED_MPS)
    speed: SpeedOptions = SpeedOptions()


class SteeringController(GuardedController):
    """Steers at the predicted angle and keeps the target speed.

    Args:
        steering: the vehicle's steering limits.
        vehicle: the vehicle.
        options: see `SteeringOptions`.
    """

    options_type = SteeringOptions

    def __init__(
        self, steering: SteeringSpec, vehicle: VehicleSpec, options: SteeringOptions
    ) -> None:
        super().__init__(steering, vehicle, options)
        self.options = options
        self._speed = SpeedLoop(options.speed, options.max_age_s)

    def _forget(self) -> None:
        self._speed.reset()

    def _command(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        if prediction.steer_rad is None:
            raise InputError(
                f"this controller takes predicted steering and {other_task(prediction)}"
            )
        steer_rad = reading("steer_rad", prediction.steer_rad, "the road-wheel angle in radians")
        throttle, brake = self._speed.step(self.options.target_speed_mps, speed_mps, now_s)
        return Control(steer_rad, throttle, brake)
