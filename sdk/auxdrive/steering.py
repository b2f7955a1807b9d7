"""Steering: numbers of any source's convention, converted to road-wheel angles (radians, positive
left) and back.
"""

from __future__ import annotations

import math
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from auxdrive.strict import Strict
from auxdrive.types import Float64

MAX_STEER_RANGE_DEG = (1.0, 90.0)
"""The least and the largest maximum steering angle. A vehicle with less could not be steered, and a
number such as 1e-310 is no angle but a mistake.
"""


class SteeringSpec(Strict):
    """How a source's steering numbers relate to the road-wheel angle.

    Attributes:
        kind: what a number is. "road_wheel_rad": the road-wheel angle in radians. "normalised": a
            share (-1 to 1) of the maximum steering angle. "steering_wheel_deg": the angle of the
            steering wheel in degrees.
        positive: which way a positive number steers.
        max_road_wheel_deg: the maximum steering angle, at the road wheel.
        ratio: degrees of the steering wheel for one degree at the road wheel; for the kind
            "steering_wheel_deg" alone.

    Examples:
        >>> from auxdrive import SteeringSpec
        >>> spec = SteeringSpec(kind="normalised", positive="right", max_road_wheel_deg=30.0)
        >>> round(float(spec.to_road_wheel_rad(0.5)), 3)  # 15 degrees to the right
        -0.262
    """

    kind: Literal["road_wheel_rad", "normalised", "steering_wheel_deg"] = "road_wheel_rad"
    positive: Literal["left", "right"] = "left"
    max_road_wheel_deg: float = Field(
        default=70.0, ge=MAX_STEER_RANGE_DEG[0], le=MAX_STEER_RANGE_DEG[1]
    )
    ratio: float | None = Field(default=None, ge=0.1, le=1000)

    @model_validator(mode="after")
    def _ratio_belongs_to_the_steering_wheel(self) -> Self:
        if (self.kind == "steering_wheel_deg") != (self.ratio is not None):
            raise ValueError("ratio is needed for kind 'steering_wheel_deg' and for no other")
        return self

    @property
    def max_road_wheel_rad(self) -> float:
        """The maximum steering angle at the road wheel, in radians."""
        return math.radians(self.max_road_wheel_deg)

    def _radians_per_number(self) -> float:
        sign = 1.0 if self.positive == "left" else -1.0
        if self.kind == "road_wheel_rad":
            return sign
        if self.kind == "normalised":
            return sign * self.max_road_wheel_rad
        assert self.ratio is not None
        return sign * math.radians(1.0) / self.ratio

    def to_road_wheel_rad(self, source: Float64 | float) -> Float64:
        """The source's numbers (any shape) as road-wheel angles in radians, positive left."""
        return np.asarray(source, dtype=np.float64) * self._radians_per_number()

    def from_road_wheel_rad(self, steer_rad: Float64 | float) -> Float64:
        """Road-wheel angles in radians, positive left (any shape), as the source's numbers."""
        return np.asarray(steer_rad, dtype=np.float64) / self._radians_per_number()
