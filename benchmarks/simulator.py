"""Speed of the embedded simulator on one core: expert, step, RGB, depth, segmentation and LiDAR at
256 x 144, by component.

    python benchmarks/simulator.py [--towns 3] [--ticks 150] [--traffic 20] [--town FILE.xodr]

With --town, as many routes of that OpenDRIVE town are driven in turns with those of generated
towns, and the result goes to simulator_opendrive.json: how long its map takes to read, and how its
steps per second compare, by wall time and by the process's own time.

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
from auxdrive_eval.simulators.embedded.opendrive.source import OpenDriveTown, file_sha256
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.town_kits import TownSource
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
    parser.add_argument("--town", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[-1]})
    if arguments.town is not None:
        compare(arguments)
        return
    simulator = EmbeddedSimulator(traffic=arguments.traffic)
    towns = [measure(simulator, seed, arguments.ticks) for seed in range(arguments.towns)]
    result = {**summary(towns), "image": [simulator.camera.height, simulator.camera.width]}
    simulator.close()
    keep(result, arguments, RESULTS / "simulator.json")


def compare(arguments: argparse.Namespace) -> None:
    """Drive in generated towns and in that of a map, in turns."""
    began_s = perf_counter()
    source = OpenDriveTown(arguments.town, file_sha256(arguments.town))
    reading_s = perf_counter() - began_s
    kinds: dict[str, TownSource | None] = {"generated": None, "opendrive": source}
    towns: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for seed in range(arguments.towns):
        for kind, source_of_kind in kinds.items():
            simulator = EmbeddedSimulator(traffic=arguments.traffic, towns=source_of_kind)
            towns[kind].append(measure(simulator, seed, arguments.ticks))
            simulator.close()
    found = {kind: summary(measured) for kind, measured in towns.items()}
    own, other = found["opendrive"], found["generated"]
    result = {
        "steps_per_s_share": round(own["steps_per_s"] / other["steps_per_s"], 3),
        "cpu_share": round(other["cpu_ms_per_step"] / own["cpu_ms_per_step"], 3),
        "reading_s": round(reading_s, 2),
        **found,
    }
    keep(result, arguments, RESULTS / "simulator_opendrive.json")


def keep(result: dict[str, Any], arguments: argparse.Namespace, path: Path) -> None:
    """Write a result with its settings, and print it."""
    result |= {"traffic": arguments.traffic, "ticks": arguments.ticks}
    print(json.dumps(write_result(arguments.out or path, result), indent=2))


def summary(towns: list[dict[str, Any]]) -> dict[str, Any]:
    """The means over some towns, and each of them."""
    components = {
        name: round(float(np.mean([town["ms"][name] for town in towns])), 3)
        for name in towns[0]["ms"]
    }
    return {
        "steps_per_s": round(1000 / sum(components.values()), 1),
        "cpu_ms_per_step": round(float(np.mean([town["cpu_ms"] for town in towns])), 3),
        "ms_per_step": components,
        "towns": towns,
    }


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
