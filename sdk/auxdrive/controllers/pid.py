"""The PID controller of the TransFuser family, for any rate of calls, and its control of speed."""

from __future__ import annotations

import math
from collections import deque

from pydantic import Field

from auxdrive.controllers.options import Number, Options, Share

TRANSFUSER_PERIOD_S = 0.1
"""The time between two calls in TransFuser: its agents of 2021 and 2022 run at 20 Hz and call their
controllers at every second tick (`action_repeat`).
"""

Gain = Number


class PidGains(Options):
    """Gains of a PID controller, and the times that its integral and derivative cover.

    Attributes:
        p: gain of the error.
        i: gain of the mean error over `window_s`.
        d: gain of the change of the error over `period_s`.
        window_s: the time that the mean covers.
        period_s: the time between two steps when the gains were tuned.
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
    """The PID controller of the TransFuser family (team_code_*/model.py, PIDController), for any
    rate of calls.

    In the original the integral is the mean of the last n errors (zeros at the start) and the
    derivative the last difference, so both are right only at the 10 Hz at which it is called. Here
    both are defined in time. The mean covers `window_s`, and each error counts for the time since
    the one before it. The change covers `period_s`, with linear interpolation between samples.
    Called every `period_s`, with a `window_s` of n periods, it computes the original's numbers; at
    other rates it computes what the original would for the same error over time.

    Args:
        gains: see `PidGains`.
        longest_gap_s: after a longer pause between two steps it begins anew, without past errors.
    """

    def __init__(self, gains: PidGains, longest_gap_s: float) -> None:
        self.gains = gains
        self._longest_gap_s = longest_gap_s
        # Samples, the oldest first: time, error, and the error times how long it counts, which is
        # the time since the sample before. That one is kept, since a step would else multiply
        # every sample of the window.
        self._times_s: deque[float] = deque()
        self._errors: deque[float] = deque()
        self._parts: deque[float] = deque()

    def reset(self) -> None:
        """Forget past errors."""
        self._times_s.clear()
        self._errors.clear()
        self._parts.clear()

    def step(self, error: float, now_s: float) -> float:
        """The controller's output p * error + i * mean + d * change.

        Args:
            error: now.
            now_s: the time of this call.
        """
        gains, times_s = self.gains, self._times_s
        if times_s and not 0 < now_s - times_s[-1] <= self._longest_gap_s:
            self.reset()
        if not times_s:
            self._add(now_s - gains.period_s, 0.0, 0.0)
        self._add(now_s, error, error * (now_s - times_s[-1]))
        until_s = now_s - max(gains.window_s, gains.period_s)
        while len(times_s) > 2 and times_s[1] <= until_s:
            times_s.popleft()
            self._errors.popleft()
            self._parts.popleft()
        return (
            gains.p * error
            + gains.i * self._mean(now_s - gains.window_s)
            + gains.d * (error - self._at(now_s - gains.period_s))
        )

    def _add(self, time_s: float, error: float, part: float) -> None:
        self._times_s.append(time_s)
        self._errors.append(error)
        self._parts.append(part)

    def _mean(self, since_s: float) -> float:
        """The mean error since a time, which never goes back: what lies before it stays out."""
        times_s, parts, first = self._times_s, self._parts, 1
        parts[0] = 0.0  # the oldest sample is there for its time alone
        while times_s[first] <= since_s:
            parts[first] = 0.0
            first += 1
        parts[first] = self._errors[first] * (times_s[first] - max(times_s[first - 1], since_s))
        return math.fsum(parts) / self.gains.window_s

    def _at(self, time_s: float) -> float:
        """The error at a time up to now, by linear interpolation between the samples around it."""
        after_s, after = self._times_s[-1], self._errors[-1]
        for before_s, before in zip(reversed(self._times_s), reversed(self._errors), strict=True):
            if before_s <= time_s:
                return (
                    before
                    if after_s == before_s
                    else before + (after - before) * (time_s - before_s) / (after_s - before_s)
                )
            after_s, after = before_s, before
        return after


class SpeedOptions(Options):
    """Options of `SpeedLoop`. The defaults are those of TransFuser 2022.

    Attributes:
        gains: of the PID controller of the speed.
        max_throttle: the most throttle that is given.
        brake_speed_mps: the car brakes when the desired speed is below this.
        brake_ratio: the car brakes when speed / desired speed is above this.
        max_delta_mps: the error of the speed is cut to this.
    """

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
    """Control of the speed as in the TransFuser family. The brake is either on or off.

    Args:
        options: see `SpeedOptions`.
        longest_gap_s: see `Pid`.
    """

    def __init__(self, options: SpeedOptions, longest_gap_s: float) -> None:
        self.options = options
        self._pid = Pid(options.gains, longest_gap_s)

    def reset(self) -> None:
        """Forget past errors."""
        self._pid.reset()

    def must_brake(self, desired_mps: float, speed_mps: float) -> bool:
        """Whether the car must brake: it is too fast or is to stand. A desired speed of 0 always
        brakes.

        Args:
            desired_mps: the speed to reach.
            speed_mps: the speed now.
        """
        options = self.options
        return (
            desired_mps <= 0
            or desired_mps < options.brake_speed_mps
            or speed_mps / desired_mps > options.brake_ratio
        )

    def step(self, desired_mps: float, speed_mps: float, now_s: float) -> tuple[float, float]:
        """Throttle and brake, each 0 to 1.

        Args:
            desired_mps: the speed to reach.
            speed_mps: the speed now.
            now_s: the time of this call.
        """
        delta = min(max(desired_mps - speed_mps, 0.0), self.options.max_delta_mps)
        throttle = min(max(self._pid.step(delta, now_s), 0.0), self.options.max_throttle)
        return (0.0, 1.0) if self.must_brake(desired_mps, speed_mps) else (throttle, 0.0)
