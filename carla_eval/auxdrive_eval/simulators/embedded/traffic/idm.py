"""The Intelligent Driver Model (Treiber, Hennecke, Helbing 2000), and the speeds that lanes
allow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.geometry.curves import Curve, curvature

MAX_BRAKE_MPS2 = 7.5


@dataclass(frozen=True, slots=True)
class IdmParameters:
    """Parameters of the model. accel and brake are comfortable values; gap_m is kept at rest,
    headway_s while driving.

    Attributes:
        closing_mps2: by this the product of a speed and its difference to the leader's is divided:
            2 sqrt(accel brake).
    """

    accel_mps2: float = 1.8
    brake_mps2: float = 2.2
    headway_s: float = 1.2
    gap_m: float = 2.0
    closing_mps2: float = field(init=False)

    def __post_init__(self) -> None:
        braking = 2.0 * math.sqrt(self.accel_mps2 * self.brake_mps2)
        object.__setattr__(self, "closing_mps2", braking)


DEFAULT = IdmParameters()


def idm_accel(
    speed_mps: float,
    wish_mps: float,
    gap_m: float = math.inf,
    lead_speed_mps: float = 0.0,
    parameters: IdmParameters = DEFAULT,
) -> float:
    """The acceleration towards the desired speed behind a leader, in m/s^2; at least -7.5.

    Above the desired speed it is at most comfortable braking, which the original model does not
    limit.

    Args:
        speed_mps: present speed.
        wish_mps: desired speed.
        gap_m: distance to the leader, bumper to bumper.
        lead_speed_mps: speed of the leader.
        parameters: of the model.
    """
    p = parameters
    free = p.accel_mps2 * (1.0 - (speed_mps / max(wish_mps, 0.1)) ** 4)
    if free < -p.brake_mps2:
        free = -p.brake_mps2
    if gap_m == math.inf:
        return free
    closing = speed_mps - lead_speed_mps
    wanted = p.gap_m + max(0.0, speed_mps * p.headway_s + speed_mps * closing / p.closing_mps2)
    return max(free - p.accel_mps2 * (wanted / max(gap_m, 0.1)) ** 2, -MAX_BRAKE_MPS2)


def speed_profile(
    curve: Curve,
    limit_mps: Float64 | float,
    lateral_mps2: float,
    brake_mps2: float,
    end_mps: float = math.inf,
) -> Float64:
    """The highest speed at each point of a curve, float64 (N,): the speed limit, the lateral
    acceleration in bends, and braking in time for what follows.

    Args:
        curve: of N points.
        limit_mps: the speed limit, (N,) or one for all points.
        lateral_mps2: the greatest lateral acceleration.
        brake_mps2: the deceleration with which a car slows down for what follows.
        end_mps: the highest speed at the last point.
    """
    allowed = np.minimum(
        limit_mps, np.sqrt(lateral_mps2 / np.maximum(np.abs(curvature(curve)), 1e-6))
    )
    allowed[-1] = min(allowed[-1], end_mps)
    # v(s)^2 <= v(t)^2 + 2 b (t - s) for every later t, so v^2 + 2 b s needs a running minimum from
    # the end.
    square = allowed**2 + 2 * brake_mps2 * curve.arclength
    square = np.minimum.accumulate(square[::-1])[::-1] - 2 * brake_mps2 * curve.arclength
    return np.sqrt(np.maximum(square, 0.0))
