"""Disturbances of the speed during recording, as `Perturbation` disturbs the steering: at times the
car accelerates whatever the expert wants, so that a student also sees how to slow down behind
somebody whom it follows too closely, or before a bend that it comes to too fast.
"""

from __future__ import annotations

from dataclasses import replace

from auxdrive.types import Control

from auxdrive_eval.collecting.delayed_brakes import HARD_BRAKE, SLOW_MPS
from auxdrive_eval.random_streams import stream
from auxdrive_eval.world import WorldState

PAUSE_S = (6.0, 14.0)
LENGTH_S = (1.0, 4.0)
THROTTLE = 0.6


class SpeedPulses:
    """Pulses drawn from a seed. Ask at every tick.

    Args:
        seed: of the pulses' times and lengths.
    """

    def __init__(self, seed: int) -> None:
        self._rng = stream(seed, "speed pulses")
        self._end_s = 0.0
        self._next_pulse()

    def _next_pulse(self) -> None:
        self._start_s = self._end_s + float(self._rng.uniform(*PAUSE_S))
        self._end_s = self._start_s + float(self._rng.uniform(*LENGTH_S))
        self._is_cut = False

    def pushes(self, state: WorldState, label: Control) -> bool:
        """Whether the car accelerates at this tick. A pulse ends where the expert would brake hard,
        and there is none while the car is slow: it would set off where it must not.

        Args:
            state: the world.
            label: what the expert would do.
        """
        while state.time_s > self._end_s:
            self._next_pulse()
        if state.time_s < self._start_s:
            return False
        self._is_cut |= label.brake >= HARD_BRAKE or abs(state.speed_mps) < SLOW_MPS
        return not self._is_cut


def pushed(control: Control) -> Control:
    """The control of a car that accelerates.

    Args:
        control: the expert's.
    """
    return replace(control, throttle=max(control.throttle, THROTTLE), brake=0.0)
