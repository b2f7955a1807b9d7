"""What a camera's size costs in the vehicle: time and memory of one call, from 256 x 144 to 3840 x
2160.

    python benchmarks/camera_size.py [--frames 100] [--out FILE]

PilotNet with batch norm at 66 x 200, random weights, one thread, ONNX Runtime as the predictor has
it: the frame is copied into the session's buffer, or from a mebibyte on read where it lies, and the
graph runs. In the same process and in turn: Pillow's box reduce of the same frame (from the array,
as a camera gives it, and back; and without both ways) and the bare network on an image of its own
size; and the graph that casts first, as TensorRT needs it and as all graphs were up to commit
2056b8d. Memory is the most that a process of its own holds while it predicts, above that of the
smallest camera, frame and buffer included. The result goes to benchmarks/results/camera_size.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from auxdrive.bundles import IMAGE_INPUT
from auxdrive.cards import PreprocessingSpec, TensorSpec
from auxdrive.runtimes import DEFAULT_RUNTIME, open_session
from auxdrive.types import UInt8
from PIL import Image
from record import RESULTS, write_result

CAMERAS = ((256, 144), (640, 360), (1280, 720), (1920, 1080), (3840, 2160))
SIZE = (66, 200)
WARM_UP = 5
PILLOW = "Pillow's reduce and the bare network"
PILLOW_ALONE = "Pillow's reduce of an image of its own and the bare network"


def main() -> None:
    """Measure every camera and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--out", type=Path, default=RESULTS / "camera_size.json")
    parser.add_argument(
        "--memory", type=Path, help=argparse.SUPPRESS
    )  # what the process of its own does
    arguments = parser.parse_args()
    if arguments.memory is not None:
        print(most_mib(arguments.memory.read_bytes()))
        return
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for width, height in CAMERAS:
            graphs = {
                order: exported(height, width, order == "cast first")
                for order in ("as exported", "cast first")
            }
            row = timed(graphs, exported(*SIZE, False), height, width, arguments.frames)
            for order, graph in graphs.items():
                path = Path(folder) / "graph.onnx"
                path.write_bytes(graph)
                own = subprocess.run(
                    [sys.executable, __file__, "--memory", str(path)],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                row[f"MiB, {order}"] = float(own.stdout)
            results[f"{width} x {height}"] = row
    smallest = results[f"{CAMERAS[0][0]} x {CAMERAS[0][1]}"]
    least = {name: value for name, value in smallest.items() if name.startswith("MiB")}
    for row in results.values():
        row.update({name: round(row[name] - value, 1) for name, value in least.items()})
    for camera, row in results.items():
        print(f"{camera}: {json.dumps(row)}")
    write_result(
        arguments.out,
        {"results": results, "threads": 1, "network": f"pilotnet_bn at {SIZE[0]} x {SIZE[1]}"},
    )


def exported(height: int, width: int, cast_first: bool) -> bytes:
    """PilotNet for a camera of height x width."""
    import torch
    from auxdrive.modalities import Modality
    from auxdrive_deploy.student_graph import to_onnx
    from auxdrive_train.models.build import Build
    from auxdrive_train.models.networks import SingleNetwork
    from auxdrive_train.tasks.steering_angle import SteeringTask

    torch.manual_seed(0)
    network = SingleNetwork(
        Modality.RGB, Build("pilotnet_bn", PreprocessingSpec(size=SIZE), SteeringTask())
    )
    return to_onnx(network, SteeringTask(), height, width, cast_first)


def call_of(graph: bytes, height: int, width: int) -> Callable[[UInt8], None]:
    """One call as the predictor makes it."""
    image = TensorSpec(name=IMAGE_INPUT, shape=(1, height, width, 3), dtype="uint8", unit="")
    steer = TensorSpec(name="steer_rad", shape=(1, 1), dtype="float32", unit="rad")
    session = open_session(DEFAULT_RUNTIME, graph, [image], [steer])

    def call(frame: UInt8) -> None:
        np.copyto(session.inputs[IMAGE_INPUT][0], frame)
        session.run()

    return call


def timed(
    graphs: dict[str, bytes], bare: bytes, height: int, width: int, frames: int
) -> dict[str, Any]:
    """Milliseconds of each way, p50 and p99, and how many times Pillow's reduce and the bare
    network the exported graph takes.
    """
    block = (max(width // SIZE[1], 1), max(height // SIZE[0], 1))
    network, small = call_of(bare, *SIZE), np.zeros((*SIZE, 3), np.uint8)

    def pillow(frame: UInt8) -> None:
        np.asarray(Image.fromarray(frame).reduce(block))
        network(small)

    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(frame)

    def pillow_alone(_: UInt8) -> None:
        image.reduce(block)
        network(small)

    ways: dict[str, Callable[[UInt8], None]] = {
        name: call_of(graph, height, width) for name, graph in graphs.items()
    }
    ways |= {PILLOW: pillow, PILLOW_ALONE: pillow_alone, "bare network": lambda _: network(small)}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for index in range(-WARM_UP, frames):
        for name, way in ways.items():
            begin = perf_counter()
            way(frame)
            if index >= 0:
                taken[name].append((perf_counter() - begin) * 1e3)
    row: dict[str, Any] = {}
    for name, values in taken.items():
        p50, p99 = np.percentile(values, (50, 99))
        row[f"ms, {name}"] = {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}
    for theirs in (PILLOW, PILLOW_ALONE):
        row[f"as exported, times {theirs}"] = round(
            float(np.median(taken["as exported"]) / np.median(taken[theirs])), 3
        )
    return row


def most_mib(graph: bytes) -> float:
    """The most memory that this process has held, after some calls of the graph."""
    import onnx

    _, height, width, _ = (
        axis.dim_value
        for axis in onnx.load_from_string(graph).graph.input[0].type.tensor_type.shape.dim
    )
    call, frame = call_of(graph, height, width), np.full((height, width, 3), 7, np.uint8)
    for _ in range(WARM_UP):
        call(frame)
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
