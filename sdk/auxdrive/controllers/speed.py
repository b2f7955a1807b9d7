"""Control of the speed, proportional (P) or with the sum of past errors (PI): the acceleration that
reaches a speed in a given time, and the throttle or brake for it.
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
