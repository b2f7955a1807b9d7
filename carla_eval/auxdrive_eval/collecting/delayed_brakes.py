"""Brakes that are delayed during recording, so that a student also sees what a driver sees who has
come too near.

An expert brakes early and stops at the same distance each time, so its recordings show nobody who
is nearer or faster than that. A student brakes now and then a second later, and has not learned
what to do there: it drives up to the car ahead, or stands where it no longer knows that it should.
A car that is let roll, while the expert that brakes is recorded as the label, shows those moments.
"""

from __future__ import annotations

from dataclasses import replace

from auxdrive.standing import STANDING_MPS
from auxdrive.types import Control

from auxdrive_eval.random_streams import stream
from auxdrive_eval.world import WorldState

SLOW_MPS = 2.0
SLOW_S, FAST_S = (1.0, 3.0), (0.5, 2.0)
"""So long it rolls at most where it begins below this speed, and above it."""
FIRM_BRAKE = 0.1
"""At speed a slight touch of the brake is none yet."""
HARD_BRAKE, SLOW_FURTHER_S, FAST_FURTHER_S = 0.4, (0.0, 0.8), (0.0, 0.3)
"""It rolls on for this time after the expert would brake so hard: a metre and a half at most where
it comes to stand, and not so long that braking no longer helps.
"""
PAUSE_S = 1.0
"""Braking that begins again sooner is still the same."""


class DelayedBrakes:
    """Delays drawn from a seed, one for each time that the expert brakes, and another one for its
    last metres. Ask at every tick.

    Args:
        seed: of which times are delayed, and of how long.
        share: the probability, 0 to 1, with which one is delayed.
    """

    def __init__(self, seed: int, share: float) -> None:
        self._rng, self._share = stream(seed, "delayed brakes"), share
        self._until_s = self._braked_s = -PAUSE_S
        self._is_slow = self._is_hard = False

    def rolls(self, state: WorldState, label: Control) -> bool:
        """Whether the car is let roll at this tick.

        Args:
            state: the world.
            label: what the expert would do.
        """
        now_s, speed_mps = state.time_s, abs(state.speed_mps)
        slow = speed_mps < SLOW_MPS
        if speed_mps <= STANDING_MPS or label.brake <= (0.0 if slow else FIRM_BRAKE):
            return False
        goes_on = now_s - self._braked_s < PAUSE_S
        if not goes_on or (slow and not self._is_slow):
            self._begin(now_s, slow=slow)
        self._braked_s = now_s
        if label.brake >= HARD_BRAKE and not self._is_hard:
            self._is_hard = True
            further_s = self._rng.uniform(*(SLOW_FURTHER_S if slow else FAST_FURTHER_S))
            self._until_s = min(self._until_s, now_s + float(further_s))
        return now_s < self._until_s

    def _begin(self, now_s: float, *, slow: bool) -> None:
        length_s = float(self._rng.uniform(*(SLOW_S if slow else FAST_S)))
        delayed = bool(self._rng.random() < self._share)
        self._until_s = now_s + (length_s if delayed else 0.0)
        self._is_slow, self._is_hard = slow, False


def rolling(control: Control) -> Control:
    """The control of a car that is let roll.

    Args:
        control: the expert's.
    """
    return replace(control, throttle=0.0, brake=0.0)
