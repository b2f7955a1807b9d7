"""Real parts of a driving loop for its tests: cameras that do something odd, predictors that are
slow, and loops that note what they command.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive import (
    TASKS,
    Control,
    DrivingLoop,
    IteratorCamera,
    Predictor,
    Unguarded,
    VehicleState,
    make_controller,
)
from auxdrive.types import UInt8

STATE = VehicleState(speed_mps=4.0, target_ego_m=(20.0, 0.0))
FULL_STOP = 1.0
"""The brake of a safe stop."""

HEEDS = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
"""For `preexec_fn`: a background job of a shell ignores Ctrl-C, and so would its children."""


def image(number: int = 0, height: int = 24, width: int = 32) -> UInt8:
    """An image, another one for each number."""
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)


def frames(count: int, every_s: float = 0.02) -> Iterator[tuple[UInt8, float]]:
    """That many images, one after the other."""
    for number in range(count):
        time.sleep(every_s)
        yield image(number), time.monotonic()


def stalling(count: int, until: threading.Event) -> Iterator[tuple[UInt8, float]]:
    """That many images, and then none until an event."""
    yield from frames(count)
    until.wait(30)


def unguarded(predictor: Predictor) -> Unguarded:
    """The controller of a bundle's task alone."""
    name = TASKS[predictor.task].controller
    assert name is not None
    return Unguarded(make_controller(name, predictor.steering, predictor.vehicle))


class Drive:
    """A loop that notes its commands.

    Args:
        bundle: that drives.
        camera: gives its images; an object with `read`, or an iterable of images and times.
        loads: the class of the predictor.
        options: of the `DrivingLoop`, whose envelope is the task's controller alone unless it is
            given.
    """

    def __init__(
        self, bundle: Path, camera: Any, loads: type[Predictor] = Predictor, **options: Any
    ) -> None:
        self.commands: list[Control] = []
        self.predictor = loads.load(bundle)
        given = {
            "actuate": self.commands.append,
            "state": lambda: STATE,
            "rate_hz": 50.0,
            "envelope": unguarded(self.predictor),
        }
        self.loop = DrivingLoop(
            self.predictor,
            camera if hasattr(camera, "read") else IteratorCamera(camera),
            **{**given, **options},
        )

    def run(self, seconds: float | None = 20.0) -> Any:
        """Run it; by default long enough for whatever ends it earlier."""
        with self.predictor:
            return self.loop.run(seconds)

    def has_stopped(self) -> bool:
        """Whether the last command was a safe stop."""
        last = self.commands[-1]
        return (last.throttle, last.brake) == (0.0, FULL_STOP)


def stop_when(loop: DrivingLoop, true: Callable[[], bool], within_s: float = 20.0) -> None:
    """Stop a loop from a thread of its own, as soon as something is true."""

    def watch() -> None:
        ends_s = time.monotonic() + within_s
        while not true() and time.monotonic() < ends_s:
            time.sleep(0.005)
        loop.stop("the test has seen enough")

    threading.Thread(target=watch, daemon=True).start()


def ours() -> list[str]:
    """The names of the loop's threads that run."""
    return sorted(t.name for t in threading.enumerate() if t.name.startswith("auxdrive "))


def drives(command: Control) -> bool:
    """Whether a command lets the car go on."""
    return command.brake < 1.0


def sometimes_wrong(count: int) -> Iterator[tuple[Any, float]]:
    """Every third image has another size."""
    for number, (right, time_s) in enumerate(frames(count)):
        yield (right if number % 3 < 2 else image(number, 48, 64)), time_s


def records(path: Path) -> list[dict[str, Any]]:
    """All records of a telemetry file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def of(kind: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of one kind."""
    return [record for record in found if record["kind"] == kind]


def messages(path: Path) -> dict[str, list[tuple[int, Any]]]:
    """All that can be read of an MCAP file, by topic, as (nanoseconds, message)."""
    reading = pytest.importorskip("mcap.stream_reader")
    exceptions = pytest.importorskip("mcap.exceptions")
    channels: dict[int, str] = {}
    found: dict[str, list[tuple[int, Any]]] = {}
    with path.open("rb") as file:
        try:
            for record in reading.StreamReader(file, validate_crcs=True).records:
                if type(record).__name__ == "Channel":
                    channels[record.id] = record.topic
                elif type(record).__name__ == "Message":
                    message = record.log_time, json.loads(record.data)
                    found.setdefault(channels[record.channel_id], []).append(message)
        except exceptions.EndOfFile:
            pass  # it was cut off
    return found
