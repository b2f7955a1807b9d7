"""Speed of the embedded simulator on one core: expert, step, RGB, depth, segmentation and LiDAR at
256 x 144, by component.

    python benchmarks/simulator.py [--towns 3] [--ticks 150] [--traffic 20]

Loading a town is timed apart. Milliseconds are wall time; cpu_ms is what the process itself used,
which other load on the machine touches less. The result goes to benchmarks/results/simulator.json
with the machine and the commit.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from auxdrive.modalities import Modality
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from record import RESULTS, write_result

WARM_UP_TICKS = 10
SENSORS = {
    "rgb": (Modality.RGB,),
    "depth_and_segmentation": (Modality.DEPTH, Modality.SEGMENTATION),
    "lidar": (Modality.LIDAR,),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--towns", type=int, default=3)
    parser.add_argument("--ticks", type=int, default=150)
    parser.add_argument("--traffic", type=int, default=20)
    parser.add_argument("--out", type=Path, default=RESULTS / "simulator.json")
    arguments = parser.parse_args()
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[-1]})
    simulator = EmbeddedSimulator(traffic=arguments.traffic)
    towns = [measure(simulator, seed, arguments.ticks) for seed in range(arguments.towns)]
    simulator.close()
    components = {
        name: round(float(np.mean([town["ms"][name] for town in towns])), 3)
        for name in towns[0]["ms"]
    }
    result = {
        "steps_per_s": round(1000 / sum(components.values()), 1),
        "cpu_ms_per_step": round(float(np.mean([town["cpu_ms"] for town in towns])), 3),
        "ms_per_step": components,
        "towns": towns,
        "image": [simulator.camera.height, simulator.camera.width],
        "traffic": arguments.traffic,
        "ticks": arguments.ticks,
    }
    print(json.dumps(write_result(arguments.out, result), indent=2))


def measure(simulator: EmbeddedSimulator, seed: int, ticks: int) -> dict[str, Any]:
    """Milliseconds per tick of each component along the route of a seed, driven by the expert."""
    route = simulator.random_route(seed)
    load_s = _seconds(lambda: simulator.reset(route, seed))
    cpu_s = 0.0
    spent = dict.fromkeys(("expert", "step", *SENSORS), 0.0)
    for tick in range(WARM_UP_TICKS + ticks):
        began_s, cpu_began_s = perf_counter(), process_time()
        control = simulator.expert()
        times = {
            "expert": perf_counter() - began_s,
            "step": _seconds(partial(simulator.step, control)),
        }
        times |= {
            name: _seconds(partial(simulator.sense, wanted)) for name, wanted in SENSORS.items()
        }
        if tick >= WARM_UP_TICKS:
            spent = {name: spent[name] + times[name] for name in spent}
            cpu_s += process_time() - cpu_began_s
    ms = {name: round(1000 * seconds / ticks, 3) for name, seconds in spent.items()}
    return {
        "town": route.town,
        "load_s": round(load_s, 2),
        "steps_per_s": round(1000 / sum(ms.values()), 1),
        "cpu_ms": round(1000 * cpu_s / ticks, 3),
        "ms": ms,
    }


def _seconds(call: Callable[[], object]) -> float:
    began_s = perf_counter()
    call()
    return perf_counter() - began_s


if __name__ == "__main__":
    main()
