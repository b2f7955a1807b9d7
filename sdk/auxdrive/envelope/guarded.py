"""What a step of the safety envelope gives: the command, what was found, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auxdrive.types import Control


class EnvelopeFlag(StrEnum):
    """What the envelope found, which limits it applied, and what it did.

    The first group is about the input, and makes a tick a bad one; the second tells which limit cut
    the command; the third who commanded instead of the controller.

    Attributes:
        CLOCK_JUMP: the clock ran backwards, is not finite, or no call came for too long.
        NO_FRAME: there is no observation.
        FRAME_STALE: the frame is older than its budget.
        FRAME_TIME: the frame's time is not finite, newer than now, or older than the last frame's.
        FRAME_MALFORMED: the image is not uint8 of the camera's size.
        FRAME_DARK: the image is black.
        FRAME_SATURATED: the image is white.
        FRAME_REPEATED: the image equals the last one, though the car moves.
        FRAME_TORN: the lower part of the image is the last frame's, the upper part is not.
        NO_PREDICTION: there is no prediction.
        PREDICTION_WITHHELD: the prediction is empty, or has a flag of `auxdrive.types.WITHHOLDING`.
        INPUT_OUT_OF_RANGE: the prediction is flagged as one outside of the training range.
        OUT_OF_DISTRIBUTION: the prediction is flagged as one from an image unlike the training's.
        SAFE_STOP: the controller commands its safe stop, for a prediction that is too old or not
            finite, or a speed that no car can have.
        CONTROLLER_FAILURE: the controller failed, or its command is not finite.
        STEERING_ANGLE: cut to the maximum steering angle.
        STEERING_RATE: the road wheels would have turned too fast.
        LATERAL_ACCELERATION: the angle is too large for the speed; the throttle is released too.
        LATERAL_JERK: the angle would have changed too fast for the speed.
        ACCELERATION: the throttle asked for too much.
        DECELERATION: the brake asked for too much.
        LONGITUDINAL_JERK: throttle or brake would have changed too fast.
        BOTH_PEDALS: throttle and brake were commanded at once; the brake counts.
        BRIDGED: the input is bad; the last good command is held until it is good again or the
            fallback begins.
        FALLBACK: the fallback commands.
        OVERRIDE: the driver commands.

    Examples:
        >>> from auxdrive import EnvelopeFlag
        >>> EnvelopeFlag("frame_dark") is EnvelopeFlag.FRAME_DARK
        True
    """

    CLOCK_JUMP = "clock_jump"
    NO_FRAME = "no_frame"
    FRAME_STALE = "frame_stale"
    FRAME_TIME = "frame_time"
    FRAME_MALFORMED = "frame_malformed"
    FRAME_DARK = "frame_dark"
    FRAME_SATURATED = "frame_saturated"
    FRAME_REPEATED = "frame_repeated"
    FRAME_TORN = "frame_torn"
    NO_PREDICTION = "no_prediction"
    PREDICTION_WITHHELD = "prediction_withheld"
    INPUT_OUT_OF_RANGE = "input_out_of_range"
    OUT_OF_DISTRIBUTION = "out_of_distribution"
    SAFE_STOP = "safe_stop"
    CONTROLLER_FAILURE = "controller_failure"

    STEERING_ANGLE = "steering_angle"
    STEERING_RATE = "steering_rate"
    LATERAL_ACCELERATION = "lateral_acceleration"
    LATERAL_JERK = "lateral_jerk"
    ACCELERATION = "acceleration"
    DECELERATION = "deceleration"
    LONGITUDINAL_JERK = "longitudinal_jerk"
    BOTH_PEDALS = "both_pedals"

    BRIDGED = "bridged"
    FALLBACK = "fallback"
    OVERRIDE = "override"


_Flag = EnvelopeFlag

OF_A_FRAME = frozenset({
    _Flag.FRAME_MALFORMED, _Flag.FRAME_DARK, _Flag.FRAME_SATURATED, _Flag.FRAME_REPEATED,
    _Flag.FRAME_TORN, _Flag.PREDICTION_WITHHELD, _Flag.INPUT_OUT_OF_RANGE,
    _Flag.OUT_OF_DISTRIBUTION,
})  # fmt: skip
"""Findings that belong to one frame or to its prediction. They are counted once, however often the
frame is given; others are counted at every call.
"""

TOLERABLE = OF_A_FRAME | {
    _Flag.CLOCK_JUMP, _Flag.NO_FRAME, _Flag.FRAME_STALE, _Flag.FRAME_TIME, _Flag.SAFE_STOP
}  # fmt: skip
"""Findings that a user may tolerate."""

FINDINGS = TOLERABLE | {_Flag.NO_PREDICTION, _Flag.CONTROLLER_FAILURE}
"""The flags of the first group. With these two there is no command to drive by."""


class EnvelopeMode(StrEnum):
    """Who commands.

    Attributes:
        DRIVING: the controller, within the limits.
        BRIDGING: nobody yet: the input is bad, and the last good command is held. Where there is
            none, as before the first good input, the car is braked.
        HOLD: the fallback, which holds the last good command.
        SLOW_STRAIGHT: the fallback, which brakes gently and straightens the wheels.
        STOP: the fallback, which brakes and keeps the wheels where they are, until `release`.
        OVERRIDE: the driver.

    Examples:
        >>> from auxdrive import EnvelopeMode
        >>> [mode.value for mode in EnvelopeMode]
        ['driving', 'bridging', 'hold', 'slow_straight', 'stop', 'override']
    """

    DRIVING = "driving"
    BRIDGING = "bridging"
    HOLD = "hold"
    SLOW_STRAIGHT = "slow_straight"
    STOP = "stop"
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class Guarded:
    """What `SafetyEnvelope.step` gives.

    Attributes:
        control: the command for the actuators, within the limits.
        flags: what was found and done; empty when the controller's command passes unchanged.
        reason: the same as sentences, for people; empty where `flags` is.
        mode: who commands.
        delay_s: by how much time the waypoints were moved; 0 where they were not.

    Examples:
        >>> from auxdrive import Control, EnvelopeFlag, EnvelopeMode, Guarded
        >>> braking = Control(0.0, 0.0, 0.5)
        >>> flags = frozenset({EnvelopeFlag.FRAME_DARK, EnvelopeFlag.FALLBACK})
        >>> guarded = Guarded(braking, flags, "the image is black", EnvelopeMode.STOP)
        >>> guarded.control.brake
        0.5
    """

    control: Control
    flags: frozenset[EnvelopeFlag] = frozenset()
    reason: str = ""
    mode: EnvelopeMode = EnvelopeMode.DRIVING
    delay_s: float = 0.0


class Findings:
    """What is found in one tick, in order."""

    def __init__(self) -> None:
        self.flags: list[EnvelopeFlag] = []
        self.reasons: list[str] = []

    def add(self, flag: EnvelopeFlag, reason: str) -> None:
        """Note a finding.

        Args:
            flag: its kind.
            reason: what it is, as a sentence.
        """
        self.flags.append(flag)
        self.reasons.append(reason)
