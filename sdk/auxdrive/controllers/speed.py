"""Proportional speed control: asks for the acceleration that reaches a speed in a given time, and
divides it between the pedals.
"""

from __future__ import annotations

from pydantic import Field

from auxdrive.controllers.base import Number, Options, Share


class ProportionalSpeedOptions(Options):
    """How speed is followed.

    response_s: the time in which the desired speed is to be reached. throttle_mps2, brake_mps2:
    what the vehicle's full throttle and full brake give; the defaults are a passenger car's on dry
    asphalt. hold_below_mps: a desired speed below it means stand, and the brake is held with
    `hold_brake`.
    """

    response_s: Number = Field(default=0.5, ge=0.01, le=60)
    throttle_mps2: Number = Field(default=3.5, ge=0.1, le=100)
    brake_mps2: Number = Field(default=8.0, ge=0.1, le=100)
    max_throttle: Share = Field(default=0.75, gt=0)
    hold_below_mps: Number = Field(default=0.2, ge=0, le=70)
    hold_brake: Share = Field(default=0.5, gt=0)


class ProportionalSpeed:
    """Keeps no state."""

    def __init__(self, options: ProportionalSpeedOptions) -> None:
        self.options = options

    def step(self, desired_mps: float, speed_mps: float) -> tuple[float, float]:
        """(throttle, brake) for a desired and an actual speed."""
        options = self.options
        accelerate_mps2 = (max(desired_mps, 0.0) - speed_mps) / options.response_s
        brake = min(max(-accelerate_mps2 / options.brake_mps2, 0.0), 1.0)
        if desired_mps < options.hold_below_mps:
            return 0.0, max(brake, options.hold_brake)
        return min(max(accelerate_mps2 / options.throttle_mps2, 0.0), options.max_throttle), brake
