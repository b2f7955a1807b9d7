"""What stands between the predictions and the actuators, as the loop calls it."""

from __future__ import annotations

from typing import Protocol

from auxdrive.controllers.base import Controller
from auxdrive.envelope.guarded import EnvelopeFlag, EnvelopeMode, Guarded
from auxdrive.types import Control, Observation, Prediction


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
    ) -> Guarded:
        """The command for this moment. It is called at every tick.

        Args:
            observation: the newest one; None before the first.
            prediction: from this observation; None where the predictor refused that.
            speed_mps: measured forward speed.
            now_s: the time of this call, on the clock of the observations' `time_s`.
            yaw_rate_radps: measured, positive to the left; None where it is not known.
            override: what the driver commands, while the driver does.
        """


_SAFE_STOP = EnvelopeFlag.SAFE_STOP, EnvelopeMode.STOP
_OVERRIDE = EnvelopeFlag.OVERRIDE, EnvelopeMode.OVERRIDE


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
    ) -> Guarded:
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
            return self._given(_OVERRIDE, "the driver commands", override)
        if self._controller is None:
            return self._stop("no controller drives by these predictions")
        if prediction is None:
            return self._stop("there is no prediction")
        if self._after_override:
            self._controller.reset()
            self._after_override = False
        control = self._controller.step(prediction, speed_mps, now_s)
        if reason := self._controller.stop_reason:
            return self._given(_SAFE_STOP, reason, control)
        self._last = control
        return Guarded(control)

    def _stop(self, reason: str) -> Guarded:
        return self._given(_SAFE_STOP, reason, held(self._last))

    def _given(
        self, done: tuple[EnvelopeFlag, EnvelopeMode], reason: str, control: Control
    ) -> Guarded:
        self._last = control
        flag, mode = done
        return Guarded(control, frozenset({flag}), reason, mode)


def held(last: Control | None, brake: float = 1.0) -> Control:
    """A safe stop: the wheels stay where they are.

    Args:
        last: the last command; None where there was none, and the wheels are straightened.
        brake: 0 to 1.
    """
    return Control(0.0 if last is None else last.steer_rad, 0.0, brake)
