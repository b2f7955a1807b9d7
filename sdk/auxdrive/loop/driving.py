"""The loop that drives a vehicle by a bundle."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from auxdrive import __version__
from auxdrive.bundles import ego_of
from auxdrive.cameras.base import Camera
from auxdrive.checks.numbers import MAX_TIME_S, number, shown
from auxdrive.controllers import make_controller
from auxdrive.envelope.envelope import SafetyEnvelope
from auxdrive.envelope.intake import plain_control
from auxdrive.errors import InputError, UsageError
from auxdrive.loop.guard import Guard, Unguarded, held
from auxdrive.loop.health import LoopHealth
from auxdrive.loop.monitor import Monitor
from auxdrive.loop.perception import Perception
from auxdrive.loop.recorder import Recorder
from auxdrive.loop.signals import stopped_by_signals
from auxdrive.loop.state import VehicleState
from auxdrive.loop.ticker import Ticker
from auxdrive.predictor import Predictor
from auxdrive.tasks import TASKS
from auxdrive.telemetry import open_telemetry
from auxdrive.telemetry.base import TelemetryFile
from auxdrive.types import Control

JOIN_S = 2.0
"""How long the end waits for a camera or a predictor that is busy."""
RATES_HZ = (0.1, 1000.0)
SWITCH_S = 0.0005
"""While a loop runs, Python changes between threads after this time, and not after 5 ms: by so much
a thread that computes in Python can delay a tick.
"""


class DrivingLoop:
    """Drives a vehicle by a bundle: a thread reads the camera, another one predicts from the newest
    image, and the caller's thread commands at a fixed rate, whatever the other two do.

    At every tick it asks for the vehicle's state, gives image and prediction to the envelope, and
    the envelope's command to the actuators. Where the camera stalls or the predictor hangs, image
    and prediction grow old, and the envelope stops the vehicle. However the loop ends, the last
    command is a safe stop: throttle 0, the brake of `stop_brake`, the wheels where they are.

    Health is logged once a second as a line of JSON (logger `auxdrive.loop.monitor`), and given to
    `health`, in a thread of its own.

    Attributes:
        envelope: that gives the commands. It is used by the thread of `run`, so call its `release`,
            after a stop that somebody has looked at, in `state`.

    Args:
        predictor: that predicts. It stays open, and so does the camera.
        camera: that is read; see `open_camera`.
        actuate: takes each command. An error of it ends the loop.
        state: says what the vehicle knows of itself; called at every tick, before the command.
        rate_hz: commands per second, 0.1 to 1000.
        envelope: gives the commands; None stands for a `SafetyEnvelope` around the controller of
            the bundle's task, both with their defaults. `Unguarded` is a controller alone.
        telemetry: a new file, to which all is written; its name ends in .jsonl or .mcap (see
            `auxdrive.telemetry`). None writes nothing.
        health: is given a `LoopHealth` once a second, and the last one at the end. An error of it
            is logged.
        stop_brake: the brake of the last command, 0.1 to 1.

    Raises:
        UsageError: an argument cannot work, or envelope or controller need more than the card says
            of the vehicle.

    Examples:
        >>> import time
        >>> import numpy as np
        >>> from auxdrive import DrivingLoop, IteratorCamera, Predictor, VehicleState
        >>> def frames():
        ...     for number in range(3):
        ...         time.sleep(0.05)
        ...         yield np.full((24, 32, 3), 90 + number, np.uint8), time.monotonic()
        >>> commands = []
        >>> with Predictor.load("bundle") as predictor:
        ...     loop = DrivingLoop(
        ...         predictor,
        ...         camera=IteratorCamera(frames()),
        ...         actuate=commands.append,
        ...         state=lambda: VehicleState(speed_mps=4.0, target_ego_m=(20.0, 0.0)),
        ...         rate_hz=50.0,
        ...     )
        ...     health = loop.run()
        >>> health.frames, health.ended, commands[-1].brake
        (3, 'the camera has ended', 1.0)
    """

    def __init__(
        self,
        predictor: Predictor,
        camera: Camera,
        actuate: Callable[[Control], object],
        state: Callable[[], VehicleState],
        rate_hz: float = 20.0,
        *,
        envelope: Guard | None = None,
        telemetry: str | os.PathLike[str] | None = None,
        health: Callable[[LoopHealth], object] | None = None,
        stop_brake: float = 1.0,
    ) -> None:
        for name, value in (("actuate", actuate), ("state", state), ("health", health)):
            if not callable(value) and not (name == "health" and value is None):
                raise UsageError(f"{name} must be a function, got {shown(value)}")
        if not (envelope is None or callable(getattr(envelope, "step", None))):
            raise UsageError(f"the envelope is {shown(envelope)}, which has no step()")
        if not callable(getattr(camera, "read", None)):
            raise UsageError(
                f"the camera is {shown(camera)}, which has no read(): give open_camera(...) or "
                "IteratorCamera(...)"
            )
        self._rate_hz = _within("rate_hz", rate_hz, *RATES_HZ)
        self._stop_brake = _within("stop_brake", stop_brake, 0.1, 1.0)
        self._predictor, self._camera = predictor, camera
        self._actuate, self._state, self._tell = actuate, state, health
        self.envelope = default_envelope(predictor) if envelope is None else envelope
        self._telemetry = telemetry
        self._asked = ""
        self._last: Control | None = None
        self._once = threading.Lock()

    def stop(self, why: str = "it was stopped") -> None:
        """End the loop: at the next tick it gives the last command, and `run` returns. May be
        called from any thread, from the callbacks and in a signal handler.

        Args:
            why: it ends, for `LoopHealth.ended`.
        """
        self._asked = self._asked or why

    def run(self, seconds: float | None = None) -> LoopHealth:
        """Drive until the camera ends, `stop` is called, or the process gets SIGTERM or SIGINT
        (where this is the main thread). It can be called once.

        Args:
            seconds: after which it ends; None for no such limit.

        Returns:
            How the whole drive was.

        Raises:
            UsageError: it ran before, the time cannot be, or the telemetry file cannot be begun;
                see `open_telemetry`.
            MissingExtra: see `open_telemetry`.
            DataError: the camera or the disk refuses.
            InputError: the first image or the state is not what the model takes, or an argument of
                the controller is wrong.

        Other errors of camera, predictor, controller and callbacks pass unchanged, after the last
        command.
        """
        if seconds is not None:
            _within("seconds", seconds, 0.0, MAX_TIME_S)
        if not self._once.acquire(blocking=False):
            raise UsageError("a DrivingLoop runs once; make a new one for a new drive")
        file = None if self._telemetry is None else open_telemetry(self._telemetry)
        recorder = Recorder(file, ego_of(self._predictor.card).names)
        perception = Perception(self._predictor, self._camera, recorder.saw)
        monitor = Monitor(perception, recorder, self._tell)
        recorder.did("begin", time.monotonic(), lambda: self._about(file))
        with stopped_by_signals(self.stop), _threads_change_within(SWITCH_S):
            ended = ""
            try:
                ended = self._drive(perception, monitor, seconds)
            except BaseException as error:
                ended = f"{type(error).__name__}: {error}"
                self._halt(error)
                raise
            else:
                self._halt(None)
            finally:
                stuck = perception.stop(JOIN_S)
                health = monitor.end(ended, stuck)
        return health

    def _drive(self, perception: Perception, monitor: Monitor, seconds: float | None) -> str:
        """Command until it ends.

        Returns:
            Why it ended.
        """
        ticker = Ticker(self._rate_hz)
        while (late_s := ticker.wait(lambda: bool(self._asked))) is not None:
            is_over = perception.is_over  # looked at before `seen`, so that none is left out
            if perception.error is not None:
                raise perception.error
            state = _checked_state(self._state())
            perception.update(state)
            seen, now_s = perception.seen, time.monotonic()
            command = self.envelope.step(
                None if seen is None else seen.observation,
                None if seen is None else seen.prediction,
                state.speed_mps,
                now_s,
                yaw_rate_radps=state.yaw_rate_radps,
                override=state.override,
            )
            self._give(plain_control(command.control, "the envelope's command"))
            monitor.tick(now_s, late_s, ticker.missed, state.speed_mps, seen, command)
            if is_over:
                return "the camera has ended"
            if seconds is not None and now_s - monitor.began_s >= seconds:
                return f"{seconds:g} s are over"
        return self._asked

    def _give(self, control: Control) -> None:
        self._last = control
        self._actuate(control)

    def _halt(self, error: BaseException | None) -> None:
        """Give the last command.

        Args:
            error: that ended the loop; None where none did. That the last command failed too is
                added to it.
        """
        try:
            self._give(held(self._last, self._stop_brake))
        except Exception as failed:
            if error is None:
                raise
            error.add_note(f"the last safe stop could not be given either: {failed!r}")

    def _about(self, file: TelemetryFile | None) -> dict[str, Any]:
        """What stands at the beginning of the telemetry."""
        card = self._predictor.card
        return {
            "bundle": card.name,
            "task": card.task,
            "runtime": self._predictor.runtime,
            "rate_hz": self._rate_hz,
            "auxdrive_version": __version__,
            "since_1970_s": 0.0 if file is None else file.since_1970_ns(time.monotonic()) / 1e9,
        }


@contextmanager
def _threads_change_within(seconds: float) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(seconds, before))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def default_envelope(predictor: Predictor) -> Guard:
    """The safety envelope around the controller of a bundle's task, both with their defaults; where
    nothing drives by the task's predictions, a guard that holds the vehicle by its brake.

    Raises:
        UsageError: they need more than the card says of the vehicle.
    """
    name = TASKS[predictor.task].controller
    if name is None:
        return Unguarded(None)
    steering, vehicle = predictor.steering, predictor.vehicle
    controller = make_controller(name, steering, vehicle)
    return SafetyEnvelope(controller, steering, vehicle, predictor.camera)


def _within(name: str, value: float, low: float, high: float) -> float:
    found = number(name, value)
    if not low <= found <= high:
        raise UsageError(f"{name} is {found:g}; it lies within {low:g} and {high:g}")
    return found


def _checked_state(state: VehicleState) -> VehicleState:
    if not isinstance(state, VehicleState):
        raise InputError(f"state() gave {shown(state)}; it gives a VehicleState")
    return state
