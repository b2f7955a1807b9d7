"""Whether a command of the safety envelope keeps its limits, from the limits' definitions alone:
written apart from `auxdrive.envelope.limiter`, in other formulas, for the fuzzer and the tests.

Legend: road-wheel angles positive to the left; demand: the acceleration that the pedals ask for.
"""

from __future__ import annotations

import math

from auxdrive.cards import VehicleSpec
from auxdrive.envelope.options import EnvelopeLimits
from auxdrive.steering import SteeringSpec
from auxdrive.types import Control

EPS = 1e-9
STANDING_MPS = 0.1
"""A slower car has no lateral acceleration to speak of."""


def demand_of(control: Control, limits: EnvelopeLimits) -> float:
    """In m/s2."""
    return control.throttle * limits.full_throttle_mps2 - control.brake * limits.full_brake_mps2


def interpolated(pair: tuple[float, float], speed_mps: float) -> float:
    """A limit at a speed: between 5 and 20 m/s on a straight line."""
    fast = min(max(speed_mps, 5.0), 20.0) - 5.0
    return (pair[0] * (15.0 - fast) + pair[1] * fast) / 15.0


def rate_of(limits: EnvelopeLimits, vehicle: VehicleSpec) -> float:
    """In rad/s."""
    if limits.steer_rate_radps is not None:
        return limits.steer_rate_radps
    return 1.0 if vehicle.max_steer_rate_radps is None else vehicle.max_steer_rate_radps


def widest_angle(limits: EnvelopeLimits, vehicle: VehicleSpec, speed_mps: float) -> float:
    """The angle of the largest lateral acceleration, in radians."""
    assert vehicle.wheelbase_m is not None
    if speed_mps < STANDING_MPS:
        return math.pi / 2
    return math.atan2(limits.lateral_acceleration_mps2 * vehicle.wheelbase_m, speed_mps**2)


def gentle_angles(
    limits: EnvelopeLimits, vehicle: VehicleSpec, speed_mps: float, elapsed_s: float, held: float
) -> tuple[float, float]:
    """The angles that the lateral jerk allows, in radians."""
    assert vehicle.wheelbase_m is not None
    if speed_mps < STANDING_MPS:
        return -math.pi / 2, math.pi / 2
    swing = limits.lateral_jerk_mps3 * elapsed_s * vehicle.wheelbase_m / speed_mps**2
    return math.atan(math.tan(held) - swing), math.atan(math.tan(held) + swing)


def _is_plain(control: Control) -> bool:
    numbers = (control.steer_rad, control.throttle, control.brake)
    return all(type(each) is float and math.isfinite(each) for each in numbers)


def broken_travel(control: Control, steering: SteeringSpec) -> list[str]:
    """What of a command steering and pedals cannot do; a driver's is held to this alone."""
    if not _is_plain(control):
        return [f"plain finite numbers: {control}"]
    kept = {
        "maximum angle": abs(control.steer_rad) <= steering.max_road_wheel_rad,
        "pedals": 0 <= control.throttle <= 1 and 0 <= control.brake <= 1,
    }
    return [name for name, is_kept in kept.items() if not is_kept]


def broken_limits(
    before: Control | None,
    after: Control,
    speed_mps: float,
    elapsed_s: float,
    steering: SteeringSpec,
    vehicle: VehicleSpec,
    limits: EnvelopeLimits,
    exact: bool = True,
) -> list[str]:
    """The limits that a command breaks; none where it breaks none.

    Args:
        before: the command before it; None where it is the first one.
        after: the command.
        speed_mps: 0 or more.
        elapsed_s: between the two; at most that where it is not `exact`.
        steering: the vehicle's.
        vehicle: the vehicle.
        limits: that hold.
        exact: whether speed and elapsed time are those that the envelope knew.
    """
    broken = broken_travel(after, steering)
    if not _is_plain(after):
        return broken
    checks = {
        "one pedal": after.throttle == 0 or after.brake == 0,
        "acceleration": demand_of(after, limits)
        <= interpolated(limits.acceleration_mps2, speed_mps) + EPS,
    }
    widest = widest_angle(limits, vehicle, speed_mps)
    if before is None:
        checks["lateral acceleration"] = not exact or abs(after.steer_rad) <= widest + EPS
        return broken + [name for name, kept in checks.items() if not kept]
    reach = rate_of(limits, vehicle) * elapsed_s
    held, steer = before.steer_rad, after.steer_rad
    low, high = gentle_angles(limits, vehicle, speed_mps, elapsed_s, held)
    beyond = abs(held) > widest - EPS
    checks["rate"] = abs(steer - held) <= reach + EPS
    if exact:
        # from beyond the lateral acceleration the wheels come back as fast as they can
        checks["lateral acceleration"] = abs(steer) <= widest + EPS or (
            beyond and held * steer >= 0 and abs(steer) <= max(abs(held) - reach, widest) + EPS
        )
        checks["lateral jerk"] = low - EPS <= steer <= high + EPS or (
            beyond and abs(steer) <= abs(held)
        )
        least = -interpolated(limits.deceleration_mps2, speed_mps)
        rise = interpolated(limits.jerk_mps3, speed_mps) * elapsed_s
        was, now = demand_of(before, limits), demand_of(after, limits)
        checks["deceleration"] = now >= min(least, was + rise) - EPS
        checks["rising"] = now <= was + rise + EPS
        checks["braking"] = now >= min(was, 0.0) - limits.braking_jerk_mps3 * elapsed_s - EPS
    return broken + [name for name, kept in checks.items() if not kept]
