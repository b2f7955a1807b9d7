"""Keeps commands within physical limits.

Angles are road-wheel angles d, positive to the left. The lateral acceleration is v^2 tan(d) / L, by
the kinematic bicycle with the speed v and the wheelbase L; it follows the steering at once, as that
model has it. A car that stands (below `STANDING_MPS`) has none. Pedals are taken as the
acceleration that they demand: throttle and brake times the vehicle's acceleration at full pedal.

Where limits conflict: the maximum angle and the rate of the wheels always hold, since the wheels
cannot do more. The lateral acceleration comes next: where the wheels stand beyond it, because the
car became faster or the driver let go, they turn back as fast as their rate allows, and the lateral
jerk gives way. The acceleration always holds. The deceleration gives way to the jerk where the
brake is already beyond it, as after a driver's: it is then eased off.
"""

from __future__ import annotations

from math import atan, copysign, inf, tan

from auxdrive.cards import VehicleSpec
from auxdrive.envelope.guarded import EnvelopeFlag
from auxdrive.envelope.options import FAST_MPS, SLOW_MPS, BySpeed, EnvelopeLimits
from auxdrive.errors import UsageError
from auxdrive.standing import STANDING_MPS
from auxdrive.steering import SteeringSpec
from auxdrive.types import Control

UNKNOWN_RATE_RADPS = 1.0
"""How fast road wheels turn where nobody says it; the driver of a passenger car reaches it."""
SENTENCES = {
    EnvelopeFlag.STEERING_ANGLE: "the steering is cut to the maximum steering angle",
    EnvelopeFlag.STEERING_RATE: "the road wheels turn no faster",
    EnvelopeFlag.LATERAL_ACCELERATION: "the angle is too large for this speed",
    EnvelopeFlag.LATERAL_JERK: "the angle changes too fast for this speed",
    EnvelopeFlag.ACCELERATION: "the throttle is too much",
    EnvelopeFlag.DECELERATION: "the brake is too much",
    EnvelopeFlag.LONGITUDINAL_JERK: "throttle or brake change too fast",
    EnvelopeFlag.BOTH_PEDALS: "throttle and brake at once: the brake counts",
}
"""What is said of a command that a limit has cut."""

_STANDING_SQUARED = STANDING_MPS**2

_NONE: tuple[EnvelopeFlag, ...] = ()


class Limiter:
    """Limits one command after the other. It remembers the last one.

    Args:
        steering: the vehicle's steering limits.
        vehicle: the vehicle; its wheelbase must be known.
        limits: see `EnvelopeLimits`.

    Raises:
        UsageError: the vehicle's wheelbase is not known.

    Attributes:
        last: the last command; None before the first one.
        wheelbase_m: the vehicle's.
    """

    def __init__(
        self, steering: SteeringSpec, vehicle: VehicleSpec, limits: EnvelopeLimits
    ) -> None:
        if vehicle.wheelbase_m is None:
            raise UsageError(
                f"the safety envelope needs the wheelbase of the vehicle '{vehicle.name}', and its "
                "card gives none: without it no lateral acceleration is known. Give a VehicleSpec "
                "with wheelbase_m"
            )
        self.last: Control | None = None
        self.wheelbase_m = vehicle.wheelbase_m
        self._limits = limits
        self._max_rad = steering.max_road_wheel_rad
        known = (limits.steer_rate_radps, vehicle.max_steer_rate_radps, UNKNOWN_RATE_RADPS)
        self._rate_radps = next(rate for rate in known if rate is not None)

    def limit(
        self, wanted: Control, speed_mps: float, elapsed_s: float
    ) -> tuple[Control, tuple[EnvelopeFlag, ...]]:
        """The nearest command within the limits.

        Args:
            wanted: finite.
            speed_mps: finite, 0 or more.
            elapsed_s: since the last command; 0 where that is not known.

        Returns:
            The command, and the limits that cut it. Where none did, the command is `wanted`.
        """
        steer, of_steering = self._steer(wanted.steer_rad, speed_mps, elapsed_s)
        throttle, brake, of_pedals = self._pedals(
            wanted, speed_mps, elapsed_s, EnvelopeFlag.LATERAL_ACCELERATION in of_steering
        )
        cut = of_steering + of_pedals
        self.last = Control(steer, throttle, brake) if cut else wanted
        return self.last, cut

    def take(self, control: Control) -> Control:
        """Take over a driver's command as the last one, cut to what steering and pedals can do.

        Args:
            control: finite.
        """
        self.last = Control(
            min(max(control.steer_rad, -self._max_rad), self._max_rad),
            min(max(control.throttle, 0.0), 1.0),
            min(max(control.brake, 0.0), 1.0),
        )
        return self.last

    def _steer(
        self, wanted_rad: float, speed_mps: float, elapsed_s: float
    ) -> tuple[float, tuple[EnvelopeFlag, ...]]:
        limits, cut, most = self._limits, _NONE, self._max_rad
        steer = most if wanted_rad > most else -most if wanted_rad < -most else wanted_rad
        if steer != wanted_rad:
            cut = (EnvelopeFlag.STEERING_ANGLE,)
        squared = speed_mps * speed_mps
        per_tan = self.wheelbase_m / squared if squared >= _STANDING_SQUARED else inf
        low, high = -most, most
        if self.last is not None:
            held, reach = self.last.steer_rad, self._rate_radps * elapsed_s
            low, high = held - reach, held + reach
            swing = inf if per_tan == inf else limits.lateral_jerk_mps3 * elapsed_s * per_tan
            nearer, flag = _turned(steer, held, reach, swing)
            if nearer != steer:
                steer, cut = nearer, (*cut, flag)
        largest = atan(limits.lateral_acceleration_mps2 * per_tan)
        if not -largest <= steer <= largest:
            cut = (*cut, EnvelopeFlag.LATERAL_ACCELERATION)
            steer = min(max(copysign(largest, steer), low), high)
        return steer, cut

    def _pedals(
        self, wanted: Control, speed_mps: float, elapsed_s: float, too_fast: bool
    ) -> tuple[float, float, tuple[EnvelopeFlag, ...]]:
        """Throttle, brake, and what cut them.

        Args:
            wanted: see `limit`.
            speed_mps: see `limit`.
            elapsed_s: see `limit`.
            too_fast: whether the car is too fast for where it steers: no throttle is then given.
        """
        limits, last, cut = self._limits, self.last, _NONE
        throttle, brake = wanted.throttle, wanted.brake
        if not 0.0 <= throttle <= 1.0:
            throttle, cut = min(max(throttle, 0.0), 1.0), (EnvelopeFlag.ACCELERATION,)
        if not 0.0 <= brake <= 1.0:
            brake, cut = min(max(brake, 0.0), 1.0), (*cut, EnvelopeFlag.DECELERATION)
        if throttle and brake:
            throttle, cut = 0.0, (*cut, EnvelopeFlag.BOTH_PEDALS)
        demand = self._demand(throttle, brake)
        before = 0.0 if last is None else self._demand(last.throttle, last.brake)
        fast = (speed_mps - SLOW_MPS) / (FAST_MPS - SLOW_MPS)
        fast = 0.0 if fast < 0.0 else 1.0 if fast > 1.0 else fast
        given = demand
        rising = before + between(limits.jerk_mps3, fast) * elapsed_s
        if demand > rising:
            given, cut = rising, (*cut, EnvelopeFlag.LONGITUDINAL_JERK)
        elif demand < (falling := min(before, 0.0) - limits.braking_jerk_mps3 * elapsed_s):
            given, cut = falling, (*cut, EnvelopeFlag.LONGITUDINAL_JERK)
        if given > 0.0:
            if too_fast:
                given = 0.0
            elif given > (most := between(limits.acceleration_mps2, fast)):
                given, cut = most, (*cut, EnvelopeFlag.ACCELERATION)
        # beyond its limit already, the brake is eased off
        elif given < (least := min(-between(limits.deceleration_mps2, fast), rising)):
            given, cut = least, (*cut, EnvelopeFlag.DECELERATION)
        if given == demand:  # unchanged to the last bit
            return throttle, brake, cut
        if given > 0.0:
            return min(given / limits.full_throttle_mps2, 1.0), 0.0, cut
        return 0.0, min(abs(given) / limits.full_brake_mps2, 1.0), cut

    def _demand(self, throttle: float, brake: float) -> float:
        """The acceleration that the pedals demand, in m/s2."""
        limits = self._limits
        return throttle * limits.full_throttle_mps2 - brake * limits.full_brake_mps2


def between(limit: BySpeed, fast: float) -> float:
    """A limit that depends on the speed.

    Args:
        limit: up to `SLOW_MPS` and from `FAST_MPS` on.
        fast: where the speed lies between these two, 0 to 1.
    """
    return limit[0] + (limit[1] - limit[0]) * fast


def _turned(
    wanted_rad: float, held_rad: float, reach_rad: float, swing: float
) -> tuple[float, EnvelopeFlag]:
    """The nearest angle that the wheels may be turned to, and the limit that decides it.

    Args:
        wanted_rad: where they are to be.
        held_rad: where they stand.
        reach_rad: how far they can turn.
        swing: how much the tangent of their angle may change.
    """
    # tan and atan may round: where the wheels stand they may always stay
    if wanted_rad > held_rad:
        gentle = max(atan(tan(held_rad) + swing) - held_rad, 0.0)
    else:
        gentle = max(held_rad - atan(tan(held_rad) - swing), 0.0)
    furthest, flag = (
        (gentle, EnvelopeFlag.LATERAL_JERK)
        if gentle < reach_rad
        else (reach_rad, EnvelopeFlag.STEERING_RATE)
    )
    if wanted_rad > held_rad + furthest:
        return held_rad + furthest, flag
    if wanted_rad < held_rad - furthest:
        return held_rad - furthest, flag
    return wanted_rad, flag
