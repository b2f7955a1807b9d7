"""The options of the safety envelope. Which standard a default comes from, and how far that goes,
stands in docs/safety.md: they are orders of magnitude, and no certification.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic import Strict as NoConversion

from auxdrive.controllers.options import Number, Options
from auxdrive.controllers.speed import FULL_BRAKE_MPS2, FULL_THROTTLE_MPS2
from auxdrive.envelope.guarded import TOLERABLE, EnvelopeFlag
from auxdrive.envelope.kinds import FallbackKind

SLOW_MPS, FAST_MPS = 5.0, 20.0
"""Limits that depend on the speed have one value up to `SLOW_MPS` and another from `FAST_MPS` on,
with a straight line in between (ISO 15622:2018, 6.4).
"""

Limit = Annotated[float, NoConversion(), Field(ge=0.1, le=100)]
BySpeed = tuple[Limit, Limit]
"""A limit up to `SLOW_MPS` and one from `FAST_MPS` on."""


class EnvelopeLimits(Options):
    """Limits of commands, in physical units. The maximum steering angle is that of the
    `SteeringSpec`, and the wheelbase that of the `VehicleSpec`.

    Attributes:
        lateral_acceleration_mps2: largest v^2 tan(angle) / wheelbase (ISO 11270:2014, 5.4; UN R79).
        lateral_jerk_mps3: its largest change in a second by steering (ibid.; there as the mean over
            half a second, here at every tick).
        steer_rate_radps: how fast the road wheels turn; None takes the vehicle's
            `max_steer_rate_radps`, and 1 rad/s where that is not known, which the driver of a
            passenger car reaches.
        acceleration_mps2: the largest, up to 5 m/s and from 20 m/s on (ISO 15622:2018, 6.4).
        deceleration_mps2: likewise.
        jerk_mps3: how fast throttle is applied and brake released, likewise. Throttle is released
            at once.
        braking_jerk_mps3: how fast the brake is applied. No standard's: the 5 m/s2 in a quarter of
            a second.
        full_throttle_mps2: the vehicle's acceleration at full throttle.
        full_brake_mps2: the vehicle's deceleration at full brake.

    Examples:
        >>> from auxdrive import EnvelopeLimits
        >>> EnvelopeLimits(lateral_acceleration_mps2=2.0).lateral_jerk_mps3
        5.0
    """

    lateral_acceleration_mps2: Limit = 3.0
    lateral_jerk_mps3: Limit = 5.0
    steer_rate_radps: Annotated[Number, Field(ge=0.01, le=100)] | None = None
    acceleration_mps2: BySpeed = (4.0, 2.0)
    deceleration_mps2: BySpeed = (5.0, 3.5)
    jerk_mps3: BySpeed = (5.0, 2.5)
    braking_jerk_mps3: Annotated[float, NoConversion(), Field(ge=0.1, le=1000)] = 20.0
    full_throttle_mps2: Limit = FULL_THROTTLE_MPS2
    full_brake_mps2: Limit = FULL_BRAKE_MPS2


class EnvelopeFallback(Options):
    """What is done where the input is bad, and when.

    A frame counts once, however often it is given. What belongs to no frame (a frame or a
    prediction that is too old, a missing one, a clock that jumps) counts at every call.

    Attributes:
        kind: what is done. "stop": brake and keep the wheels where they are; it stays until
            `release`. "slow_straight": brake gently and straighten the wheels, until the input is
            good again. "hold": hold the last good command until then, and stop after `hold_s`.
        begin_bad: so many bad ones begin it,
        of_last: of so many.
        end_good: so many good ones in a row end it.
        hold_s: how long "hold" may last.
        stop_mps2: deceleration of "stop" (UN R157, 5.5.1: at most 4 m/s2).
        slow_mps2: deceleration of "slow_straight".
        tolerated: findings that are flagged and counted, but are no reason for a fallback. By
            default images unlike the training's, since one in a hundred ordinary ones is flagged.

    Examples:
        >>> from auxdrive import EnvelopeFallback, EnvelopeFlag
        >>> fallback = EnvelopeFallback(
        ...     kind="slow_straight", tolerated=(EnvelopeFlag.INPUT_OUT_OF_RANGE,)
        ... )
        >>> fallback.begin_bad, fallback.of_last
        (3, 10)
    """

    kind: FallbackKind = "stop"
    begin_bad: int = Field(default=3, ge=1, le=1000)
    of_last: int = Field(default=10, ge=1, le=1000)
    end_good: int = Field(default=10, ge=1, le=1000)
    hold_s: Number = Field(default=1.0, ge=0, le=10)
    stop_mps2: Limit = 4.0
    slow_mps2: Limit = 2.0
    tolerated: tuple[EnvelopeFlag, ...] = (EnvelopeFlag.OUT_OF_DISTRIBUTION,)

    @model_validator(mode="after")
    def _can_begin(self) -> Self:
        if self.begin_bad > self.of_last:
            raise ValueError("begin_bad is larger than of_last: the fallback would never begin")
        if wrong := sorted(set(self.tolerated) - TOLERABLE):
            raise ValueError(
                f"tolerated: {', '.join(wrong)} cannot be tolerated, only {', '.join(TOLERABLE)}"
            )
        return self


class EnvelopeOptions(Options):
    """Options of a `SafetyEnvelope`.

    Attributes:
        limits: of commands.
        fallback: what is done where the input is bad.
        max_frame_age_s: a frame that is older is stale.
        longest_gap_s: a longer time between two calls counts as a jump of the clock.
        record_ticks: how many ticks the record holds that is written on a stop.

    Examples:
        >>> from auxdrive import EnvelopeOptions
        >>> EnvelopeOptions(max_frame_age_s=0.25).fallback.kind
        'stop'
    """

    limits: EnvelopeLimits = EnvelopeLimits()
    fallback: EnvelopeFallback = EnvelopeFallback()
    max_frame_age_s: Number = Field(default=0.5, ge=0.01, le=10)
    longest_gap_s: Number = Field(default=0.5, ge=0.01, le=10)
    record_ticks: int = Field(default=400, ge=1, le=1_000_000)
