"""Overhead of `Predictor.predict` over the bare ONNX Runtime session, and its speed against PyTorch
eager.

    python benchmarks/predictor.py BUNDLE [--run RUN] [--frames 2000] [--threads 1]

All variants predict from the same frames in one process, one after the other on each frame and in
an order that rotates, so that whatever else the machine does hits them alike. Bare sessions have
the predictor's own session options. The result goes to benchmarks/results/predictor.json with the
machine and the commit.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from auxdrive.bundles import MODEL_NAME, Bundle
from auxdrive.checks.parity import observations, read_reference
from auxdrive.predictor import Predictor
from auxdrive.runtimes.onnx_runtime import import_onnxruntime, session_options
from auxdrive.types import Observation
from record import write_result

RESULT = Path(__file__).parent / "results" / "predictor.json"
WARM_UP_FRAMES = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument(
        "--run", type=Path, help="the training run of the bundle, to time PyTorch eager too"
    )
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    bundle = Bundle.open(arguments.bundle)
    reference = read_reference(bundle)
    frames = list(observations(bundle.card, reference.images, reference.ego))
    with Predictor.load(bundle, threads=arguments.threads) as predictor:
        variants = {
            "predictor": lambda observation: predictor.predict(observation),
            "bare run": bare_run(bundle, arguments.threads),
            "bare io binding": bare_binding(bundle, arguments.threads),
        }
        if arguments.run is not None:
            variants["torch eager"] = torch_eager(arguments.run, arguments.threads)
        latencies_ms = measure(variants, frames, arguments.frames)
    result = {
        "bundle": bundle.card.name,
        "backbone": bundle.card.training.backbone,
        "image": [bundle.card.camera.height, bundle.card.camera.width],
        "threads": arguments.threads,
        "frames": arguments.frames,
        "latency_ms": {name: percentiles(values) for name, values in latencies_ms.items()},
        "p50_ratio_to_bare_run": ratio(latencies_ms, "bare run"),
        "p50_ratio_to_bare_io_binding": ratio(latencies_ms, "bare io binding"),
        "p50_ratio_of_torch_eager_to_predictor": ratio(latencies_ms, "predictor", "torch eager"),
    }
    print(json.dumps(write_result(arguments.out, result), indent=2))


def _session(bundle: Bundle, threads: int) -> Any:
    ort = import_onnxruntime()
    return ort.InferenceSession(
        bundle.read(MODEL_NAME), session_options(ort, threads), providers=["CPUExecutionProvider"]
    )


def _feeds(observation: Observation, names: set[str]) -> dict[str, Any]:
    values: dict[str, Any] = {"image": observation.image[None]}
    if "speed_mps" in names:
        values["speed_mps"] = np.array([[observation.speed_mps]], np.float32)
    if "target_ego_m" in names:
        values["target_ego_m"] = np.array([observation.target_ego_m], np.float32)
    return values


def bare_run(bundle: Bundle, threads: int) -> Callable[[Observation], object]:
    """`session.run` on prepared arrays: what most deployments write."""
    session = _session(bundle, threads)
    names = {spec.name for spec in bundle.card.inputs}
    return lambda observation: session.run(None, _feeds(observation, names))


def bare_binding(bundle: Bundle, threads: int) -> Callable[[Observation], object]:
    """The least there is: buffers bound once, the frame copied in, no checks, no result object."""
    ort = import_onnxruntime()
    session = _session(bundle, threads)
    binding = session.io_binding()
    buffers: dict[str, Any] = {}
    for kind, specs in (("in", bundle.card.inputs), ("out", bundle.card.outputs)):
        for spec in specs:
            buffers[spec.name] = np.zeros([1, *(int(axis) for axis in spec.shape[1:])], spec.dtype)
            value = ort.OrtValue.ortvalue_from_numpy(buffers[spec.name])
            (binding.bind_ortvalue_input if kind == "in" else binding.bind_ortvalue_output)(
                spec.name, value
            )

    def call(observation: Observation) -> None:
        buffers["image"][0] = observation.image
        if "speed_mps" in buffers:
            buffers["speed_mps"][0, 0] = observation.speed_mps
        if "target_ego_m" in buffers:
            buffers["target_ego_m"][0] = observation.target_ego_m
        session.run_with_iobinding(binding)

    return call


def torch_eager(run: Path, threads: int) -> Callable[[Observation], object]:
    """The trained student itself."""
    import torch
    from auxdrive_train.agents.entry import load_agent

    torch.set_num_threads(threads)
    agent = load_agent(run, "student")
    if agent is None:
        raise SystemExit(f"{run}: no training run")
    return lambda observation: agent.act(observation, {})


def measure(
    variants: dict[str, Callable[[Observation], object]], frames: list[Observation], count: int
) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Milliseconds of every call, (count,) per variant."""
    names = list(variants)
    latencies = {name: np.zeros(count) for name in names}
    for index in range(-WARM_UP_FRAMES, count):
        observation = frames[index % len(frames)]
        for turn in range(len(names)):
            name = names[(index + turn) % len(names)]
            begin = perf_counter()
            variants[name](observation)
            elapsed_ms = (perf_counter() - begin) * 1e3
            if index >= 0:
                latencies[name][index] = elapsed_ms
    return latencies


def percentiles(values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
    p50, p90, p99 = np.percentile(values, (50, 90, 99))
    return {
        "p50": round(float(p50), 4),
        "p90": round(float(p90), 4),
        "p99": round(float(p99), 4),
        "worst": round(float(values.max()), 4),
    }


def ratio(
    latencies: dict[str, np.ndarray[Any, np.dtype[np.float64]]],
    below: str,
    above: str = "predictor",
) -> float | None:
    if above not in latencies:
        return None
    return round(float(np.median(latencies[above]) / np.median(latencies[below])), 4)


if __name__ == "__main__":
    main()
