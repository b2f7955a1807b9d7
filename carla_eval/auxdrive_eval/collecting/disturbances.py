"""What disturbs the expert while it is recorded: its steering, speed, starts and brakes. The label
stays what it would do.
"""

from __future__ import annotations

from dataclasses import dataclass

from auxdrive.types import Control

from auxdrive_eval.collecting.delayed_brakes import DelayedBrakes, rolling
from auxdrive_eval.collecting.delayed_starts import DelayedStarts, standing
from auxdrive_eval.collecting.perturbation import Perturbation
from auxdrive_eval.collecting.speed_pulses import SpeedPulses, pushed
from auxdrive_eval.world import WorldState


@dataclass(frozen=True, slots=True)
class Disturbing:
    """What is disturbed.

    Attributes:
        perturb: whether the steering is, at times.
        perturb_speed: whether the car accelerates at times whatever the expert wants.
        delay_starts: the probability with which the car is held for a while where it stands and the
            expert would go; None holds it nowhere.
        delay_brakes: the probability with which it rolls on for a moment where the expert brakes;
            None lets it roll nowhere.
    """

    perturb: bool = True
    perturb_speed: bool = False
    delay_starts: float | None = None
    delay_brakes: float | None = None


class Disturbances:
    """The disturbances of an episode. Ask at every tick, in ascending order of time.

    Args:
        seed: of the disturbances.
        chosen: what is disturbed.
    """

    def __init__(self, seed: int, chosen: Disturbing) -> None:
        self._steering = Perturbation(seed) if chosen.perturb else None
        self._speed = SpeedPulses(seed) if chosen.perturb_speed else None
        self._starts = DelayedStarts(seed, chosen.delay_starts) if chosen.delay_starts else None
        self._brakes = DelayedBrakes(seed, chosen.delay_brakes) if chosen.delay_brakes else None

    def control(self, state: WorldState, label: Control) -> tuple[Control, bool]:
        """What is executed in place of the expert's control, and whether anything is disturbed.

        Args:
            state: the world.
            label: the expert's control.
        """
        control, time_s = label, state.time_s
        pulse = self._steering is not None and self._steering.offset_rad(time_s) != 0
        if self._steering is not None:
            control = self._steering.apply(control, time_s)
        held = self._starts is not None and self._starts.holds(state, label)
        pushes = self._speed is not None and self._speed.pushes(state, label)
        rolls = self._brakes is not None and self._brakes.rolls(state, label)
        if pushes:
            control = pushed(control)
        elif rolls:
            control = rolling(control)
        if held:
            control = standing(control)
        return control, pulse or pushes or rolls or held
