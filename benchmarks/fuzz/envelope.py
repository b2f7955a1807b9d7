"""Hostile drives through predictor, controller and safety envelope: nothing but a command within
its limits or an AuxdriveError may come out of any tick, and no memory may be lost.

    python benchmarks/fuzz/envelope.py [--count 500000] [--workers 2] [--resume]

A case is a drive of 20 ticks: ten million inputs at the default count. In each tick an observation
goes through the predictor, controller and envelope, with a speed, a time, a yaw rate and now and
then a driver's command, of which some are absurd, of other types, or from another time. In some
ticks controller and envelope get a made prediction instead of the predictor's own; now and then the
envelope is released or begins anew.
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
from auxdrive.envelope.guarded import TOLERABLE
from auxdrive.envelope.options import EnvelopeOptions
from auxdrive.errors import AuxdriveError
from auxdrive.predictor import Predictor
from auxdrive.types import AnyArray, Control, Flag, Observation, Prediction
from harness import main
from observations import image, show, value
from small_bundle import write_small_bundle
from within_limits import broken_limits, broken_travel
from workers import Fuzzer

TICKS = 20
WRONG = (0.0, 0.003, 0.03, 0.03, 0.1)
"""Of each number of a tick; one of these is that of a drive, so that calm ones are among them."""
MOST_GROWTH_MIB = 8.0
VEHICLE = VehicleSpec(name="fuzzed", wheelbase_m=2.8, max_steer_rate_radps=1.2)
KINDS = ("stop", "slow_straight", "hold")
CONTROLLERS = ("pid", "pure_pursuit", "steering")
FRAMES, ODD_FRAMES, BODIES, VALUES = 64, 2000, 10_000, 10_000


class Tick(NamedTuple):
    """One call's arguments. A prediction of `...` is the predictor's own; `before` is a method of
    the envelope that is called first, or nothing.
    """

    observation: Any
    prediction: Any
    speed_mps: Any
    now_s: Any
    yaw_rate_radps: Any
    override: Any
    before: str


class Drive(NamedTuple):
    """A case."""

    controller: str
    options: EnvelopeOptions
    ticks: list[Tick]


class Pools:
    """Frames, values and the bodies of predictions that no predictor gives, from which drives are
    drawn: to make them anew for each tick would take longer than the tick. They are the same in
    every process.

    Args:
        shape: of the predictor's images.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        source = random.Random(0)
        noise = np.frombuffer(source.randbytes(FRAMES * math.prod(shape)), np.uint8)
        self.frames = list(noise.reshape(FRAMES, *shape))
        self.torn = [self._torn(index, shape[0]) for index in range(FRAMES)]
        self.odd_frames = [image(source, shape) for _ in range(ODD_FRAMES)]
        self.values = [value(source) for _ in range(VALUES)]
        self.bodies = [self._body(source) for _ in range(BODIES)]
        self.options = [_options(source, kind) for kind in KINDS for _ in range(16)]

    def _torn(self, index: int, height: int) -> AnyArray:
        """A frame whose lower half is that of the one before it."""
        torn = self.frames[index].copy()
        torn[height // 2 :] = self.frames[index - 1][height // 2 :]
        return torn

    def either(self, source: random.Random, right: Callable[[], Any], wrong: float = 0.03) -> Any:
        """What is right, as a rule."""
        return right() if source.random() > wrong else source.choice(self.values)

    def _body(self, source: random.Random) -> tuple[Any, ...]:
        """The fields of a prediction but the first two."""
        draw, either = source.uniform, self.either
        points = [
            (either(source, lambda: draw(-5, 40)), either(source, lambda: source.gauss(0, 5)))
            for _ in range(source.choice((4, 4, 4, 1, 0, 7)))
        ]
        try:
            with warnings.catch_warnings(action="ignore"):
                waypoints: Any = np.array(points, source.choice((np.float32, np.float64)))
        except (TypeError, ValueError, OverflowError, KeyError):
            waypoints = points
        flags = source.sample(list(Flag), source.choice((0, 0, 0, 1, 2)))
        times = tuple(0.5 * (k + 1) for k in range(len(points)))
        return (
            either(source, lambda: source.gauss(0, 0.5)) if source.random() < 0.3 else None,
            either(source, lambda: waypoints),
            either(source, lambda: times),
            either(source, lambda: frozenset(flags)),
            either(source, lambda: source.choice(("", "as it is made"))),
            either(source, dict),
            either(source, lambda: source.choice((None, source.gauss(0, 9)))),
        )

    def prediction(self, source: random.Random, time_s: Any) -> Any:
        """A prediction that no predictor gives."""
        if source.random() < 0.1:
            return source.choice((None, source.choice(self.values)))
        steer_rad, waypoints, *others = source.choice(self.bodies)
        if type(waypoints) is np.ndarray and waypoints.dtype.kind == "f":
            with np.errstate(over="ignore", invalid="ignore"):
                waypoints = waypoints * source.uniform(-0.5, 1.5)
        return Prediction(time_s, 1.0, steer_rad, waypoints, *others)


def _options(source: random.Random, kind: str) -> EnvelopeOptions:
    """Options with some limits of their own, gentler or wider than the defaults."""
    limits = {
        "lateral_acceleration_mps2": source.uniform(0.5, 8.0),
        "lateral_jerk_mps3": source.uniform(0.5, 20.0),
        "braking_jerk_mps3": source.uniform(5.0, 40.0),
        "steer_rate_radps": source.uniform(0.1, 3.0),
    }
    changed = {name: limit for name, limit in limits.items() if source.random() < 0.5}
    tolerated = [each for each in sorted(TOLERABLE) if source.random() < 0.5]
    fallback = {"kind": kind, "tolerated": tolerated}
    return EnvelopeOptions.model_validate({"fallback": fallback, "limits": changed})


def _tick(
    source: random.Random, pools: Pools, now_s: float, frame: int, speed_mps: float, wrong: float
) -> Tick:
    """A call, of which something is wrong now and then.

    Args:
        source: of what is drawn.
        pools: that it is drawn from.
        now_s: the true time.
        frame: the number of the right frame.
        speed_mps: the true speed.
        wrong: how often each number is wrong.
    """
    draw, chance = source.uniform, source.random

    def either(right: Any, at_rate: float = wrong) -> Any:
        return source.choice(pools.values) if chance() < at_rate else right

    frame_s, speed = either(now_s - draw(0.0, 0.1)), either(speed_mps)
    seen: Any = (pools.torn if chance() < wrong else pools.frames)[frame % FRAMES]
    if chance() < 5 * wrong:
        seen = source.choice(pools.odd_frames)
    observation = Observation(seen, frame_s, speed, (draw(-3, 8), draw(-3, 8)))
    driver = Control(source.gauss(0, 0.5), chance(), chance()) if chance() < 0.03 else None
    return Tick(
        None if chance() < wrong else observation,
        pools.prediction(source, frame_s) if chance() < 10 * wrong else ...,
        speed,
        either(now_s),
        either(source.gauss(0, 0.3) if chance() < 0.5 else None),
        driver if driver is None else either(driver, 0.2),
        source.choice(("release", "reset")) if chance() < 0.02 else "",
    )


def _drive(source: random.Random, pools: Pools) -> Drive:
    """A drive; its clock jumps now and then."""
    now_s, first, wrong = source.uniform(0, 1e6), source.randrange(FRAMES), source.choice(WRONG)
    speed_mps, ticks = source.uniform(0.0, source.choice((3.0, 8.0, 30.0))), []
    for index in range(TICKS):
        now_s += source.gauss(0, 10) if source.random() < wrong else source.uniform(0.01, 0.1)
        speed_mps = abs(speed_mps + source.gauss(0, source.choice((0.1, 0.5, 10.0))))
        ticks.append(_tick(source, pools, now_s, first + index, speed_mps, wrong))
    return Drive(source.choice(CONTROLLERS), source.choice(pools.options), ticks)


class Checked:
    """An envelope whose commands are checked against the limits, and what it must have known.

    Args:
        predictor: that predicts.
        case: the drive.
    """

    def __init__(self, predictor: Predictor, case: Drive) -> None:
        self.steering, self._predictor = predictor.steering, predictor
        self.options = case.options
        controller = make_controller(case.controller, predictor.steering, VEHICLE)
        self.envelope = SafetyEnvelope(
            controller, predictor.steering, VEHICLE, predictor.camera, self.options
        )
        self._forget()

    def _forget(self) -> None:
        self.last: Control | None = None
        # of the last call; NaN after a refused call, of which the envelope may have taken a part
        self.now_s: float | None = None
        self.speed_mps = 70.0

    def step(self, tick: Tick) -> str:
        """One tick; its outcome in a word or two."""
        if tick.before:
            getattr(self.envelope, tick.before)()
            if tick.before == "reset":
                self._forget()
        try:
            prediction = self._predictor.predict(tick.observation)
        except AuxdriveError:
            prediction = None
        if tick.prediction is not ...:
            prediction = tick.prediction
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
        else:
            broken = broken_travel(control, self.steering)
        assert not broken, (broken, self.last, control, self.speed_mps, elapsed)
        self.last = control


def setup(arguments: argparse.Namespace) -> Fuzzer[Any]:
    """A fuzzer with a predictor of its own."""
    del arguments
    with tempfile.TemporaryDirectory() as folder:
        predictor = Predictor.load(write_small_bundle(Path(folder) / "bundle"))
    pools = Pools((predictor.card.camera.height, predictor.card.camera.width, 3))

    def check(case: Drive) -> str:
        checked = Checked(predictor, case)
        return "ends " + [checked.step(each) for each in case.ticks][-1]

    def shown(case: Drive) -> str:
        ticks = "\n".join(f"{show(each.observation)}; {_cut(each[1:])}" for each in case.ticks)
        return f"{case.controller}, {case.options}:\n{ticks}"

    return Fuzzer(draw=lambda source: _drive(source, pools), check=check, show=shown)


def _cut(numbers: tuple[Any, ...]) -> str:
    try:
        return repr(numbers)[:300]
    except Exception as error:  # noqa: BLE001 (a repr of its own)
        return type(error).__name__


if __name__ == "__main__":
    main(
        "envelope",
        setup,
        __doc__,
        count=10_000_000 // TICKS,
        inputs_per_case=TICKS,
        most_growth_mib=MOST_GROWTH_MIB,
    )
