"""Deadlines that a driving loop misses, and its jitter, beside an empty loop at the same rate.

    python benchmarks/loop.py BUNDLE [--seconds 60] [--rate 20] [--camera-rate 20]

Two processes run at the same time: one drives with real threads, images of noise of the camera's
size and telemetry, the other only waits for its ticks. What else the machine does hits both. A
second in which the loop missed deadlines, and the empty one none within `--beside` seconds of it,
is the loop's own fault. The result goes to benchmarks/results/loop.json with the machine and the
commit.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive import DrivingLoop, IteratorCamera, LoopHealth, Predictor, VehicleState
from auxdrive.loop.health import Spread
from auxdrive.loop.ticker import Ticker
from auxdrive.types import UInt8
from record import RESULTS, write_result

IMAGES = 16
STATE = VehicleState(4.0, (20.0, 0.0))


def main() -> None:
    """Run both and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--camera-rate", type=float, default=20.0)
    parser.add_argument("--telemetry", choices=("none", "jsonl", "mcap"), default="jsonl")
    parser.add_argument("--beside", type=float, default=1.5)
    parser.add_argument("--out", type=Path, default=RESULTS / "loop.json")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    begun, end = context.Pipe(duplex=False)
    empty = context.Process(target=wait_alone, args=(arguments.rate, arguments.seconds, end))
    empty.start()
    begun.recv()  # it has imported what it needs
    driven = drive(arguments)
    alone = begun.recv()
    empty.join()
    own = [
        at_s
        for at_s in driven.pop("missed_at_s")
        if not any(abs(at_s - other_s) <= arguments.beside for other_s in alone["missed_at_s"])
    ]
    alone.pop("missed_at_s")
    result = {
        "bundle": arguments.bundle.name,
        "seconds": arguments.seconds,
        "rate_hz": arguments.rate,
        "camera_rate_hz": arguments.camera_rate,
        "telemetry": arguments.telemetry,
        "empty": alone,
        "driving": driven,
        "seconds_with_missed_deadlines_that_the_empty_loop_had_not": len(own),
    }
    print(json.dumps(write_result(arguments.out, result), indent=2))


def wait_alone(rate_hz: float, seconds: float, tell: Connection) -> None:
    """A loop that does nothing."""
    ticker, late = Ticker(rate_hz), Spread()
    tell.send("ready")
    missed_at_s: list[float] = []
    ends_s, ticks, missed = time.monotonic() + seconds + 5.0, 0, 0
    while (late_s := ticker.wait(lambda: time.monotonic() > ends_s)) is not None:
        ticks += 1
        late.add(late_s * 1e3)
        if ticker.missed > missed:
            missed = ticker.missed
            missed_at_s.append(time.monotonic())
    tell.send({"ticks": ticks, "missed": missed, "late_ms": told(late), "missed_at_s": missed_at_s})


def drive(arguments: argparse.Namespace) -> dict[str, Any]:
    """The real loop. When it missed deadlines is known to the second, by its health."""
    healths: list[LoopHealth] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Predictor.load(arguments.bundle) as predictor,
    ):
        size = predictor.camera.height, predictor.camera.width
        loop = DrivingLoop(
            predictor,
            IteratorCamera(noise(size, arguments.camera_rate)),
            actuate=lambda control: None,  # noqa: ARG005
            state=lambda: STATE,
            rate_hz=arguments.rate,
            telemetry=None
            if arguments.telemetry == "none"
            else Path(folder) / f"drive.{arguments.telemetry}",
            health=healths.append,
        )
        whole = loop.run(arguments.seconds)
    missed, seconds = 0, []
    for health in healths:
        if health.missed > missed:
            missed = health.missed
            seconds.append(health.time_s)
    return {**whole.as_json(), "missed_at_s": seconds}


def noise(size: tuple[int, int], rate_hz: float) -> Iterator[tuple[UInt8, float]]:
    """Images of noise at a fixed rate, each an array of its own, for ever."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, *size, 3), np.uint8)
    ticker, number = Ticker(rate_hz), 0
    while ticker.wait(lambda: False) is not None:
        number += 1
        yield images[number % IMAGES].copy(), time.monotonic()


def told(spread: Spread) -> dict[str, float]:
    """Times as JSON."""
    times = spread.times()
    assert times is not None
    return {"p50": times.p50, "p99": times.p99, "worst": times.worst}


if __name__ == "__main__":
    main()
