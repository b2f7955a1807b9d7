"""Creeping: moving forward a little after a long stand, as TransFuser's agent does (Chitta et al.
2022, section 4.1; Jaeger 2021).

A network without memory that has learned to wait can wait for ever, since no image shows how long
it has waited. TransFuser creeps for 1.5 s after 55 s, if its LiDAR shows nothing ahead. A
camera-only student has no LiDAR, so this controller creeps without looking. It is off by default,
and meant for benchmarks in simulation, never for a road.
"""

from __future__ import annotations

import math

from auxdrive.checks.numbers import reading
from auxdrive.controllers.base import Controller
from auxdrive.errors import UsageError
from auxdrive.types import Control, Prediction

STANDING_MPS = 0.1
CREEP_S = 1.5
CREEP_THROTTLE = 0.5
CREEP_UP_TO_MPS = 3.0
LONGEST_GAP_S = 1.0
"""The longest time between two calls. After a longer one the wait begins anew, since somebody else
may have driven.
"""


class Creeping:
    """A controller that lets another one drive, and pushes the car forward for 1.5 s whenever it
    has stood for some time.

    A safe stop of the other controller ends both the push and the wait. A push ends 1.5 s after it
    began, whether it was used or not, or as soon as the car is faster than `CREEP_UP_TO_MPS`.

    Args:
        inner: the other controller.
        after_s: how long the car must have stood, in seconds.

    Raises:
        UsageError: `after_s` is not finite or not above 0.
        InputError: `after_s` is no number.
    """

    def __init__(self, inner: Controller, after_s: float) -> None:
        after_s = reading("the creeping's after_s", after_s, "seconds of standing before it begins")
        if not 0 < after_s < math.inf:
            raise UsageError(
                f"creeping begins after a finite number of seconds above 0, got {after_s}"
            )
        self._inner = inner
        self._after_s = after_s
        self.reset()

    @property
    def stop_reason(self) -> str:
        """The other controller's reason."""
        return self._inner.stop_reason

    def reset(self) -> None:
        """Forget the drive so far."""
        self._inner.reset()
        self._forget()
        self._now_s: float | None = None

    def _forget(self) -> None:
        self._stands_since_s: float | None = None
        self._push_ends_s: float | None = None

    def step(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        """The other controller's command; during a push throttle and brake are this one's.

        Args:
            prediction: the newest one.
            speed_mps: measured forward speed; below `STANDING_MPS` the car stands.
            now_s: the time of this call, on the clock of the observations' `time_s`.
        """
        control = self._inner.step(prediction, speed_mps, now_s)
        before, self._now_s = self._now_s, now_s
        if self._inner.stop_reason or (
            before is not None and not 0 <= now_s - before <= LONGEST_GAP_S
        ):
            self._forget()
        if self._inner.stop_reason:
            return control
        if speed_mps >= STANDING_MPS:
            self._stands_since_s = None
        elif self._stands_since_s is None:
            self._stands_since_s = now_s
        if self._push_ends_s is not None and (
            now_s >= self._push_ends_s or speed_mps > CREEP_UP_TO_MPS
        ):
            # If the push does not move the car, the next one comes after the same wait again.
            self._push_ends_s, self._stands_since_s = (
                None,
                None if self._stands_since_s is None else now_s,
            )
        if (
            self._push_ends_s is None
            and self._stands_since_s is not None
            and now_s - self._stands_since_s > self._after_s
        ):
            self._push_ends_s = now_s + CREEP_S
        return (
            control
            if self._push_ends_s is None
            else Control(control.steer_rad, CREEP_THROTTLE, 0.0)
        )
