"""Deadlines that a driving loop misses, and its jitter, beside empty loops at the same rate.

    python benchmarks/loop.py BUNDLE [--seconds 60] [--rate 20] [--camera-rate 20]

One process drives with real threads, images of noise of the camera's size and telemetry. Beside it
an empty loop waits for its ticks on each processor, in a process of its own that stays there: what
else the machine does, and what its host takes of a processor, hits one of them too. A deadline of
the driving loop that passed while no empty loop missed one, give or take `--beside` seconds, is
the loop's own fault. Of these it is also said how late an empty loop was at that time, since one
that has nothing to do keeps deadlines that a stalled machine takes from one that has.

SIGTERM and Ctrl-C end it earlier, and what was measured until then is the result. It goes to
benchmarks/results/loop.json with the machine and the commit.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive import DrivingLoop, IteratorCamera, LoopHealth, Predictor, VehicleState
from auxdrive.loop.health import Spread
from auxdrive.loop.ticker import Ticker
from auxdrive.machine.load import last_cpus, pin
from auxdrive.types import UInt8
from record import RESULTS, write_result

IMAGES = 16
MANY = 1_000_000
"""Processors: more than there are."""
LATE_PERIODS = 0.25
"""A tick of an empty loop that begins later than this share of a period is kept."""
STATE = VehicleState(4.0, (20.0, 0.0))


def main() -> None:
    """Run all and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--camera-rate", type=float, default=20.0)
    parser.add_argument("--telemetry", choices=("none", "jsonl", "mcap"), default="jsonl")
    parser.add_argument(
        "--beside", type=float, default=0.5, help="seconds that two misses may lie apart"
    )
    parser.add_argument("--out", type=Path, default=RESULTS / "loop.json")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for cpu in last_cpus(MANY) or (None,):
        ours, theirs = context.Pipe()
        process = context.Process(
            target=wait_alone, args=(arguments.rate, cpu, theirs), daemon=True
        )
        process.start()
        pipes.append(ours)
        processes.append(process)
    for pipe in pipes:
        pipe.recv()  # it has imported what it needs, and waits
    print(f"{len(pipes)} empty loops wait; the drive begins", file=sys.stderr, flush=True)
    driving = Driving(1.0 / arguments.rate)
    whole = driving.drive(arguments)
    for pipe in pipes:
        pipe.send("end")
    alone: list[Empty] = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    result = {
        "bundle": arguments.bundle.name,
        "seconds": arguments.seconds,
        "rate_hz": arguments.rate,
        "camera_rate_hz": arguments.camera_rate,
        "telemetry": arguments.telemetry,
        "driving": whole.as_json(),
        "empty": [each.as_json() for each in alone],
        **compared(driving.missed_at_s, alone, arguments.beside, whole.time_s - whole.running_s),
    }
    print(json.dumps(write_result(arguments.out, result), indent=2))


def compared(
    missed_at_s: list[float], alone: list[Empty], beside_s: float, began_s: float
) -> dict[str, Any]:
    """Which missed deadlines are the driving loop's own fault.

    Args:
        missed_at_s: when it missed deadlines.
        alone: the empty loops.
        beside_s: how far two times may lie apart.
        began_s: when it began to drive.
    """
    own = []
    for at_s in missed_at_s:
        if any(abs(at_s - other_s) <= beside_s for each in alone for other_s in each.missed_at_s):
            continue
        late = [
            late_s
            for each in alone
            for other_s, late_s in each.late
            if abs(at_s - other_s) <= beside_s
        ]
        own.append({
            "after_s": round(at_s - began_s, 3),
            "an_empty_loop_was_late_by_ms": round(max(late, default=0.0) * 1e3, 1),
        })  # fmt: skip
    return {
        "times_at_which_it_missed_deadlines": len(missed_at_s),
        "of_these_no_empty_loop_missed_one": len(own),
        "these": own,
    }


@dataclass
class Empty:
    """What an empty loop saw.

    Attributes:
        cpu: the processor that it stayed on; None where that could not be.
        missed_at_s: when it missed deadlines.
        late: when it was late, and by how many seconds.
    """

    cpu: int | None
    ticks: int = 0
    missed: int = 0
    spread: Spread = field(default_factory=Spread)
    missed_at_s: list[float] = field(default_factory=list)
    late: list[tuple[float, float]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """In short."""
        times = self.spread.times()
        assert times is not None
        return {
            "cpu": self.cpu,
            "ticks": self.ticks,
            "missed": self.missed,
            "late_ms": {"p50": times.p50, "p99": times.p99, "worst": times.worst},
        }


def wait_alone(rate_hz: float, cpu: int | None, tell: Connection) -> None:
    """A loop that does nothing, until it is told to end.

    Args:
        rate_hz: of its ticks.
        cpu: that it stays on; None where the system does not tell of processors.
        tell: what it saw goes there.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the driving process ends it
    ticker, found = Ticker(rate_hz), Empty(None if cpu is None or pin((cpu,)) else cpu)
    tell.send("ready")
    while (late_s := ticker.wait(tell.poll)) is not None:
        found.ticks += 1
        found.spread.add(late_s * 1e3)
        now_s = time.monotonic()
        if late_s > LATE_PERIODS / rate_hz:
            found.late.append((now_s, late_s))
        if ticker.missed > found.missed:
            found.missed = ticker.missed
            found.missed_at_s.append(now_s)
    tell.send(found)


class Driving:
    """The real loop, and when it missed deadlines: its health says in which second, and the longest
    time between two commands within it says when.

    Args:
        period_s: between two commands.
    """

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._given_s = 0.0
        self._longest: tuple[float, float] = (0.0, 0.0)  # seconds, and when it ended
        self._missed = 0
        self.missed_at_s: list[float] = []

    def _actuate(self, _: object) -> None:
        now_s = time.monotonic()
        if self._given_s:
            self._longest = max(self._longest, (now_s - self._given_s, now_s))
        self._given_s = now_s

    def _health(self, health: LoopHealth) -> None:
        if health.missed > self._missed:
            self._missed = health.missed
            at_s = self._longest[1] if self._longest[0] > self._period_s else health.time_s
            self.missed_at_s.append(at_s)
        self._longest = (0.0, 0.0)

    def drive(self, arguments: argparse.Namespace) -> LoopHealth:
        """Drive; how the whole drive was."""
        with (
            tempfile.TemporaryDirectory() as folder,
            Predictor.load(arguments.bundle) as predictor,
        ):
            size = predictor.camera.height, predictor.camera.width
            loop = DrivingLoop(
                predictor,
                IteratorCamera(noise(size, arguments.camera_rate)),
                actuate=self._actuate,
                state=lambda: STATE,
                rate_hz=arguments.rate,
                telemetry=None
                if arguments.telemetry == "none"
                else Path(folder) / f"drive.{arguments.telemetry}",
                health=self._health,
            )
            return loop.run(arguments.seconds)


def noise(size: tuple[int, int], rate_hz: float) -> Iterator[tuple[UInt8, float]]:
    """Images of noise at a fixed rate, each an array of its own, for ever."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, *size, 3), np.uint8)
    ticker, number = Ticker(rate_hz), 0
    while ticker.wait(lambda: False) is not None:
        number += 1
        yield images[number % IMAGES].copy(), time.monotonic()


if __name__ == "__main__":
    main()
