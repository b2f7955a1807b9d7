"""All of auxdrive's GPU code in one command, on a machine with an NVIDIA GPU: students are trained
on it and exported, and every runtime on every device that is there runs them.

    python benchmarks/gpu_check.py [--out DIR] [--quick] [--result FILE]

Records a little driving, trains PilotNet (steering) and ResNet-18 (waypoints) with SAMD on the GPU
in bf16, exports both, and then measures for each runtime and device: whether the reference
predictions come out, the time of a call from a frame in memory to a prediction and of the session
alone, and for TensorRT the engine's own time without copies, as trtexec counts it. Training: see
`gpu_training`. What fails is in the result with its reason, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import gpu_training
import numpy as np
from auxdrive.bundles import Bundle
from auxdrive.checks.parity import observations, read_reference
from auxdrive.checks.predictions import check_predictions
from auxdrive.machine.capabilities import loaded
from auxdrive.machine.facts import probe_runtime
from auxdrive.predictor import Predictor
from auxdrive.runtimes import RUNTIMES
from auxdrive.runtimes.tensorrt.session import TensorRtSession
from record import RESULTS, write_result

AUXDRIVE = (sys.executable, "-m", "auxdrive")
MODELS = {
    "pilotnet": ("steering", "66,200"),
    "resnet18": ("waypoints", "144,256"),
}


def main() -> None:
    """Train, export, run everywhere, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="keep data, runs and bundles here")
    parser.add_argument("--quick", action="store_true", help="fewer frames and calls")
    parser.add_argument("--result", type=Path, default=RESULTS / "gpu_check.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = arguments.out or Path(folder)
        frames, calls, steps = (300, 200, 10) if arguments.quick else (2000, 2000, 50)
        parts: dict[str, Callable[[], Any]] = {
            "gpu": gpu_training.gpu,
            "training": lambda: gpu_training.measure(steps),
            "bundles": lambda: bundles(out, frames),
            **{name: partial(everywhere, out / "bundles" / name, calls) for name in MODELS},
        }
        results: dict[str, Any] = {}
        for name, work in parts.items():
            results[name] = tried(work)
            print(json.dumps({name: results[name]}, indent=2), flush=True)
            # each time, so that a run that is cut off loses the part alone that it was at
            write_result(arguments.result, results)
    failed = failures(results)
    for each in failed:
        print(f"FAILED {each}", file=sys.stderr)
    sys.exit(1 if failed else 0)


def tried(work: Callable[[], Any]) -> Any:
    """What `work` returns, or its failure: one that fails takes no other measurement away."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001  # whatever fails on a foreign machine is the result
        return {"failed": f"{type(error).__name__}: {error}"}


def failures(results: Any, where: str = "") -> list[str]:
    """Where in the results something failed, and why."""
    if not isinstance(results, dict):
        return []
    found = [f"{where}: {results['failed']}"] if "failed" in results else []
    for key, value in results.items():
        found += failures(value, f"{where}/{key}")
    return found


def bundles(out: Path, frames: int) -> dict[str, Any]:
    """Record (what is there already is taken as it is), train on the GPU in bf16, and export.
    Returns the wall time of each command.
    """
    data, seconds = out / "data", {}
    if not data.exists():
        sensors = ("--modalities", "rgb,lidar,depth", "--size", "256x144")
        seconds["collect"] = run("collect", "--out", data, "--frames", frames, *sensors)
    for backbone, (task, size) in MODELS.items():
        folder = out / "runs" / backbone
        if not folder.exists():
            settings = ("device=cuda", "precision=bf16-mixed", f"backbone={backbone}")
            seconds[f"train {backbone}"] = run(
                *("train", "--data", data, "--task", task, "--method", "samd", "--aux", "lidar"),
                *(word for each in settings for word in ("--set", each)),
                *("--set", f"preprocessing.size=[{size}]", "--epochs", 20, "--out", folder),
            )
        if not (out / "bundles" / backbone).exists():
            words = ("export", folder, "--out", out / "bundles" / backbone)
            seconds[f"export {backbone}"] = run(*words, "--precision", "fp16,int8", code=1)
    return seconds


def run(*words: object, code: int = 0) -> float:
    """Run a command of auxdrive.

    Args:
        words: of the command.
        code: a further exit code that is right: 1 for an export of which a precision failed its
            gates, and which is there without it.

    Returns:
        Its wall time in seconds.

    Raises:
        RuntimeError: it failed.
    """
    begin_s = perf_counter()
    done = subprocess.run(
        [*AUXDRIVE, *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, code):
        raise RuntimeError(f"auxdrive {words[0]}: {done.stderr.strip().splitlines()[-1:]}")
    return round(perf_counter() - begin_s, 2)


def everywhere(folder: Path, calls: int) -> dict[str, Any]:
    """A bundle on every device that is there; for the others, why they are not.

    Raises:
        BundleError: there is no bundle.
    """
    bundle, found = Bundle.open(folder), {}
    for name, spec in loaded(RUNTIMES).specs.items():
        package = probe_runtime(spec)
        devices = package.facts.get("devices", {})
        for device in spec.devices:
            why = package.problem or devices.get(device, "")
            for precision in bundle.precisions:
                work = partial(on, bundle, name, device, precision, calls)
                found[f"{name} on {device}, {precision}"] = (
                    {"not there": why} if why else tried(work)
                )
    return found


def on(bundle: Bundle, runtime: str, device: str, precision: str, calls: int) -> dict[str, Any]:
    """Parity and times in milliseconds of a bundle on one device.

    Raises:
        AuxdriveError: it cannot be loaded, or a check of what it predicts fails.
    """
    checks = {c.name: c for c in check_predictions(bundle, runtime, device, None, precision)}
    card, reference = bundle.card, read_reference(bundle)
    begin_s = perf_counter()
    with Predictor.load(bundle, runtime, device, precision=precision) as predictor:
        loaded_s = perf_counter() - begin_s
        frames = list(observations(card, reference.images, reference.ego))
        session = predictor.session
        predicted = [
            timed(partial(predictor.predict, frames[call % len(frames)])) for call in range(calls)
        ]
        alone = [timed(session.run) for _ in range(calls)]
        measured = {
            "providers": predictor.providers,
            "load_s": round(loaded_s, 3),
            f"worst_{checks['parity'].unit}": checks["parity"].value,
            "limit": checks["parity"].limit,
            "predict_ms": percentiles(predicted),
            "session_ms": percentiles(alone),
        }
        if isinstance(session, TensorRtSession):
            own = session.engine_ms(calls)
            measured["engine_ms"] = round(own, 4)
            measured["p50 of the session / engine"] = round(float(np.median(alone)) / own, 3)
    if failed := [check for check in checks.values() if not check.passed]:
        measured["failed"] = "; ".join(
            f"{c.name}: {c.value} {c.unit}, limit {c.limit} ({c.detail})" for c in failed
        )
    return measured


def timed(work: Callable[[], object]) -> float:
    """The time of a call in milliseconds."""
    begin_s = perf_counter()
    work()
    return (perf_counter() - begin_s) * 1e3


def percentiles(values: list[float]) -> dict[str, float]:
    """Median and 99th percentile."""
    return {f"p{each}": round(float(np.percentile(values, each)), 4) for each in (50, 99)}


if __name__ == "__main__":
    main()
