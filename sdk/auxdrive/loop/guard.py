"""What stands between the predictions and the actuators, as the loop calls it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Protocol

from auxdrive.controllers.base import Controller
from auxdrive.types import Control, Observation, Prediction


class GuardedCommand(Protocol):
    """What a `Guard` gives."""

    @property
    def control(self) -> Control:
        """The command for the actuators."""

    @property
    def flags(self) -> Set[str]:
        """What was found and done; empty where nothing was."""

    @property
    def reason(self) -> str:
        """The same as sentences, for people."""


class Guard(Protocol):
    """Gives the command of each tick. `auxdrive.SafetyEnvelope` is one, `Unguarded` another."""

    def step(
        self,
        observation: Observation | None,
        prediction: Prediction | None,
        speed_mps: float,
        now_s: float,
        *,
        yaw_rate_radps: float | None = None,
        override: Control | None = None,
    ) -> GuardedCommand:
        """The command for this moment. It is called at every tick.

        Args:
            observation: the newest one; None before the first.
            prediction: from this observation; None where the predictor refused that.
            speed_mps: measured forward speed.
            now_s: the time of this call, on the clock of the observations' `time_s`.
            yaw_rate_radps: measured, positive to the left; None where it is not known.
            override: what the driver commands, while the driver does.
        """


@dataclass(frozen=True, slots=True)
class PlainCommand:
    """What `Unguarded` gives.

    Attributes:
        control: the command for the actuators.
        flags: "safe_stop" or "override", or nothing.
        reason: why, as a sentence.
    """

    control: Control
    flags: frozenset[str] = frozenset()
    reason: str = ""


SAFE_STOP, OVERRIDE = frozenset({"safe_stop"}), frozenset({"override"})


class Unguarded:
    """A controller alone, without a safety envelope: for vehicles of which too little is known for
    one, and for tests. It gives a safe stop where the controller does, and where there is no
    prediction.

    Args:
        controller: from `make_controller`, or one of your own; None for a model whose predictions
            nothing drives by: the vehicle is then held by its brake.

    Examples:
        >>> from auxdrive import SteeringSpec, Unguarded, VehicleSpec, make_controller
        >>> guard = Unguarded(make_controller("steering", SteeringSpec(), VehicleSpec()))
        >>> guard.step(None, None, speed_mps=4.0, now_s=10.0).reason
        'there is no prediction'
    """

    def __init__(self, controller: Controller | None) -> None:
        self._controller = controller
        self._last = Control(0.0, 0.0, 1.0)
        self._after_override = False

    def step(
        self,
        observation: Observation | None,
        prediction: Prediction | None,
        speed_mps: float,
        now_s: float,
        *,
        yaw_rate_radps: float | None = None,
        override: Control | None = None,
    ) -> PlainCommand:
        """The command for this moment, see `Guard.step`.

        Args:
            observation: see there.
            prediction: see there.
            speed_mps: see there.
            now_s: see there.
            yaw_rate_radps: see there.
            override: see there. The controller begins anew afterwards.

        Raises:
            InputError: as `Controller.step`.
        """
        del observation, yaw_rate_radps
        if override is not None:
            self._after_override = True
            return self._given(PlainCommand(override, OVERRIDE, "the driver commands"))
        if self._controller is None:
            return self._stop("no controller drives by these predictions")
        if prediction is None:
            return self._stop("there is no prediction")
        if self._after_override:
            self._controller.reset()
            self._after_override = False
        control = self._controller.step(prediction, speed_mps, now_s)
        reason = self._controller.stop_reason
        return self._given(PlainCommand(control, SAFE_STOP if reason else frozenset(), reason))

    def _stop(self, reason: str) -> PlainCommand:
        return self._given(PlainCommand(held(self._last), SAFE_STOP, reason))

    def _given(self, command: PlainCommand) -> PlainCommand:
        self._last = command.control
        return command


def held(last: Control | None, brake: float = 1.0) -> Control:
    """A safe stop: the wheels stay where they are.

    Args:
        last: the last command; None where there was none, and the wheels are straightened.
        brake: 0 to 1.
    """
    return Control(0.0 if last is None else last.steer_rad, 0.0, brake)
