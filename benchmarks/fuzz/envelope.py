"""Hostile drives through predictor, controller and safety envelope: nothing but a command within
its limits or an AuxdriveError may come out of any tick.

    python benchmarks/fuzz/envelope.py [--count 1000000]

A case is a drive of ten ticks: ten million inputs at the default count. Each tick has an
observation, a prediction (the predictor's own, or a made one), speed, time, yaw rate and now and
then a driver's command, of which some are absurd, of other types, or from another time.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from auxdrive.cards import VehicleSpec
from auxdrive.controllers import make_controller
from auxdrive.envelope.envelope import SafetyEnvelope
from auxdrive.envelope.options import EnvelopeOptions
from auxdrive.errors import AuxdriveError
from auxdrive.predictor import Predictor
from auxdrive.types import Control, Flag, Observation, Prediction
from harness import Fuzzer, main
from observations import image, show, value
from small_bundle import write_small_bundle
from within_limits import broken_limits

TICKS = 10
WRONG = 0.03
"""Of each number of a tick."""
VEHICLE = VehicleSpec(name="fuzzed", wheelbase_m=2.8, max_steer_rate_radps=1.2)
KINDS = ("stop", "slow_straight", "hold")


class Tick(NamedTuple):
    """One call's arguments; a prediction of `...` is the predictor's own."""

    observation: Any
    prediction: Any
    speed_mps: Any
    now_s: Any
    yaw_rate_radps: Any
    override: Any


class Drive(NamedTuple):
    """A case."""

    controller: str
    kind: str
    ticks: list[Tick]


def either(source: random.Random, right: Callable[[], Any], wrong: float = WRONG) -> Any:
    """What is right, as a rule."""
    return right() if source.random() > wrong else value(source)


def made_prediction(source: random.Random, time_s: Any) -> Any:
    """A prediction that no predictor gives."""
    if source.random() < 0.1:
        return source.choice((None, value(source)))
    points = [
        (either(source, lambda: source.uniform(-5, 40)), either(source, lambda: source.gauss(0, 5)))
        for _ in range(source.choice((4, 4, 4, 1, 0, 7)))
    ]
    dtype = source.choice((np.float32, np.float64))
    try:
        with warnings.catch_warnings(action="ignore"):
            waypoints: Any = np.array(points, dtype)
    except (TypeError, ValueError, OverflowError, KeyError):
        waypoints = points
    flags = source.sample(list(Flag), source.choice((0, 0, 0, 1, 2)))
    times = tuple(0.5 * (k + 1) for k in range(len(points)))
    return Prediction(
        time_s,
        1.0,
        either(source, lambda: source.gauss(0, 0.5)) if source.random() < 0.3 else None,
        either(source, lambda: waypoints),
        either(source, lambda: times),
        either(source, lambda: frozenset(flags)),
    )


def tick(source: random.Random, shape: tuple[int, int, int], now_s: float) -> Tick:
    """A call, of which something is wrong now and then."""
    frame_s = either(source, lambda: now_s - source.uniform(0.0, 0.1))
    speed = either(source, lambda: source.uniform(0, source.choice((3, 8, 30))))
    observation: Any = Observation(
        image(source, shape) if source.random() < 0.3 else _noise(source, shape),
        frame_s,
        speed,
        (source.uniform(-3, 8), source.uniform(-3, 8)),
    )
    driver = Control(source.gauss(0, 0.5), source.random(), source.random())
    return Tick(
        None if source.random() < 0.02 else observation,
        ... if source.random() < 0.5 else made_prediction(source, frame_s),
        speed,
        either(source, lambda: now_s),
        either(source, lambda: source.choice((None, source.gauss(0, 0.3)))),
        either(source, lambda: driver, 0.2) if source.random() < 0.05 else None,
    )


def _noise(source: random.Random, shape: tuple[int, int, int]) -> Any:
    return np.frombuffer(source.randbytes(math.prod(shape)), np.uint8).reshape(shape)


def drive(source: random.Random, shape: tuple[int, int, int]) -> Drive:
    """A drive; its clock jumps now and then."""
    now_s = source.uniform(0, 1e6)
    ticks = []
    for _ in range(TICKS):
        now_s += source.uniform(0.01, 0.1) if source.random() > 0.05 else source.gauss(0, 10)
        ticks.append(tick(source, shape, now_s))
    return Drive(source.choice(("pid", "pure_pursuit", "steering")), source.choice(KINDS), ticks)


class Checked:
    """An envelope whose commands are checked against the limits, and what it must have known.

    Args:
        predictor: that predicts.
        case: the drive.
    """

    def __init__(self, predictor: Predictor, case: Drive) -> None:
        self.steering, self._predictor = predictor.steering, predictor
        self.options = EnvelopeOptions.model_validate({"fallback": {"kind": case.kind}})
        controller = make_controller(case.controller, predictor.steering, VEHICLE)
        self.envelope = SafetyEnvelope(
            controller, predictor.steering, VEHICLE, predictor.camera, self.options
        )
        self.last: Control | None = None
        # of the last call; NaN after a refused call, of which the envelope may have taken a part
        self.now_s: float | None = None
        self.speed_mps = 70.0

    def step(self, tick: Tick) -> str:
        """One tick; its outcome in a word or two."""
        prediction = tick.prediction
        try:
            if prediction is ...:
                prediction = self._predictor.predict(tick.observation)
        except AuxdriveError:
            prediction = None
        try:
            guarded = self.envelope.step(
                tick.observation, prediction, tick.speed_mps, tick.now_s,
                yaw_rate_radps=tick.yaw_rate_radps, override=tick.override,
            )  # fmt: skip
        except AuxdriveError as error:
            self.now_s = self.speed_mps = math.nan
            return type(error).__name__
        assert bool(guarded.flags) == bool(guarded.reason), guarded
        self._check(guarded.control, float(tick.speed_mps), float(tick.now_s), tick.override)
        return guarded.mode.value

    def _check(self, control: Control, speed: float, now: float, override: Control | None) -> None:
        gap_s = self.options.longest_gap_s
        elapsed = 0.0
        if math.isfinite(now):
            passed = 0.0 if self.now_s is None else now - self.now_s
            elapsed = 0.0 if passed < 0.0 or passed > gap_s else passed
            self.now_s = now
        if abs(speed) <= 70.0:
            self.speed_mps = abs(speed)
        known = not math.isnan(elapsed + self.speed_mps)
        if override is None:
            broken = broken_limits(
                self.last, control, self.speed_mps if known else 0.0, elapsed if known else gap_s,
                self.steering, VEHICLE, self.options.limits, known,
            )  # fmt: skip
            assert not broken, (broken, self.last, control, self.speed_mps, elapsed)
        self.last = control


def setup(arguments: argparse.Namespace) -> Fuzzer[Any]:
    """A fuzzer with a predictor of its own."""
    del arguments
    with tempfile.TemporaryDirectory() as folder:
        predictor = Predictor.load(write_small_bundle(Path(folder) / "bundle"))
    shape = (predictor.card.camera.height, predictor.card.camera.width, 3)

    def check(case: Drive) -> str:
        checked = Checked(predictor, case)
        return "ends " + [checked.step(each) for each in case.ticks][-1]

    def shown(case: Drive) -> str:
        ticks = "\n".join(f"{show(each.observation)}; {_cut(each[1:])}" for each in case.ticks)
        return f"{case.controller}, {case.kind}:\n{ticks}"

    return Fuzzer(draw=lambda source: drive(source, shape), check=check, show=shown)


def _cut(numbers: tuple[Any, ...]) -> str:
    try:
        return repr(numbers)[:300]
    except Exception as error:  # noqa: BLE001 (a repr of its own)
        return type(error).__name__


if __name__ == "__main__":
    main("envelope", setup, __doc__, count=1_000_000)
