"""Hostile observations against a loaded predictor: nothing but a prediction or an AuxdriveError may
come out.

    python benchmarks/fuzz/observations.py [--count 1000000] [--bundle BUNDLE]

Without --bundle, a small waypoint bundle is made: a strided convolution over an image of 32 x 24,
speed and target point.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.predictor import Predictor
from auxdrive.types import WITHHOLDING, Flag, Observation, Prediction
from harness import main
from small_bundle import write_small_bundle
from workers import Fuzzer

FLOATS = (
    0.0,
    -0.0,
    1.0,
    4.2,
    -3.0,
    20.0,
    200.0,
    1e3,
    1e10,
    1e11,
    1.8e18,
    1e28,
    3.4e38,
    3.5e38,
    1e39,
    1e308,
    5e-324,
    math.nan,
    math.inf,
)
DTYPES = (
    "u1",
    "i1",
    "u2",
    "i8",
    "f2",
    "f4",
    "f8",
    "?",
    "c8",
    "O",
    "S3",
    "U3",
    "M8[s]",
    ">u1",
    [("r", "u1"), ("g", "u1"), ("b", "u1")],
)
WRONG = 0.25
"""Of each field: so a third of all observations is right."""


class Raises(float):
    """A float whose every conversion fails."""

    def __float__(self) -> float:
        raise KeyError("no float")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Odd(np.ndarray[Any, Any]):
    """An array that lies about its shape."""

    @property  # type: ignore[misc]
    def shape(self) -> Any:
        raise ZeroDivisionError


def value(source: random.Random, depth: int = 2) -> Any:
    """Anything that somebody may hand in where a number belongs."""
    number = source.choice(FLOATS) if source.random() < 0.5 else source.uniform(-1e4, 1e4)
    makers: list[Any] = [
        lambda: number, lambda: -number,
        lambda: source.getrandbits(source.choice((1, 8, 64, 2000))), lambda: source.random() < 0.5,
        lambda: None, lambda: str(number), lambda: b"4", lambda: complex(number, 1),
        lambda: np.float32(min(number, 3e38)), lambda: np.float64(number),
        lambda: np.int64(source.getrandbits(62)), lambda: np.bool_(True),
        lambda: np.datetime64("now"), lambda: np.timedelta64(5, "s"), lambda: np.array(number),
        lambda: np.array([number, 1.0][: source.choice((0, 1, 2))]), lambda: np.ma.masked,
        lambda: Decimal(4), lambda: Fraction(1, 3), lambda: Raises(4.0), lambda: object(),
        lambda: iter(()), lambda: float, lambda: {1: number}, lambda: {number},
    ]  # fmt: skip
    if depth:
        kind = source.choice((tuple, list, tuple))
        makers += [
            lambda: kind(value(source, depth - 1) for _ in range(source.choice((0, 1, 2, 2, 2, 3))))
        ] * 6
    return source.choice(makers)()


def image(source: random.Random, shape: tuple[int, int, int]) -> Any:
    """The right image as a rule, so that the numbers are reached; else another array, or
    anything.
    """
    height, width, _ = shape
    if source.random() > WRONG:
        return np.full(shape, source.randrange(256), np.uint8)
    shapes: list[tuple[int, ...]] = [
        shape,
        shape[:2],
        (width, height, 3),
        (3, height, width),
        (1, *shape),
        (height, width, 4),
        (0, width, 3),
        (),
    ]
    made = np.zeros(source.choice(shapes), source.choice(DTYPES))
    views: list[Any] = [
        lambda: made, lambda: made.T, lambda: np.asfortranarray(made), lambda: made.tolist(),
        lambda: made.tobytes(), lambda: made.view(Odd), lambda: np.ma.masked_array(made),
        lambda: made[..., ::-1] if made.ndim else made, lambda: value(source),
        lambda: np.zeros(shape, np.uint8).view(Odd),
        lambda: np.zeros((height, width, 6), np.uint8)[..., ::2],
    ]  # fmt: skip
    return source.choice(views)()


def observation(source: random.Random, shape: tuple[int, int, int]) -> Any:
    """An observation of which something is wrong, most of the time."""
    if source.random() < 0.01:
        return value(source)
    time_s = source.uniform(0, 1e9) if source.random() > WRONG else value(source)
    speed = source.uniform(0, 8) if source.random() > WRONG else value(source)
    target = (
        (source.uniform(-3, 8), source.uniform(-3, 8)) if source.random() > WRONG else value(source)
    )
    return Observation(image(source, shape), time_s, speed, target)


def outcome(prediction: Prediction) -> str:
    """The kind of a prediction; what may never be is an AssertionError."""
    predicted = (
        prediction.steer_rad if prediction.waypoints_ego_m is None else prediction.waypoints_ego_m
    )
    withheld = bool(prediction.flags & WITHHOLDING)
    assert withheld == (predicted is None), prediction
    assert predicted is None or np.isfinite(predicted).all(), prediction
    assert type(prediction.time_s) is float, prediction
    assert math.isfinite(prediction.time_s), prediction
    assert bool(prediction.reason) == bool(prediction.flags), prediction
    return " + ".join(sorted(Flag(flag) for flag in prediction.flags)) or "predicted"


def show(case: Any) -> str:
    """A case without its image."""
    if not isinstance(case, Observation):
        return type(case).__name__
    parts = []
    for name in ("time_s", "speed_mps", "target_ego_m"):
        try:
            parts.append(f"{name}={getattr(case, name)!r}"[:100])
        except Exception as error:  # noqa: BLE001 (a repr of its own)
            parts.append(f"{name}: {type(error).__name__}")
    return (
        f"image {type(case.image).__name__} {getattr(case.image, 'dtype', '')}, {', '.join(parts)}"
    )


def setup(arguments: argparse.Namespace) -> Fuzzer[Any]:
    """A fuzzer with a predictor of its own."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = arguments.bundle or write_small_bundle(Path(folder) / "bundle")
        predictor = Predictor.load(bundle)
    camera = predictor.card.camera
    return Fuzzer(
        draw=lambda source: observation(source, (camera.height, camera.width, 3)),
        check=lambda case: outcome(predictor.predict(case)),
        show=show,
    )


if __name__ == "__main__":
    main(
        "observations",
        setup,
        __doc__,
        lambda parser: parser.add_argument("--bundle", type=Path, help="a bundle of your own"),
        count=1_000_000,
    )
