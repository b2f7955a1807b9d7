"""The PID of the TransFuser family, on a clock, and its longitudinal control."""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise

from pydantic import Field

from auxdrive.controllers.base import Number, Options, Share

TRANSFUSER_PERIOD_S = 0.1
"""The agents of 2021 and 2022 run at 20 Hz and call their controllers at every second tick
(`action_repeat`).
"""

Gain = Number


class PidGains(Options):
    """Gains, the time over which the integral takes the mean error, and that over which the
    derivative takes its change.
    """

    p: Gain = Field(ge=0, le=1000)
    i: Gain = Field(ge=0, le=1000)
    d: Gain = Field(ge=0, le=1000)
    window_s: Number = Field(ge=0.01, le=100)
    period_s: Number = Field(
        default=TRANSFUSER_PERIOD_S,
        ge=0.001,
        le=1,
        description="time between two steps where the gains were tuned",
    )


class Pid:
    """The PID of the TransFuser family (team_code_*/model.py, PIDController), at any rate.

    The original's integral is the mean of the last n errors (zeros at the start) and its derivative
    the last difference, so that both belong to the rate of 10 Hz at which it is called. Here both
    are of time: the mean over `window_s`, in which each error counts for the time since the one
    before it, and the change over `period_s`, between samples by linear interpolation. At a step
    every `period_s`, with `window_s` n times as long, the numbers are the original's; at other
    rates they are what it would say of the same error over time.

    Args:
        longest_gap_s: after a longer pause it begins anew, as if it had seen no error before.
    """

    def __init__(self, gains: PidGains, longest_gap_s: float) -> None:
        self.gains = gains
        self._longest_gap_s = longest_gap_s
        # (time, error): the error since the entry before it
        self._errors: deque[tuple[float, float]] = deque()

    def reset(self) -> None:
        """Begin anew."""
        self._errors.clear()

    def step(self, error: float, now_s: float) -> float:
        """p * error + i * mean(window) + d * change(period)."""
        gains, errors = self.gains, self._errors
        if errors and not 0 < now_s - errors[-1][0] <= self._longest_gap_s:
            errors.clear()
        if not errors:
            errors.append((now_s - gains.period_s, 0.0))
        errors.append((now_s, error))
        while len(errors) > 2 and errors[1][0] <= now_s - max(gains.window_s, gains.period_s):
            errors.popleft()
        return (
            gains.p * error
            + gains.i * self._mean(now_s - gains.window_s)
            + gains.d * (error - self._at(now_s - gains.period_s))
        )

    def _mean(self, since_s: float) -> float:
        parts = (
            error * (time - max(before, since_s))
            for (before, _), (time, error) in pairwise(self._errors)
            if time > since_s
        )
        return math.fsum(parts) / self.gains.window_s

    def _at(self, time_s: float) -> float:
        """The error at a time up to now: on the line between the two samples around it."""
        after_s, after = self._errors[-1]
        for before_s, before in reversed(self._errors):
            if before_s <= time_s:
                return (
                    before
                    if after_s == before_s
                    else before + (after - before) * (time_s - before_s) / (after_s - before_s)
                )
            after_s, after = before_s, before
        return after


class SpeedOptions(Options):
    """Longitudinal control as the TransFuser family does it. Defaults: TransFuser 2022."""

    gains: PidGains = PidGains(p=5.0, i=0.5, d=1.0, window_s=2.0)
    max_throttle: Share = Field(default=0.75, gt=0)
    brake_speed_mps: Number = Field(
        default=0.4, ge=0, le=70, description="brake when the desired speed is below this"
    )
    brake_ratio: Number = Field(
        default=1.1, ge=1, le=10, description="brake when speed / desired speed is above this"
    )
    max_delta_mps: Number = Field(
        default=0.25, gt=0, le=70, description="the speed error that the PID sees is cut to this"
    )


class SpeedLoop:
    """Throttle and brake from a desired and an actual speed; the brake is on or off."""

    def __init__(self, options: SpeedOptions, longest_gap_s: float) -> None:
        self.options = options
        self._pid = Pid(options.gains, longest_gap_s)

    def reset(self) -> None:
        """Forget past errors."""
        self._pid.reset()

    def must_brake(self, desired_mps: float, speed_mps: float) -> bool:
        """Whether the car is too fast, or is to stand. A desired speed of 0 always brakes."""
        options = self.options
        return (
            desired_mps <= 0
            or desired_mps < options.brake_speed_mps
            or speed_mps / desired_mps > options.brake_ratio
        )

    def step(self, desired_mps: float, speed_mps: float, now_s: float) -> tuple[float, float]:
        """(throttle, brake)."""
        delta = min(max(desired_mps - speed_mps, 0.0), self.options.max_delta_mps)
        throttle = min(max(self._pid.step(delta, now_s), 0.0), self.options.max_throttle)
        return (0.0, 1.0) if self.must_brake(desired_mps, speed_mps) else (throttle, 0.0)
