"""What controllers share: the protocol, the PID, the speed loop and the safe stop.

Legend: T waypoints. Ego frame: x forward, y left; road-wheel angle positive to the left.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise
from typing import Annotated, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from auxdrive.errors import InputError
from auxdrive.types import Control, Float64, Prediction

Share = Annotated[float, Field(ge=0, le=1)]


class ControllerConfig(BaseModel):
    """Base of the controllers' configurations."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    safe_stop_brake: Share = Field(default=1.0, gt=0, description="brake while there is no usable prediction")


class Controller(Protocol):
    """Turns predictions into actuator commands. Holds state: call `reset` when a drive begins; one controller, one thread."""

    def step(self, prediction: Prediction, speed_mps: float, dt_s: float) -> Control:
        """The command for this prediction at this forward speed, `dt_s` after the previous call.

        Without a usable prediction (withheld, not finite) or speed (not finite) it is a safe stop: throttle off, brake, and
        the last steering angle held, since letting go of the wheel in a bend leaves the lane before the car stands.

        Raises:
            InputError: `dt_s` is not a positive number, or the prediction is of another task than the controller's.
        """

    def reset(self) -> None:
        """Forget the drive so far."""


class PidGains(BaseModel):
    """Gains and the number of past errors that the integral averages."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    p: float
    i: float
    d: float
    window: int = Field(ge=2, le=10_000)


class Pid:
    """The PID of the TransFuser family (team_code_*/model.py, PIDController).

    Its integral is the mean of the last `window` errors (zeros at the start) and its derivative the last difference, both per
    step and not per second: the gains belong to the rate they were tuned at.
    """

    def __init__(self, gains: PidGains) -> None:
        self.gains = gains
        self._errors: deque[float] = deque()
        self.reset()

    def reset(self) -> None:
        """Fill the window with zeros."""
        self._errors = deque([0.0] * self.gains.window, maxlen=self.gains.window)

    def step(self, error: float) -> float:
        """p * error + i * mean(window) + d * (error - previous error)."""
        previous = self._errors[-1]
        self._errors.append(error)
        mean = math.fsum(self._errors) / len(self._errors)
        return self.gains.p * error + self.gains.i * mean + self.gains.d * (error - previous)


class SpeedConfig(BaseModel):
    """Longitudinal control as the TransFuser family does it. Defaults: TransFuser 2022."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    gains: PidGains = PidGains(p=5.0, i=0.5, d=1.0, window=20)
    max_throttle: Share = 0.75
    brake_speed_mps: float = Field(default=0.4, ge=0, description="brake when the desired speed is below this")
    brake_ratio: float = Field(default=1.1, gt=0, description="brake when speed / desired speed is above this")
    max_delta_mps: float = Field(default=0.25, gt=0, description="the speed error that the PID sees is cut to this")


class SpeedLoop:
    """Throttle and brake from a desired and an actual speed; the brake is on or off."""

    def __init__(self, config: SpeedConfig) -> None:
        self.config = config
        self._pid = Pid(config.gains)

    def reset(self) -> None:
        """Forget past errors."""
        self._pid.reset()

    def must_brake(self, desired_mps: float, speed_mps: float) -> bool:
        """Whether the car is too fast, or is to stand. A desired speed of 0 always brakes."""
        config = self.config
        return desired_mps <= 0 or desired_mps < config.brake_speed_mps or speed_mps / desired_mps > config.brake_ratio

    def step(self, desired_mps: float, speed_mps: float) -> tuple[float, float]:
        """(throttle, brake)."""
        delta = min(max(desired_mps - speed_mps, 0.0), self.config.max_delta_mps)
        throttle = min(max(self._pid.step(delta), 0.0), self.config.max_throttle)
        return (0.0, 1.0) if self.must_brake(desired_mps, speed_mps) else (throttle, 0.0)


class SafeStop:
    """Remembers the last steering angle, and holds it while it brakes."""

    def __init__(self, brake: float) -> None:
        self._brake = brake
        self._last_steer_rad = 0.0

    def reset(self) -> None:
        """Forget the last angle."""
        self._last_steer_rad = 0.0

    def remember(self, control: Control) -> Control:
        """Note the angle of a command that goes out, and hand it on."""
        self._last_steer_rad = control.steer_rad
        return control

    def stop(self) -> Control:
        """The command of a safe stop."""
        return Control(self._last_steer_rad, 0.0, self._brake)


def check_dt(dt_s: float) -> None:
    """Raise InputError unless `dt_s` is a positive number."""
    if not (math.isfinite(dt_s) and dt_s > 0):
        raise InputError(f"dt_s is {dt_s}; give the seconds since the previous step, above 0")


def usable_waypoints(prediction: Prediction, speed_mps: float) -> tuple[Float64, tuple[float, ...]] | None:
    """(float64 (T, 2), times (T,)) of a waypoint prediction; None when it cannot be driven by.

    Raises:
        InputError: the prediction is of a steering model, or its waypoints and times do not belong together.
    """
    if prediction.steer_rad is not None:
        raise InputError("this controller follows waypoints and the model predicts steering: use the controller 'steering'")
    if prediction.waypoints_ego_m is None:
        return None
    waypoints = np.asarray(prediction.waypoints_ego_m, np.float64)
    times = prediction.waypoint_times_s
    if waypoints.ndim != 2 or waypoints.shape[1] != 2 or len(waypoints) < 2 or len(times) != len(waypoints):
        raise InputError(f"need two or more waypoints (T, 2) with a time each, got {waypoints.shape} and {len(times)} times")
    if not (np.isfinite(waypoints).all() and math.isfinite(speed_mps)):
        return None
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise InputError(f"the waypoints' times must increase, got {times}")
    return waypoints, times
