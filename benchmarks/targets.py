"""Latency targets of the vehicle's part as ratios, in one run on one machine.

    python benchmarks/targets.py [--pilotnet BUNDLE] [--resnet BUNDLE] [--calls 1000] [--quick]

For each model: the path from a frame to a command over the bare session and cold starts
(`auxdrive.bench_bundle`, every runtime and precision that is here); then, in one process and call
by call in turn, the path and the bare session of those that are exact against PyTorch eager and
frozen inductor with the same preprocessing. For the ResNet also its share of what one core computes
at most, by a loop of multiply-adds (`fma.c`, compiled here) between its calls; multiply-adds of the
network are counted by torch. And the megabytes of the base install, as the files that pip recorded
for auxdrive's dependencies and theirs, with auxdrive's own. All on one thread, pinned to the last
processor. Without bundles, networks with random weights are exported first: their precisions pass
the same comparison, but no gate that needs a trained student.

The result goes to benchmarks/results/targets.json with the machine and the commit.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from auxdrive import BenchReport, Bundle, Predictor, bench_bundle
from auxdrive.bench.path import Frame, bare_session, drive_of, frames_of, whole_path
from auxdrive.bench.record import BenchRow
from auxdrive.checks.parity import read_reference
from auxdrive.machine.load import last_cpus, pin
from auxdrive.types import Float64
from record import RESULTS, write_result

MODELS = {
    "pilotnet": ("pilotnet", "steering", (66, 200)),
    "resnet18": ("resnet18", "waypoints", (144, 256)),
}
WARM_UP = 20
PEAK_EVERY = 100
"""Calls between two bursts of the loop of multiply-adds."""
EXACT = "f32"


def main() -> None:
    """Measure everything and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in MODELS:
        parser.add_argument(f"--{name}", type=Path, help="a bundle; random weights by default")
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument(
        "--quick", action="store_true", help="few calls, no inductor: shows that it works"
    )
    parser.add_argument("--out", type=Path, default=RESULTS / "targets.json")
    arguments = parser.parse_args()
    pin(last_cpus(1))
    calls = 30 if arguments.quick else arguments.calls
    with tempfile.TemporaryDirectory() as home:
        models = {}
        for name, network in MODELS.items():
            bundle = getattr(arguments, name) or written(Path(home) / name, *network)
            models[name] = measured(Bundle.open(bundle), calls, arguments.quick, Path(home))
            print(json.dumps({name: models[name]}, indent=2), flush=True)
    result = {"calls": calls, "threads": 1, "models": models, "base_install_mb": base_install_mb()}
    write_result(arguments.out, result)
    print(json.dumps({"base_install_mb": result["base_install_mb"]}))


def written(folder: Path, backbone: str, task: str, size: tuple[int, int]) -> Path:
    """A bundle with random weights."""
    from random_bundles import write_random_bundle

    return write_random_bundle(folder, backbone, task, size)


def measured(bundle: Bundle, calls: int, quick: bool, home: Path) -> dict[str, Any]:
    """All that is said of one model.

    Args:
        bundle: of the model.
        calls: of each way.
        quick: whether few fresh processes are enough, and inductor is left out.
        home: a folder for what is compiled.
    """
    settings = {"calls": calls, "loop_s": 0.0, "cold_starts": 2 if quick else 11, "energy_s": 0.0}
    report = bench_bundle(bundle, None, settings)
    right = [row for row in report.rows if row.state == "measured"]
    together = in_one_process(bundle, right, calls, quick, home)
    return {
        "bundle": bundle.card.name,
        "backbone": bundle.card.training.backbone,
        "image": [bundle.card.camera.height, bundle.card.camera.width],
        "path": report.path,
        "noise": report.noise,
        "runtimes": {row.subject.name: said_of(row) for row in report.rows},
        **ratios(report, together),
    }


def said_of(row: BenchRow) -> dict[str, Any]:
    """What `bench_bundle` measured of a runtime."""
    if row.latency is None or row.bare is None or row.overhead is None:
        return {"state": row.state, "why": row.why}
    return {
        "state": row.state,
        "why": row.why,
        "p50_ms": round(row.latency.p50_ms, 4),
        "p99_ms": round(row.latency.p99_ms, 4),
        "bare_p50_ms": round(row.bare.p50_ms, 4),
        "bare_p99_ms": round(row.bare.p99_ms, 4),
        "over_bare_us_p50": round(row.overhead.p50_us, 1),
        "times_bare_p50": round(row.overhead.p50_ratio, 4),
        "times_bare_p99": round(row.overhead.p99_ratio, 4),
        "cold_start_s": None if row.cold_start is None else round(row.cold_start.seconds, 3),
        "memory_mib": None if row.memory_mib is None else round(row.memory_mib, 1),
    }


def ratios(report: BenchReport, together: dict[str, Any]) -> dict[str, Any]:
    """Ratios to torch, of what was measured in one process, and the share of the core's peak."""
    p50 = {name: found["p50"] for name, found in together["ms"].items()}
    paths = {name: ms for name, ms in p50.items() if name.endswith(" path")}
    best = min(paths, key=paths.__getitem__)
    fp32 = {
        row.subject.name: row.bare.p50_ms
        for row in report.rows
        if row.bare is not None and row.subject.options.get("precision", EXACT) == EXACT
    }
    fastest = min(fp32, key=fp32.__getitem__)
    found: dict[str, Any] = {
        **together,
        "best": best,
        "eager_times_best_path": round(p50["torch eager"] / paths[best], 3),
        "best_fp32": fastest,
    }
    if "torch inductor, frozen" in p50:
        found["inductor_times_best_fp32"] = round(
            p50["torch inductor, frozen"] / p50[f"{fastest} bare"], 3
        )
    if together["fma_peak_gflops"]:
        # in rounds of its own, where no other network takes its place in the caches
        gflops = together["network_gflop"] / (fp32[fastest] / 1e3)
        found["fp32_gflops"] = round(gflops, 1)
        found["fp32_share_of_fma_peak"] = round(gflops / together["fma_peak_gflops"], 4)
    return found


def in_one_process(
    bundle: Bundle, rows: list[BenchRow], calls: int, quick: bool, home: Path
) -> dict[str, Any]:
    """Milliseconds of every way from the same frames, call by call in turn.

    Args:
        bundle: of the model.
        rows: of the runtimes that are exact.
        calls: of each way.
        quick: whether inductor is left out.
        home: a folder for what is compiled.
    """
    card, reference = bundle.card, read_reference(bundle)
    frames = frames_of(card, np.array(reference.images), reference.ego)  # torch takes no constants
    ways: dict[str, Callable[[Frame], object]] = {}
    predictors = []
    for row in rows:
        subject = row.subject
        predictor = Predictor.load(
            bundle, subject.runtime, subject.device, 1, options=subject.options
        )
        predictors.append(predictor)
        ways[f"{subject.name} path"] = whole_path(predictor, drive_of(card, None, envelope=True))
        ways[f"{subject.name} bare"] = bare_session(predictor.session, card)
    ways |= torch_ways(bundle, inductor=not quick)
    burst = fma(home)
    times, peaks = in_turn(ways, frames, calls, burst)
    for predictor in predictors:
        predictor.close()
    return {
        "ms": {name: percentiles(values) for name, values in times.items()},
        "network_gflop": gflop(bundle),
        "fma_peak_gflops": round(float(np.median(peaks)), 1) if peaks else None,
        "fma_bursts": [round(peak, 1) for peak in peaks] or "there is no C compiler here",
    }


def torch_ways(bundle: Bundle, inductor: bool) -> dict[str, Callable[[Frame], object]]:
    """The network itself, random weights, with its preprocessing: from a frame to its prediction.

    Args:
        bundle: whose network is meant.
        inductor: whether it is compiled too.
    """
    import torch
    from random_bundles import network_of

    torch.set_num_threads(1)
    network = network_of(bundle.card)

    def way(predict: Callable[..., torch.Tensor]) -> Callable[[Frame], object]:
        def call(frame: Frame) -> object:
            numbers = [[number for each in frame.numbers for number in each]]
            with torch.no_grad():
                image = torch.from_numpy(frame.image)[None]
                return predict(image, torch.tensor(numbers, dtype=torch.float32)).numpy()

        return call

    ways = {"torch eager": way(network.predict)}
    if inductor:
        torch._inductor.config.freezing = True
        ways["torch inductor, frozen"] = way(torch.compile(network.predict))
    return ways


def gflop(bundle: Bundle) -> float:
    """Floating-point operations for one frame in 1e9, as torch counts them: two for each
    multiply-add of convolutions and matrix products.
    """
    import torch
    from random_bundles import network_of
    from torch.utils.flop_counter import FlopCounterMode

    card = bundle.card
    image = torch.zeros((1, card.camera.height, card.camera.width, 3), dtype=torch.uint8)
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        network_of(card).predict(image, torch.zeros((1, bundle.ego.width)))
    return float(counted.get_total_flops()) / 1e9


def fma(home: Path) -> Callable[[], float] | None:
    """A burst of the loop of multiply-adds, which gives GFLOP/s; None without a C compiler."""
    program, source = home / "fma", Path(__file__).parent / "fma.c"
    try:
        subprocess.run(
            ["cc", "-O3", "-march=native", "-ffast-math", str(source), "-o", str(program)],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None

    def burst() -> float:
        told = subprocess.run([str(program), "0.1"], check=True, capture_output=True, text=True)
        return float(told.stdout)

    return burst


def in_turn(
    ways: dict[str, Callable[[Frame], object]],
    frames: list[Frame],
    calls: int,
    burst: Callable[[], float] | None,
) -> tuple[dict[str, Float64], list[float]]:
    """Milliseconds of every call, (calls,) for each way, and what each burst gave."""
    names, peaks = list(ways), list[float]()
    times = {name: np.zeros(calls) for name in names}
    for index in range(-WARM_UP, calls):
        if burst is not None and index >= 0 and index % PEAK_EVERY == 0:
            peaks.append(burst())
        for turn in range(len(names)):
            name = names[(index + turn) % len(names)]
            begin = perf_counter()
            ways[name](frames[index % len(frames)])
            if index >= 0:
                times[name][index] = (perf_counter() - begin) * 1e3
    return times, peaks


def percentiles(values: Float64) -> dict[str, float]:
    """p50 and p99 of times."""
    p50, p99 = np.percentile(values, (50, 99))
    return {"p50": round(float(p50), 4), "p99": round(float(p99), 4)}


def base_install_mb() -> dict[str, float]:
    """Megabytes (1e6 bytes) of the base install: in all, and of each distribution."""
    import auxdrive

    found = {name: size / 1e6 for name, size in _sizes("auxdrive", {})}
    own = Path(auxdrive.__file__).parents[2]
    folders = [own / "sdk", own / "train", own / "deploy", own / "carla_eval"]
    found["auxdrive"] = (
        sum(
            file.stat().st_size
            for folder in folders
            for file in folder.rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        )
        / 1e6
    )
    return {"all": round(sum(found.values()), 1), **{n: round(mb, 1) for n, mb in found.items()}}


def _sizes(name: str, known: dict[str, int]) -> Iterator[tuple[str, int]]:
    """A distribution and those that it requires without extras, each once, with its bytes."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in known:
        return
    known[key] = 0
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:  # for another system, or not needed with this Python
        return
    files = [Path(str(file.locate())) for file in distribution.files or ()]
    yield key, sum(os.path.getsize(file) for file in files if file.is_file())
    for line in distribution.requires or ():
        if "extra ==" not in line:
            yield from _sizes(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0], known)


if __name__ == "__main__":
    main()
