"""Stops that come late during recording, so that a student also sees what a driver sees who has
come too near.

An expert stops at the same distance from a line or a car each time, so its recordings show nobody
nearer than that who is not to move. A student stops now and then a metre later, and has not
learned that it is to stand there. A car that is let roll in the last metres, while the expert that
brakes is recorded as the label, shows those moments.
"""

from __future__ import annotations

from dataclasses import replace

from auxdrive.standing import STANDING_MPS
from auxdrive.types import Control

from auxdrive_eval.random_streams import stream
from auxdrive_eval.world import WorldState

SLOW_MPS, GOES_ON_MPS = 2.0, 3.0
"""A stop begins below the one speed, and was none above the other."""
LENGTH_S = (1.0, 3.0)
"""So long the car rolls at most."""
HARD_BRAKE, FURTHER_S = 0.4, (0.0, 0.8)
"""It rolls on for this time after the expert would brake so hard: a metre and a half at most."""


class LateStops:
    """Late stops drawn from a seed, one for each time that the expert brakes to stand. Ask at every
    tick.

    Args:
        seed: of which stops come late, and how late.
        share: the probability, 0 to 1, with which a stop comes late.
    """

    def __init__(self, seed: int, share: float) -> None:
        self._rng, self._share = stream(seed, "late stops"), share
        self._until_s: float | None = None
        self._further_s: float | None = None

    def rolls(self, state: WorldState, label: Control) -> bool:
        """Whether the car is let roll at this tick.

        Args:
            state: the world.
            label: what the expert would do.
        """
        speed_mps = abs(state.speed_mps)
        if speed_mps <= STANDING_MPS or speed_mps > GOES_ON_MPS:
            self._until_s = self._further_s = None
            return False
        if self._until_s is None:
            if speed_mps > SLOW_MPS or label.brake <= 0.0:
                return False
            length_s = float(self._rng.uniform(*LENGTH_S))
            late = bool(self._rng.random() < self._share)
            self._until_s = state.time_s + (length_s if late else 0.0)
        if label.brake >= HARD_BRAKE and self._further_s is None:
            self._further_s = float(self._rng.uniform(*FURTHER_S))
            self._until_s = min(self._until_s, state.time_s + self._further_s)
        return state.time_s < self._until_s


def rolling(control: Control) -> Control:
    """The control of a car that is let roll.

    Args:
        control: the expert's.
    """
    return replace(control, throttle=0.0, brake=0.0)
