"""Creeping forward after a long stand, as TransFuser's agent does (Chitta et al. 2022, section 4.1; Jaeger 2021).

A network without memory that imitates waiting can wait for ever: nothing in the picture says that it has waited long enough. TransFuser
creeps after 55 s for 1.5 s, if its LiDAR shows nothing ahead. A camera-only student has no LiDAR, so this looks at nothing, and is off
unless asked for: it is for benchmarks in simulation, never for a road.
"""

from __future__ import annotations

from auxdrive.controllers.base import Controller
from auxdrive.errors import UsageError
from auxdrive.types import Control, Prediction

STANDING_MPS = 0.1
CREEP_S = 1.5
CREEP_THROTTLE = 0.5
CREEP_UP_TO_MPS = 3.0


class Creeping:
    """A controller that lets another one drive, and pushes on for 1.5 s whenever the car has stood for `after_s` seconds.

    Raises:
        UsageError: `after_s` is not above 0.
    """

    def __init__(self, inner: Controller, after_s: float) -> None:
        if not after_s > 0:
            raise UsageError(f"creeping begins after a number of seconds above 0, got {after_s}")
        self._inner = inner
        self._after_s = after_s
        self.reset()

    def reset(self) -> None:
        """Forget the drive so far."""
        self._inner.reset()
        self._stood_s = 0.0
        self._left_s = 0.0

    def step(self, prediction: Prediction, speed_mps: float, dt_s: float) -> Control:
        """The other controller's command, or the push; steering is always the other's."""
        control = self._inner.step(prediction, speed_mps, dt_s)
        if prediction.waypoints_ego_m is None and prediction.steer_rad is None:
            # A safe stop is no waiting: it neither counts nor is pushed against.
            self._stood_s = self._left_s = 0.0
            return control
        self._stood_s = self._stood_s + dt_s if speed_mps < STANDING_MPS else 0.0
        if self._left_s <= 0 and self._stood_s > self._after_s:
            self._left_s = CREEP_S
        if self._left_s <= 0 or speed_mps > CREEP_UP_TO_MPS:
            return control
        self._left_s -= dt_s
        self._stood_s = 0.0
        return Control(control.steer_rad, CREEP_THROTTLE, 0.0)
