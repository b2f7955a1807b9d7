"""What the workers of `scale.py` do: steps of the embedded simulator with all its sensors."""

from __future__ import annotations

import hashlib
import os
import socket
from dataclasses import dataclass
from time import monotonic, process_time

from auxdrive.modalities import Modality
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator

SENSORS = (Modality.RGB, Modality.DEPTH, Modality.SEGMENTATION, Modality.LIDAR)


@dataclass(frozen=True, slots=True)
class Driven:
    """Steps that a worker made.

    Attributes:
        worker: which one.
        began_s: on the machine's monotonic clock.
        ended_s: on the same clock.
        cpu_s: time of the processor.
        sha256: of all that the sensors showed.
    """

    worker: str
    began_s: float
    ended_s: float
    cpu_s: float
    sha256: str


@dataclass(frozen=True, slots=True)
class MakeDriver:
    """Makes a worker.

    Attributes:
        steps: of each job. A job is the seed of its route, and whether it counts.
    """

    steps: int

    def __call__(self) -> Driver:
        return Driver(self.steps)


class Driver:
    """Drives the expert along routes."""

    def __init__(self, steps: int) -> None:
        self._steps, self._simulator = steps, make_simulator(SimulatorSettings())

    def __call__(self, job: tuple[int, bool]) -> Driven:
        seed, _ = job
        simulator, digest = self._simulator, hashlib.sha256()
        began_s, cpu_began_s = monotonic(), process_time()
        simulator.reset(simulator.random_route(seed), seed)
        for _ in range(self._steps):
            simulator.step(simulator.expert())
            for frame in simulator.sense(SENSORS).values():
                digest.update(frame.data)
        return Driven(
            f"{socket.gethostname()}:{os.getpid()}",
            began_s,
            monotonic(),
            process_time() - cpu_began_s,
            digest.hexdigest(),
        )

    def close(self) -> None:
        """Release the simulator."""
        self._simulator.close()
