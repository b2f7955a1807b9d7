"""Disturbances of the speed during recording, as `Perturbation` disturbs the steering: at times the
car accelerates or brakes whatever the expert wants. So a student also sees how to slow down behind
somebody whom it follows too closely, or before a bend that it comes to too fast; and how to go on
where it has stopped for no reason, be it a few metres before a line or on an open road.
"""

from __future__ import annotations

from dataclasses import replace

from auxdrive.types import Control

from auxdrive_eval.collecting.delayed_brakes import HARD_BRAKE, SLOW_MPS
from auxdrive_eval.random_streams import stream
from auxdrive_eval.world import WorldState

PAUSE_S = (6.0, 14.0)
LENGTH_S = (1.0, 4.0)
THROTTLE, BRAKE = 0.6, 0.5
BRAKES_SHARE = 0.5
"""Of the pulses."""


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
        self._brakes = bool(self._rng.random() < BRAKES_SHARE)
        self._is_cut = False

    def pedals(self, state: WorldState, label: Control) -> tuple[float, float] | None:
        """Throttle and brake in place of the expert's at this tick; None outside the pulses. One
        that accelerates ends where the expert would brake hard, and there is none while the car is
        slow: it would set off where it must not.

        Args:
            state: the world.
            label: what the expert would do.
        """
        while state.time_s > self._end_s:
            self._next_pulse()
        if state.time_s < self._start_s:
            return None
        if self._brakes:
            return 0.0, max(label.brake, BRAKE)
        self._is_cut |= label.brake >= HARD_BRAKE or abs(state.speed_mps) < SLOW_MPS
        return None if self._is_cut else (max(label.throttle, THROTTLE), 0.0)


def driven_by(control: Control, pedals: tuple[float, float]) -> Control:
    """The expert's steering with other pedals.

    Args:
        control: the expert's.
        pedals: throttle and brake.
    """
    return replace(control, throttle=pedals[0], brake=pedals[1])
