"""What every controller is: the protocol, and the base class that stops the vehicle safely where
there is nothing to drive by.

Legend: road-wheel angle positive to the left.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Protocol, final

from auxdrive.cards import VehicleSpec
from auxdrive.checks.given_prediction import check_fields
from auxdrive.checks.limits import MAX_SPEED_MPS
from auxdrive.checks.numbers import reading, seconds, shown
from auxdrive.controllers.options import ControllerOptions
from auxdrive.errors import InputError
from auxdrive.steering import SteeringSpec
from auxdrive.tasks import task_of
from auxdrive.types import WITHHOLDING, Control, Prediction

CLOCK_TOLERANCE_S = 0.001
"""How much newer than now a prediction may seem: times are rounded where clocks are converted."""


class Controller(Protocol):
    """Turns predictions into actuator commands. `make_controller` makes one.

    A controller remembers the drive so far: call `reset` when a new drive begins, and use it from
    one thread alone.

    Examples:
        >>> from auxdrive import Controller, Prediction, SteeringSpec, VehicleSpec, make_controller
        >>> controller: Controller = make_controller("steering", SteeringSpec(), VehicleSpec())
        >>> late = Prediction(time_s=10.0, latency_ms=5.0, steer_rad=0.1)
        >>> controller.step(late, speed_mps=4.0, now_s=11.0)
        Control(steer_rad=0.0, throttle=0.0, brake=1.0)
        >>> controller.stop_reason
        'the prediction is 1.000 s old; the limit is 0.5 s'
    """

    @property
    def stop_reason(self) -> str:
        """Why the last command was a safe stop, as a sentence; empty when it was none."""

    def step(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        """The command for this moment.

        Args:
            prediction: the newest one. Call `step` even when there is none newer than last time:
                its age is then checked again.
            speed_mps: measured forward speed.
            now_s: the time of this call, on the clock of the observations' `time_s`.

        Returns:
            The command, or a safe stop (see `GuardedController`) where the prediction must not be
            driven by.

        Raises:
            InputError: an argument is of the wrong type or in another unit, the waypoints make no
                path, or the prediction is of another task than the controller's.
        """

    def reset(self) -> None:
        """Forget the drive so far."""


class Unusable(Exception):
    """A prediction must not be driven by; the message says why. `GuardedController.step` turns it
    into a safe stop.
    """


class GuardedController(ABC):
    """Base of the controllers. A subclass computes the command in `_command`; this class checks
    what goes into it and limits what comes out.

    A safe stop is throttle 0, the brake of `safe_stop_brake`, and the steering held at the last
    commanded angle (straight, if there was none): straightening it in a bend would leave the lane
    before the car stands. It is given

    - for a prediction that is withheld (empty, or with a flag of `WITHHOLDING`), not finite, older
      than `max_age_s`, or newer than now;
    - while the speed is not finite, or no road vehicle can have it;
    - when the clock is not finite or runs backwards; the drive so far is then forgotten;
    - when the computed command is not finite.

    The angle is cut to the maximum steering angle. Between two calls it changes by no more than
    `VehicleSpec.max_steer_rate_radps` allows, where the vehicle's card gives that. The first
    command after `reset` is not limited so, since the wheel's position is not known. A second call
    at the same `now_s` gives the first one's command again, or a safe stop.

    Attributes:
        options_type: the type of its options; `make_controller` gives the constructor an object of
            it.
        presets: options by name.

    Args:
        steering: the vehicle's steering limits.
        vehicle: the vehicle.
        options: an object of `options_type`.

    Examples:
        >>> from auxdrive import Control, ControllerOptions, GuardedController
        >>> from auxdrive import Prediction, SteeringSpec, VehicleSpec
        >>> class Crawl(GuardedController):
        ...     options_type = ControllerOptions
        ...
        ...     def _command(self, prediction, speed_mps, now_s):
        ...         return Control(prediction.steer_rad, 0.2 if speed_mps < 1.0 else 0.0, 0.0)
        ...
        ...     def _forget(self):
        ...         pass
        >>> crawl = Crawl(SteeringSpec(), VehicleSpec(), ControllerOptions())
        >>> prediction = Prediction(time_s=1.0, latency_ms=5.0, steer_rad=0.1)
        >>> crawl.step(prediction, speed_mps=0.5, now_s=1.1)
        Control(steer_rad=0.1, throttle=0.2, brake=0.0)
    """

    options_type: ClassVar[type[ControllerOptions]]
    presets: ClassVar[Mapping[str, ControllerOptions]] = {}

    def __init__(
        self, steering: SteeringSpec, vehicle: VehicleSpec, options: ControllerOptions
    ) -> None:
        self._max_age_s = options.max_age_s
        self._brake = options.safe_stop_brake
        self._max_steer_rad = steering.max_road_wheel_rad
        self._max_rate_radps = vehicle.max_steer_rate_radps
        self._now_s: float | None = None
        self._last: Control | None = None
        self._stop_reason = ""

    @abstractmethod
    def _command(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        """The command for a prediction that is fresh and not withheld, at a later time than the
        last call's. `step` limits the command afterwards.

        Raises:
            Unusable: the prediction must not be driven by.
            InputError: see `Controller.step`.
        """

    @abstractmethod
    def _forget(self) -> None:
        """Forget what `_command` remembers of the drive so far."""

    @property
    def stop_reason(self) -> str:
        """See `Controller.stop_reason`."""
        return self._stop_reason

    def reset(self) -> None:
        """Forget the drive so far."""
        self._now_s, self._last, self._stop_reason = None, None, ""
        self._forget()

    @final
    def step(self, prediction: Prediction, speed_mps: float, now_s: float) -> Control:
        """The command for this moment (see `Controller.step`), or a safe stop.

        Args:
            prediction: the newest one.
            speed_mps: measured forward speed.
            now_s: the time of this call, on the clock of the observations' `time_s`.
        """
        if not isinstance(prediction, Prediction):
            raise InputError(f"a controller takes a Prediction, got {shown(prediction)}")
        speed = reading("speed_mps", speed_mps, "the forward speed in m/s")
        now = reading("now_s", now_s, _NOW)
        time = reading("the prediction's time_s", prediction.time_s, _NOW)
        before = self._now_s
        try:
            self._keep_time(now)
            self._refuse(prediction, speed, now - time)
            if self._last is not None and now == before:
                return self._last
            command = self._command(prediction, speed, now)
            self._last = self._sound(command, None if before is None else now - before)
        except Unusable as reason:
            return self._stop(str(reason))
        except ArithmeticError as error:
            return self._stop(f"the numbers are too large to compute with: {error}")
        self._stop_reason = ""
        return self._last

    def _keep_time(self, now_s: float) -> None:
        if not math.isfinite(now_s):
            raise Unusable(f"the clock says {now_s}")
        seconds("now_s", now_s, _NOW)
        before, self._now_s = self._now_s, now_s
        if before is not None and now_s < before:
            self._forget()
            raise Unusable(f"the clock went back from {before:.3f} to {now_s:.3f} s")

    def _refuse(self, prediction: Prediction, speed_mps: float, age_s: float) -> None:
        check_fields(prediction)
        if withheld := WITHHOLDING.intersection(prediction.flags):
            raise Unusable(
                prediction.reason or f"the prediction was withheld: {', '.join(sorted(withheld))}"
            )
        if prediction.is_empty:
            raise Unusable(prediction.reason or "the prediction is empty")
        if not math.isfinite(age_s):
            raise Unusable(f"the prediction's time is {prediction.time_s}")
        if age_s > self._max_age_s:
            raise Unusable(
                f"the prediction is {age_s:.3f} s old; the limit is {self._max_age_s:g} s"
            )
        if age_s < -CLOCK_TOLERANCE_S:
            raise Unusable(
                f"the prediction is {-age_s:.3f} s newer than now: the observations' clock is "
                "another one"
            )
        if not -MAX_SPEED_MPS <= speed_mps <= MAX_SPEED_MPS:
            raise Unusable(
                f"the speed is {speed_mps} m/s; no road vehicle has one beyond {MAX_SPEED_MPS:g}"
            )

    def _sound(self, command: Control, elapsed_s: float | None) -> Control:
        """The command as it is given: finite, as plain floats, within the maximum steering angle,
        the wheel's speed of turning and the travel of the pedals.

        Args:
            command: what `_command` computed.
            elapsed_s: since the last call; None at the first one.

        Raises:
            Unusable: the command is not finite.
        """
        steer, throttle, brake = (
            float(command.steer_rad),
            float(command.throttle),
            float(command.brake),
        )
        if not (math.isfinite(steer) and math.isfinite(throttle) and math.isfinite(brake)):
            raise Unusable(f"the command is not finite: {command}")
        steer = _between(-self._max_steer_rad, steer, self._max_steer_rad)
        if self._last is not None and self._max_rate_radps is not None and elapsed_s is not None:
            furthest, held = self._max_rate_radps * elapsed_s, self._last.steer_rad
            steer = _between(held - furthest, steer, held + furthest)
        return Control(steer, _between(0.0, throttle, 1.0), _between(0.0, brake, 1.0))

    def _stop(self, reason: str) -> Control:
        self._stop_reason = reason
        self._last = Control(0.0 if self._last is None else self._last.steer_rad, 0.0, self._brake)
        return self._last


_NOW = "seconds on one clock for observations and controller"


def _between(low: float, value: float, high: float) -> float:
    return min(max(value, low), high)


def other_task(prediction: Prediction) -> str:
    """For messages: what a prediction holds instead of what a controller needs, and which
    controller is for it.
    """
    task = task_of(prediction)
    if task is None:
        return f"the prediction holds {', '.join(prediction.values)}"
    advice = (
        "no controller is for that"
        if task.controller is None
        else (f"use the controller '{task.controller}'")
    )
    return f"the model predicts {task.name}: {advice}"
