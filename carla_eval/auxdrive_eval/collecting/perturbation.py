"""Disturbances of the steering while data are recorded, so that a student also sees how to come
back.

Triangular pulses as in conditional imitation learning (Codevilla et al. 2018, section IV): the
executed steering drifts away and back, the recorded label stays the expert's. They are strong: half
a lane off is what a student has to come back from in closed loop, and what gentle ones never show
it (of a baseline's way 18 % lay a metre off its route after peaks of 0.08 to 0.26 rad, and 11 %
after these).
"""

from __future__ import annotations

from dataclasses import replace

from auxdrive.types import Control

from auxdrive_eval.random_streams import stream

PAUSE_S = (6.0, 10.0)
LENGTH_S = (0.7, 1.3)
PEAK_RAD = (0.1, 0.4)


class Perturbation:
    """Pulses from a seed; times are asked for in rising order."""

    def __init__(self, seed: int) -> None:
        self._rng = stream(seed, "perturbation")
        self._end_s = 0.0
        self._next_pulse()

    def _next_pulse(self) -> None:
        self._start_s = self._end_s + float(self._rng.uniform(*PAUSE_S))
        self._end_s = self._start_s + float(self._rng.uniform(*LENGTH_S))
        self._peak_rad = float(self._rng.uniform(*PEAK_RAD)) * float(self._rng.choice((-1.0, 1.0)))

    def offset_rad(self, time_s: float) -> float:
        """What is added to the steering at that time: rises linearly to the peak and falls back."""
        while time_s > self._end_s:
            self._next_pulse()
        if time_s < self._start_s:
            return 0.0
        middle = (self._start_s + self._end_s) / 2
        return self._peak_rad * (1.0 - abs(time_s - middle) / (self._end_s - middle))

    def apply(self, control: Control, time_s: float) -> Control:
        """The control to execute in place of the expert's."""
        return replace(control, steer_rad=control.steer_rad + self.offset_rad(time_s))
