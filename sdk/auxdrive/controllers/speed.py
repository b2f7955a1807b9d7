"""Proportional speed control: asks for the acceleration that reaches a speed in a given time, and divides it between the pedals."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ProportionalSpeedConfig(BaseModel):
    """How speed is followed.

    response_s: the time in which the desired speed is to be reached. throttle_mps2, brake_mps2: what the vehicle's full throttle and full
    brake give; the defaults are a passenger car's on dry asphalt. hold_below_mps: a desired speed below it means stand, and the brake is
    held with `hold_brake`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    response_s: float = Field(default=0.5, gt=0)
    throttle_mps2: float = Field(default=3.5, gt=0)
    brake_mps2: float = Field(default=8.0, gt=0)
    max_throttle: float = Field(default=0.75, gt=0, le=1)
    hold_below_mps: float = Field(default=0.2, ge=0)
    hold_brake: float = Field(default=0.5, ge=0, le=1)


class ProportionalSpeed:
    """Keeps no state."""

    def __init__(self, config: ProportionalSpeedConfig) -> None:
        self.config = config

    def step(self, desired_mps: float, speed_mps: float) -> tuple[float, float]:
        """(throttle, brake) for a desired and an actual speed."""
        config = self.config
        accelerate_mps2 = (max(desired_mps, 0.0) - speed_mps) / config.response_s
        brake = min(max(-accelerate_mps2 / config.brake_mps2, 0.0), 1.0)
        if desired_mps < config.hold_below_mps:
            return 0.0, max(brake, config.hold_brake)
        return min(max(accelerate_mps2 / config.throttle_mps2, 0.0), config.max_throttle), brake
