"""Proportional control of the speed: computes the acceleration that reaches a speed in a given
time, and the throttle or brake for it.
"""

from __future__ import annotations

from pydantic import Field

from auxdrive.controllers.options import Number, Options, Share

FULL_THROTTLE_MPS2, FULL_BRAKE_MPS2 = 3.5, 8.0
"""What full throttle and full brake of a passenger car on dry asphalt are taken for, where a user
does not say it.
"""


class ProportionalSpeedOptions(Options):
    """Options of `ProportionalSpeed`. The defaults suit a passenger car on dry asphalt.

    Attributes:
        response_s: the time in which the desired speed is to be reached.
        throttle_mps2: the vehicle's acceleration at full throttle.
        brake_mps2: the vehicle's deceleration at full brake.
        max_throttle: the most throttle that is given.
        hold_below_mps: a desired speed below this means that the car is to stand.
        hold_brake: the least brake while the car is to stand.
    """

    response_s: Number = Field(default=0.5, ge=0.01, le=60)
    throttle_mps2: Number = Field(default=FULL_THROTTLE_MPS2, ge=0.1, le=100)
    brake_mps2: Number = Field(default=FULL_BRAKE_MPS2, ge=0.1, le=100)
    max_throttle: Share = Field(default=0.75, gt=0)
    hold_below_mps: Number = Field(default=0.2, ge=0, le=70)
    hold_brake: Share = Field(default=0.5, gt=0)


class ProportionalSpeed:
    """Proportional control of the speed. It remembers nothing between calls.

    Args:
        options: see `ProportionalSpeedOptions`.
    """

    def __init__(self, options: ProportionalSpeedOptions) -> None:
        self.options = options

    def step(self, desired_mps: float, speed_mps: float) -> tuple[float, float]:
        """Throttle and brake, each 0 to 1.

        Args:
            desired_mps: the speed to reach.
            speed_mps: the speed now.
        """
        options = self.options
        accelerate_mps2 = (max(desired_mps, 0.0) - speed_mps) / options.response_s
        brake = min(max(-accelerate_mps2 / options.brake_mps2, 0.0), 1.0)
        if desired_mps < options.hold_below_mps:
            return 0.0, max(brake, options.hold_brake)
        return min(max(accelerate_mps2 / options.throttle_mps2, 0.0), options.max_throttle), brake
