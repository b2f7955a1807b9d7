"""Steps per second of the embedded simulator with all its sensors: against another checkout,
against the sum of its parts alone, and on two cores.

    python benchmarks/simulator_steps.py [--base CHECKOUT]
        [--base-module auxdrive_eval.embedded.simulator] [--steps 2000] [--rounds 3]

A step is the expert, the world's tick, RGB, depth, segmentation and LiDAR at 256 x 144, and the
prediction of a PilotNet with random weights; another checkout is compared without the prediction.
Each measurement is a process of its own on one core, and they take turns; what counts is the median
over rounds of the processor time, which other load touches less than the time of day. The result
goes to benchmarks/results/simulator_steps.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "simulator_steps.json"
PACKAGES = ("sdk", "train", "deploy", "carla_eval")
MODULE = "auxdrive_eval.simulators.embedded.simulator"
TRAFFIC, WARM_UP, ROUTE_STEPS = 20, 20, 200
CAMERA, PILOTNET = (144, 256), (66, 200)
PARTS = ("world", "renderer", "predictor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path)
    parser.add_argument("--base-module", default=MODULE)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measured(json.loads(arguments.child))))
        return
    # Not at the top: the processes that measure another checkout have its packages alone.
    from random_bundles import write_random_bundle
    from record import write_result

    with TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        write_random_bundle(bundle, "pilotnet", "waypoints", PILOTNET, CAMERA)
        print(json.dumps(write_result(arguments.out, compared(arguments, bundle)), indent=2))


def compared(arguments: argparse.Namespace, bundle: Path) -> dict[str, Any]:
    """All measurements, and their ratios."""
    here: dict[str, Any] = {"module": MODULE, "steps": arguments.steps, "root": str(ROOT)}
    student = {"bundle": str(bundle)}
    kinds = {
        "whole": {**here, "what": "whole"},
        "whole with student": {**here, **student, "what": "whole"},
        "parts": {**here, **student, "what": "parts"},
    }
    if arguments.base:
        other = {"module": arguments.base_module, "root": str(arguments.base.resolve())}
        kinds["base"] = {**kinds["whole"], **other}
    cpu = max(os.sched_getaffinity(0))
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
    for _ in range(arguments.rounds):
        for name, kind in kinds.items():
            rounds[name].append(finished(started(kind, cpu)))
    ms = {
        name: {key: statistics.median(each[key] for each in runs) for key in runs[0]}
        for name, runs in rounds.items()
    }
    pairs = [at_once(kinds["whole"]) for _ in range(arguments.rounds)]
    whole = ms["whole with student"]["cpu_ms"]
    result: dict[str, Any] = {
        "steps": arguments.steps,
        "cpu_ms": {name: {k: round(v, 3) for k, v in each.items()} for name, each in ms.items()},
        "steps_per_cpu_s": {
            name: round(1000 / each["cpu_ms"], 1) for name, each in ms.items() if name != "parts"
        },
        "whole_over_sum_of_parts": round(whole / sum(ms["parts"].values()), 3),
        "two_workers_times_one": round(statistics.median(pairs), 3),
    }
    if arguments.base:
        result["times_base"] = round(ms["base"]["cpu_ms"] / ms["whole"]["cpu_ms"], 3)
    return result


def started(kind: dict[str, Any], cpu: int) -> subprocess.Popen[str]:
    """A measurement that has begun, in a process on one core."""
    paths = [str(Path(kind["root"]) / name) for name in PACKAGES]
    command = ["taskset", "-c", str(cpu), sys.executable, __file__, "--child", json.dumps(kind)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def finished(process: subprocess.Popen[str]) -> dict[str, float]:
    """What a measurement says."""
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"a measurement ended with {process.returncode}")
    result: dict[str, float] = json.loads(said.splitlines()[-1])
    return result


def at_once(kind: dict[str, Any]) -> float:
    """How many steps per second two processes on two cores make together, against one alone."""
    cpus = sorted(os.sched_getaffinity(0))[-2:]
    alone = finished(started(kind, cpus[-1]))["wall_ms"]
    both = [started(kind, cpu) for cpu in cpus]
    return sum(alone / finished(process)["wall_ms"] for process in both)


def measured(kind: dict[str, Any]) -> dict[str, float]:
    """Milliseconds per step, in this process.

    Args:
        kind: what is measured (`what`: the whole or the parts), of which module, over how many
            steps, and with which bundle.
    """
    from auxdrive.modalities import Modality

    sensors = (Modality.RGB, Modality.DEPTH, Modality.SEGMENTATION, Modality.LIDAR)
    make = import_module(kind["module"]).EmbeddedSimulator
    predict = prediction_by(Path(kind["bundle"])) if kind.get("bundle") else None
    if kind["what"] == "parts":
        return parts(make, predict, kind["steps"])
    simulator = make(traffic=TRAFFIC)

    def step() -> None:
        simulator.step(simulator.expert())
        frames = simulator.sense(sensors)
        if predict is not None:
            predict(frames[Modality.RGB])

    return drive(simulator, step, kind["steps"])


def drive(simulator: Any, step: Callable[[], None], steps: int) -> dict[str, float]:
    """Steps along one route after another; milliseconds of the processor and of the day for each,
    without loading the towns and the first steps of each.
    """
    cpu_s = wall_s = 0.0
    for seed in range(-(-steps // ROUTE_STEPS)):
        route = simulator.random_route(seed)
        simulator.reset(route, seed)
        for _ in range(WARM_UP):
            step()
        cpu_began_s, began_s = process_time(), perf_counter()
        for _ in range(min(ROUTE_STEPS, steps - seed * ROUTE_STEPS)):
            step()
        cpu_s, wall_s = cpu_s + process_time() - cpu_began_s, wall_s + perf_counter() - began_s
    return {"cpu_ms": cpu_s * 1e3 / steps, "wall_ms": wall_s * 1e3 / steps}


def parts(
    make: Callable[..., Any], predict: Callable[[Any], object] | None, steps: int
) -> dict[str, float]:
    """Milliseconds of the processor per step of each part alone: the world without sensors, then
    the sensors on its scenes, then the predictions of the images.
    """
    from auxdrive.data.lidar import bev_histogram
    from auxdrive_eval.simulators.embedded.render.panda import PandaRenderer
    from auxdrive_eval.simulators.embedded.town.generate import town_from_name

    world, seconds = make(traffic=TRAFFIC, render=False), dict.fromkeys(PARTS, 0.0)
    renderer = PandaRenderer(world.camera)

    def sensed(scene: Any) -> Any:
        image = renderer.rgb(scene)
        renderer.depth_and_segmentation(scene)
        bev_histogram(renderer.lidar_points(scene))
        return image

    for route, scenes in driven(world, steps, seconds):
        renderer.load(town_from_name(route.town), route.weather)
        for scene in scenes[:WARM_UP]:
            sensed(scene)
        began_s = process_time()
        images = [sensed(scene) for scene in scenes[WARM_UP:]]
        seconds["renderer"] += process_time() - began_s
        began_s = process_time()
        if predict is not None:
            for image in images:
                predict(image)
        seconds["predictor"] += process_time() - began_s
    return {name: value * 1e3 / steps for name, value in seconds.items()}


def driven(world: Any, steps: int, seconds: dict[str, float]) -> Iterator[tuple[Any, list[Any]]]:
    """The routes of `drive`, and the scenes of their steps; the time is added to "world"."""
    for seed in range(-(-steps // ROUTE_STEPS)):
        route = world.random_route(seed)
        world.reset(route, seed)
        scenes = []
        for index in range(WARM_UP + min(ROUTE_STEPS, steps - seed * ROUTE_STEPS)):
            began_s = process_time()
            world.step(world.expert())
            scenes.append(world.scene())
            if index >= WARM_UP:
                seconds["world"] += process_time() - began_s
        yield route, scenes


def prediction_by(bundle: Path) -> Callable[[Any], object]:
    """From an RGB frame to the bundle's prediction."""
    from auxdrive import Observation, Predictor

    predictor = Predictor.load(bundle)
    ticks = iter(range(1 << 62))
    return lambda frame: predictor.predict(
        Observation(frame, 0.05 * next(ticks), speed_mps=5.0, target_ego_m=(20.0, 0.0))
    )


if __name__ == "__main__":
    main()
