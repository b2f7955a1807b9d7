"""What a tick of the safety envelope costs beside the controller's own step, and the memory that it
takes.

    python benchmarks/envelope_cost.py [--ticks 5000]

Controller alone and envelope with such a controller are called in turn with the same prediction, on
a new frame each tick, which has just been copied as a predictor copies it. Memory is that of
Python's and NumPy's allocators at its highest within a tick. The result goes to
benchmarks/results/envelope_cost.json with the machine and the commit.
"""

from __future__ import annotations

import argparse
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.controllers import make_controller
from auxdrive.envelope.envelope import SafetyEnvelope
from auxdrive.steering import SteeringSpec
from auxdrive.types import Observation, Prediction
from record import write_result

RESULT = Path(__file__).parent / "results" / "envelope_cost.json"
SIZES = ((256, 144), (1280, 720), (1920, 1080))
CONTROLLERS = ("pid", "pure_pursuit", "steering")
PERIOD_S, DELAY_S, SPEED_MPS = 0.05, 0.02, 4.0
WARM_UP_TICKS = 100
STEERING = SteeringSpec(max_road_wheel_deg=45.0)
VEHICLE = VehicleSpec(name="passenger car", wheelbase_m=2.8, max_steer_rate_radps=1.2)
TIMES_S = (0.5, 1.0, 1.5, 2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ticks", type=int, default=5000)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    result = {
        "ticks": arguments.ticks,
        "period_s": PERIOD_S,
        "by_size": {
            f"{width}x{height}": {
                name: measure(name, CameraSpec(width=width, height=height), arguments.ticks)
                for name in CONTROLLERS
            }
            for width, height in SIZES
        },
    }
    print(json.dumps(write_result(arguments.out, result), indent=2))


def envelope_for(name: str, camera: CameraSpec) -> SafetyEnvelope:
    return SafetyEnvelope(make_controller(name, STEERING, VEHICLE), STEERING, VEHICLE, camera)


def ticks(name: str, camera: CameraSpec, count: int) -> Iterator[tuple[Observation, Prediction]]:
    """Frames of noise, and a prediction for each that leads along a gentle bend."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (4, camera.height, camera.width, 3), dtype=np.uint8)
    buffer = np.empty_like(frames[0])
    waypoints = np.array([(2, 0.1), (4, 0.3), (6, 0.6), (8, 1.0)], np.float32)
    for tick in range(count):
        time_s = tick * PERIOD_S
        seen = Observation(frames[tick % len(frames)], time_s, SPEED_MPS, (20.0, 0.0))
        np.copyto(buffer, seen.image)
        if name == "steering":
            yield seen, Prediction(time_s, 1.0, steer_rad=0.05)
        else:
            yield seen, Prediction(time_s, 1.0, None, waypoints, TIMES_S)


def measure(name: str, camera: CameraSpec, count: int) -> dict[str, Any]:
    """Microseconds of a tick, and KiB.

    Args:
        name: of the controller.
        camera: that gives the frames.
        count: of ticks.
    """
    alone, envelope = make_controller(name, STEERING, VEHICLE), envelope_for(name, camera)
    took = np.zeros((2, count + WARM_UP_TICKS))
    for tick, (seen, prediction) in enumerate(ticks(name, camera, count + WARM_UP_TICKS)):
        now_s = seen.time_s + DELAY_S
        for turn in (tick % 2, 1 - tick % 2):
            begin = perf_counter()
            if turn:
                envelope.step(seen, prediction, SPEED_MPS, now_s)
            else:
                alone.step(prediction, SPEED_MPS, now_s)
            took[turn, tick] = perf_counter() - begin
    assert not alone.stop_reason
    assert envelope.mode == "driving", envelope.counters
    controller_us, envelope_us = 1e6 * took[:, WARM_UP_TICKS:]
    return {
        "controller_us": percentiles(controller_us),
        "envelope_us": percentiles(envelope_us),
        "p50_more_us": round(float(np.median(envelope_us) - np.median(controller_us)), 2),
        "memory_kib": memory_kib(name, camera),
    }


def memory_kib(name: str, camera: CameraSpec) -> float:
    """The most that a tick takes."""
    envelope, most = envelope_for(name, camera), 0
    for tick, (seen, prediction) in enumerate(ticks(name, camera, 2 * WARM_UP_TICKS)):
        if tick == WARM_UP_TICKS:
            tracemalloc.start()
        if tick >= WARM_UP_TICKS:
            tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        envelope.step(seen, prediction, SPEED_MPS, seen.time_s + DELAY_S)
        most = max(most, tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()
    return round(most / 1024, 1)


def percentiles(values: Any) -> dict[str, float]:
    p50, p90, p99 = np.percentile(values, (50, 90, 99))
    return {"p50": round(float(p50), 2), "p90": round(float(p90), 2), "p99": round(float(p99), 2)}


if __name__ == "__main__":
    main()
