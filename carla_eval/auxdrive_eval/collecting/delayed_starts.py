"""Starts that are delayed during recording, so that a student also sees what a driver who hesitates
sees.

An expert leaves within a second of the moment at which it may, so its recordings hardly show a car
that stands though it should go, and what they do show is misleading: who has stood for long at a
stop sign in them is waiting for others. A student that hesitates once then stands for ever (the
inertia problem, Codevilla et al. 2019, section 4.3). A car that is held where it stands, while the
expert that would go is recorded as the label, shows those moments.
"""

from __future__ import annotations

from dataclasses import replace

from auxdrive.standing import STANDING_MPS
from auxdrive.types import Control

from auxdrive_eval.random_streams import stream
from auxdrive_eval.world import WorldState

LENGTH_S = (1.0, 10.0)
START_THROTTLE = 0.1
"""A driver who wants to go gives more; less is rolling up to the line or to the car ahead."""


class DelayedStarts:
    """Delays drawn from a seed, one for each time that the car stands and the expert goes. Ask at
    every tick.

    Args:
        seed: of which starts are delayed, and of how long.
        share: the probability, 0 to 1, with which a start is delayed.
    """

    def __init__(self, seed: int, share: float) -> None:
        self._rng, self._share = stream(seed, "delayed starts"), share
        self._until_s: float | None = None

    def holds(self, state: WorldState, label: Control) -> bool:
        """Whether the car is held at this tick.

        Args:
            state: the world.
            label: what the expert would do.
        """
        if abs(state.speed_mps) > STANDING_MPS:
            self._until_s = None
            return False
        if self._until_s is None:
            if label.throttle <= START_THROTTLE:
                return False
            length_s = float(self._rng.uniform(*LENGTH_S))
            delayed = bool(self._rng.random() < self._share)
            self._until_s = state.time_s + (length_s if delayed else 0.0)
        return state.time_s < self._until_s


def standing(control: Control) -> Control:
    """The control of a car that is held where it stands.

    Args:
        control: the expert's.
    """
    return replace(control, throttle=0.0, brake=1.0)
