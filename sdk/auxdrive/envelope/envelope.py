"""The safety envelope: the object between predictor and actuators."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.checks.numbers import shown
from auxdrive.checks.options import checked_options, given_options
from auxdrive.controllers.base import Controller
from auxdrive.envelope.compensation import at_now, delay_of
from auxdrive.envelope.fallback import Fallback
from auxdrive.envelope.guarded import OF_A_FRAME, EnvelopeFlag, EnvelopeMode, Guarded
from auxdrive.envelope.intake import Intake, Tick, plain_control
from auxdrive.envelope.limiter import SENTENCES, Limiter
from auxdrive.envelope.options import EnvelopeOptions
from auxdrive.envelope.recorder import Recorder
from auxdrive.errors import AuxdriveError, InputError, UsageError
from auxdrive.steering import SteeringSpec
from auxdrive.types import Control, Observation, Prediction

_SLOWING = (EnvelopeMode.SLOW_STRAIGHT, EnvelopeMode.STOP)
_DRIVEN = (EnvelopeMode.DRIVING, EnvelopeMode.OVERRIDE)
_HELD = "the last good command is held"
_BRAKED = "the car is braked until the input is good"


class SafetyEnvelope:
    """Stands between predictor and actuators. It holds the controller: a step looks at frame,
    prediction and clock, moves the waypoints by the ego's motion since their frame, lets the
    controller drive by them, and limits what it commands. Where the input is bad it holds the last
    good command for a moment and then falls back (see `EnvelopeFallback`).

    It is no certified safety function: docs/safety.md says what it does not do. Use it from one
    thread alone.

    Args:
        controller: from `make_controller`, or one of your own.
        steering: the vehicle's steering limits.
        vehicle: the vehicle; its wheelbase must be known.
        camera: whose frames the predictor takes.
        options: an `EnvelopeOptions`, or its values by name; None stands for the defaults.
        record_to: a folder, or a function that is called with the record (JSON lines, bytes). The
            last ticks go there whenever the car begins to be stopped, from a thread of its own.

    Raises:
        UsageError: the vehicle's wheelbase is not known, or an argument is of the wrong type.
        ConfigError: wrong options; the message names all of them.

    Examples:
        >>> import numpy as np
        >>> from auxdrive import Observation, Predictor, SafetyEnvelope, make_controller
        >>> image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
        >>> with Predictor.load("bundle") as predictor:
        ...     controller = make_controller("pid", predictor.steering, predictor.vehicle)
        ...     envelope = SafetyEnvelope(
        ...         controller, predictor.steering, predictor.vehicle, predictor.camera
        ...     )
        ...     seen = Observation(image, 10.0, speed_mps=4.0, target_ego_m=(20.0, 0.0))
        ...     prediction = predictor.predict(seen)
        ...     guarded = envelope.step(seen, prediction, speed_mps=4.0, now_s=10.05)
        >>> guarded.mode.value, round(guarded.delay_s, 3)
        ('driving', 0.05)
        >>> envelope.step(None, None, speed_mps=4.0, now_s=10.1).reason
        'there is no frame; there is no prediction; the last good command is held'
    """

    def __init__(
        self,
        controller: Controller,
        steering: SteeringSpec,
        vehicle: VehicleSpec,
        camera: CameraSpec,
        options: EnvelopeOptions | Mapping[str, object] | None = None,
        record_to: str | os.PathLike[str] | Callable[[bytes], object] | None = None,
    ) -> None:
        if not callable(getattr(controller, "step", None)):
            raise UsageError(
                f"the safety envelope needs a controller (make_controller), got {shown(controller)}"
            )
        for value, kind in ((steering, SteeringSpec), (vehicle, VehicleSpec), (camera, CameraSpec)):
            if not isinstance(value, kind):
                raise UsageError(f"the safety envelope needs a {kind.__name__}, got {shown(value)}")
        what = "safety envelope"
        checked = (
            options
            if isinstance(options, EnvelopeOptions)
            else checked_options(given_options(options, what), EnvelopeOptions, what)
        )
        if not (record_to is None or callable(record_to)):
            if not isinstance(record_to, str | os.PathLike):
                raise UsageError(f"record_to is {shown(record_to)}; give a folder or a function")
            record_to = Path(record_to)
        self.controller = controller
        self._options = checked
        self._intake = Intake(camera, checked)
        self._limiter = Limiter(steering, vehicle, checked.limits)
        self._fallback = Fallback(checked.fallback)
        self._tolerated = frozenset(checked.fallback.tolerated)
        self._recorder = Recorder(checked.record_ticks, record_to)
        self._ticks = self._stops = 0
        self._flagged = dict.fromkeys(EnvelopeFlag, 0)
        self._forget()

    def _forget(self) -> None:
        self._mode = EnvelopeMode.BRIDGING
        self._good: Control | None = None  # the last command that was driven by
        self._stopping = False
        self._resync = False  # whether the controller must begin anew, after a driver

    # What it tells

    @property
    def mode(self) -> EnvelopeMode:
        """Who commanded last."""
        return self._mode

    @property
    def counters(self) -> dict[str, int]:
        """How often each flag was raised, and how many `ticks`, `frames`, `stops` (also the gentle
        ones of "slow_straight") and `records_failed` there were. `reset` keeps them.
        """
        return {
            "ticks": self._ticks,
            "frames": self._intake.watch.frames,
            "stops": self._stops,
            "records_failed": self._recorder.failed,
            **{flag.value: count for flag, count in self._flagged.items()},
        }

    @property
    def record(self) -> bytes:
        """The last ticks as JSON lines, the oldest first; the keys are
        `auxdrive.envelope.recorder.FIELDS`.
        """
        return self._recorder.record()

    # What it is told

    def release(self) -> None:
        """End a stop, as a driver or an operator does who has looked. The next good input is driven
        by; until then the car is braked.
        """
        self._fallback.reset()
        self._good, self._stopping = None, False
        self.controller.reset()

    def reset(self) -> None:
        """Begin a new drive: forget the one before, and a stop. The controller is reset too."""
        self._intake.reset()
        self._limiter.last = None
        self._forget()
        self.release()

    def wait(self) -> None:
        """Wait until all records are written."""
        self._recorder.wait()

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
        """The command for this moment. Call it at the rate of the actuators, also while there is
        nothing newer than last time.

        Args:
            observation: the newest one; None where there is none, or the camera failed.
            prediction: the newest one, of this observation or an earlier one; None where there is
                none, or the predictor refused the observation.
            speed_mps: measured forward speed.
            now_s: the time of this call, on the clock of the observations' `time_s`.
            yaw_rate_radps: measured, positive to the left; None takes what follows from the speed
                and the last commanded angle.
            override: what the driver commands, while the driver does. It passes, cut to the travel
                of steering and pedals alone, and the next command goes on from there.

        Returns:
            The command, and what was found and done.

        Raises:
            InputError: an argument is of the wrong type or in another unit, the driver's command is
                not finite, the waypoints make no path, or the prediction is of another task than
                the controller's. The last command then still stands.
        """
        driver = None if override is None else plain_control(override, "the driver's command")
        tick = self._intake.take(observation, prediction, speed_mps, now_s, yaw_rate_radps)
        delay_s, control = 0.0, None
        if driver is None and prediction is not None:
            delay_s = delay_of(prediction, tick.now_s - tick.prediction_s, tick.speed_mps)
            if delay_s:
                prediction = at_now(prediction, delay_s, tick.speed_mps, self._yaw_rate(tick))
            control = self._drive(prediction, tick)
        mode = self._judge(driver is not None, tick)
        wanted = driver or self._wanted(mode, control)
        guarded = self._give(mode, wanted, delay_s, tick)
        given = guarded.control
        self._recorder.add((
            tick.now_s, tick.frame_s, tick.prediction_s, tick.speed_mps, tick.yaw_rate_radps,
            delay_s, mode, tick.flags, guarded.reason, wanted.steer_rad, wanted.throttle,
            wanted.brake, given.steer_rad, given.throttle, given.brake,
        ))  # fmt: skip
        self._watch_for_stops(mode)
        return guarded

    def _yaw_rate(self, tick: Tick) -> float:
        """The measured yaw rate or, without one, that of the last commanded angle."""
        if math.isfinite(tick.yaw_rate_radps):
            return tick.yaw_rate_radps
        last = self._limiter.last
        angle = 0.0 if last is None else last.steer_rad
        return tick.speed_mps * math.tan(angle) / self._limiter.wheelbase_m

    def _judge(self, overridden: bool, tick: Tick) -> EnvelopeMode:
        """Count the input as good or bad, and say who commands.

        Args:
            overridden: whether the driver commands.
            tick: the call, with what was found.
        """
        flags = tick.flags
        bad = bool(flags) and not self._tolerated.issuperset(flags)
        # before the first good input there is nothing to fall back from: the car is braked
        if self._good is not None and (tick.is_new or not OF_A_FRAME.issuperset(flags)):
            self._fallback.count(bad)
        if overridden:
            self._resync = True
            return EnvelopeMode.OVERRIDE
        jumped = EnvelopeFlag.CLOCK_JUMP in flags
        return self._fallback.mode(bad, self._options.longest_gap_s if jumped else tick.elapsed_s)

    def _drive(self, prediction: Prediction, tick: Tick) -> Control | None:
        """What the controller commands; None where that is no command."""
        if self._resync:
            self.controller.reset()
            self._resync = False
        try:
            command = self.controller.step(prediction, tick.speed_mps, tick.now_s)
            stop_reason = self.controller.stop_reason
        except AuxdriveError:
            raise
        # A controller of a user's own may fail in any way, and the car must not go on unguided.
        except Exception as error:  # noqa: BLE001
            why = f"the controller failed: {type(error).__name__}: {error}"
            tick.add(EnvelopeFlag.CONTROLLER_FAILURE, why)
            return None
        try:
            control = plain_control(command, "the controller's command")
        except InputError as error:
            tick.add(EnvelopeFlag.CONTROLLER_FAILURE, str(error))
            return None
        if stop_reason and EnvelopeFlag.PREDICTION_WITHHELD not in tick.flags:
            tick.add(EnvelopeFlag.SAFE_STOP, stop_reason)
        return control

    def _wanted(self, mode: EnvelopeMode, control: Control | None) -> Control:
        """What is to be commanded, before the limits."""
        if mode is EnvelopeMode.DRIVING and control is not None:
            return control
        options, last = self._options, self._limiter.last
        if mode is EnvelopeMode.SLOW_STRAIGHT:
            return Control(0.0, 0.0, self._brake_of(options.fallback.slow_mps2))
        if mode is not EnvelopeMode.STOP and self._good is not None:
            return self._good
        held_rad = 0.0 if last is None else last.steer_rad
        return Control(held_rad, 0.0, self._brake_of(options.fallback.stop_mps2))

    def _brake_of(self, deceleration_mps2: float) -> float:
        return min(deceleration_mps2 / self._options.limits.full_brake_mps2, 1.0)

    def _give(self, mode: EnvelopeMode, wanted: Control, delay_s: float, tick: Tick) -> Guarded:
        """The command within the limits, and what is said of it."""
        self._mode = mode
        self._ticks += 1
        if mode is EnvelopeMode.OVERRIDE:
            control = self._limiter.take(wanted)
            tick.add(EnvelopeFlag.OVERRIDE, "the driver commands")
        else:
            control, cut = self._limiter.limit(wanted, tick.sure_mps, tick.elapsed_s)
            for flag in cut:
                tick.add(flag, SENTENCES[flag])
            if mode is EnvelopeMode.BRIDGING:
                tick.add(EnvelopeFlag.BRIDGED, _HELD if self._good else _BRAKED)
            elif mode is not EnvelopeMode.DRIVING:
                tick.add(EnvelopeFlag.FALLBACK, f"the fallback '{mode.value}' commands")
        if mode in _DRIVEN:
            self._good = control
        if not tick.flags:
            return Guarded(control, delay_s=delay_s)
        flags = frozenset(tick.flags)
        for flag in flags:
            self._flagged[flag] += 1
        return Guarded(control, flags, "; ".join(tick.reasons), mode, delay_s)

    def _watch_for_stops(self, mode: EnvelopeMode) -> None:
        """Write the record where the car begins to be stopped."""
        if mode in _SLOWING and not self._stopping:
            self._stopping = True
            self._stops += 1
            self._recorder.write_out()
        elif mode is EnvelopeMode.DRIVING:
            self._stopping = False
