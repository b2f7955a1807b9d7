"""Milliseconds per instant of the embedded simulator's sensors, in a generated town with 20 moving
cars.

    python benchmarks/renderer.py [--seed 0]

CPU time is given beside wall time, for machines that are busy with something else. The result goes
to benchmarks/results/renderer.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from auxdrive.cards import CameraSpec
from auxdrive.types import Pose2
from auxdrive_eval.simulators.embedded.render.panda import PandaRenderer
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.town.generate import generate_town
from auxdrive_eval.simulators.embedded.town.model import CarKind, CarPose, Lane, PropKind, Town
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import LightColour
from record import RESULTS, write_result

CAMERA = CameraSpec(width=256, height=144, fov_deg=90.0, x_m=1.2, z_m=1.5)
INSTANTS = 80
CARS = 20
WEATHERS = {
    "clear": Weather(),
    "fog": Weather(fog_density=50.0),
    "night": Weather(sun_altitude_deg=-20.0),
    "rain": Weather(precipitation=80.0),
}


def drive_through(town: Town, seed: int) -> list[Scene]:
    """Scenes along the longest lanes of a town, with cars on lanes drawn from the seed."""
    rng = np.random.default_rng(seed)
    lanes = sorted(
        (lane for lane in town.lanes.values() if lane.junction_id is None),
        key=lambda lane: -lane.length_m,
    )

    def pose(lane: Lane, share: float) -> tuple[float, float, float]:
        index = int(share * (len(lane.centreline) - 1))
        return (
            float(lane.centreline[index, 0]),
            float(lane.centreline[index, 1]),
            float(lane.yaw_rad[index]),
        )

    kinds = list(CarKind)
    cars = tuple(
        CarPose(
            i,
            kinds[i % 3],
            *pose(lanes[int(rng.integers(len(lanes)))], float(rng.uniform())),
            4.4,
            1.8,
            1.6,
            i,
            i % 2 == 0,
        )
        for i in range(CARS)
    )
    lights = dict.fromkeys(town.lights, LightColour.RED)
    return [
        Scene(0.1 * i, Pose2(*pose(lanes[i // 20 % len(lanes)], (i % 20) / 20)), cars, lights)
        for i in range(INSTANTS)
    ]


def median_ms(draw: Callable[[Scene], object], scenes: list[Scene]) -> tuple[float, float]:
    """Median wall and CPU time of a call, after one pass to build the pool of cars."""
    for scene in scenes:
        draw(scene)
    wall, cpu = [], []
    for scene in scenes:
        start, start_cpu = time.perf_counter(), time.process_time()
        draw(scene)
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    return 1000 * statistics.median(wall), 1000 * statistics.median(cpu)


def main() -> None:
    """Print one line of JSON per weather."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS / "renderer.json")
    arguments = parser.parse_args()
    seed = arguments.seed
    town = generate_town(seed)
    scenes = drive_through(town, seed)
    count = {kind.value: sum(prop.kind is kind for prop in town.props) for kind in PropKind}
    about = {"town": town.name, "bounds": [round(b) for b in town.bounds], **count, "cars": CARS}
    print(json.dumps(about))
    measured = {}
    renderer = PandaRenderer(CAMERA)
    for name, weather in WEATHERS.items():
        start = time.perf_counter()
        renderer.load(town, weather)
        load_ms = 1000 * (time.perf_counter() - start)
        calls: dict[str, Callable[[Scene], object]] = {
            "rgb": renderer.rgb,
            "depth_and_segmentation": renderer.depth_and_segmentation,
            "lidar": renderer.lidar_points,
            "all": lambda scene: (
                renderer.rgb(scene),
                renderer.depth_and_segmentation(scene),
                renderer.lidar_points(scene),
            ),
        }
        times_ms = {call: median_ms(draw, scenes) for call, draw in calls.items()}
        shown = {
            call: {"wall": round(wall, 2), "cpu": round(cpu, 2)}
            for call, (wall, cpu) in times_ms.items()
        }
        measured[name] = {"load_ms": round(load_ms), "median_ms": shown}
        print(json.dumps({"weather": name, **measured[name]}))
    renderer.close()
    write_result(arguments.out, {**about, "weathers": measured})


if __name__ == "__main__":
    main()
