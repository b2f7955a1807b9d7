"""Disturbances of the steering during recording, so that a student also sees how to return to the
lane.

They are triangular pulses, as in conditional imitation learning (Codevilla et al. 2018, section
IV): the executed steering drifts away and back, while the recorded label stays the expert's. The
pulses are strong, since in closed loop a student must be able to return from half a lane away, and
weak pulses never show that. With peaks of 0.08 to 0.26 rad, a baseline drove 18 % of its way a
metre or more beside its route; with these peaks, 11 %.
"""

from __future__ import annotations

from dataclasses import replace

from auxdrive.types import Control

from auxdrive_eval.random_streams import stream

PAUSE_S = (6.0, 10.0)
LENGTH_S = (0.7, 1.3)
PEAK_RAD = (0.1, 0.4)


class Perturbation:
    """Pulses drawn from a seed. Ask for times in ascending order.

    Args:
        seed: of the pulses' times, lengths and peaks.
    """

    def __init__(self, seed: int) -> None:
        self._rng = stream(seed, "perturbation")
        self._end_s = 0.0
        self._next_pulse()

    def _next_pulse(self) -> None:
        self._start_s = self._end_s + float(self._rng.uniform(*PAUSE_S))
        self._end_s = self._start_s + float(self._rng.uniform(*LENGTH_S))
        self._peak_rad = float(self._rng.uniform(*PEAK_RAD)) * float(self._rng.choice((-1.0, 1.0)))

    def offset_rad(self, time_s: float) -> float:
        """The angle to add to the steering at that time. It rises linearly to the peak and falls
        back.
        """
        while time_s > self._end_s:
            self._next_pulse()
        if time_s < self._start_s:
            return 0.0
        middle = (self._start_s + self._end_s) / 2
        return self._peak_rad * (1.0 - abs(time_s - middle) / (self._end_s - middle))

    def apply(self, control: Control, time_s: float) -> Control:
        """The control to execute instead of the expert's.

        Args:
            control: the expert's.
            time_s: game time since the route began.
        """
        return replace(control, steer_rad=control.steer_rad + self.offset_rad(time_s))
