"""Latency targets of the vehicle's part as ratios, in one run on one machine.

    python benchmarks/targets.py [--pilotnet BUNDLE [--pilotnet-run RUN]]
        [--resnet18 BUNDLE [--resnet18-run RUN]] [--calls 1000] [--quick]

For each model: the path from a frame to a command over the bare session and cold starts
(`auxdrive.bench_bundle`, every runtime and precision that is here); then, in one process and call
by call in turn, the path and the bare session of those that are exact against PyTorch eager and
frozen inductor with the same preprocessing. For the ResNet also its share of what one core computes
at most, by a loop of multiply-adds (`fma.c`, compiled here) between its calls (multiply-adds of the
network are counted by torch); int8 against fp32 in each runtime; and a camera of 1280 x 720 against
OpenCV's area resize and the bare network. And the megabytes of the base install. All on one thread,
pinned to the last processor.

Give bundles of trained students, exported with `--precision fp16,int8`: what is said of precisions
counts where they passed their gates. With its run, whose data are at hand, a runtime's own
precision (bf16 in OpenVINO) is judged by the same gates, where it is too inexact for parity.
Without bundles, networks with random weights are exported first, in fp32 alone.

The result goes to benchmarks/results/targets.json with the machine and the commit: what was
measured, and `targets`, each with what is asked for and whether it was met (null: not measured).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive import BenchReport, Bundle, bench_bundle
from auxdrive.bench.path import bare_session, drive_of, frames_of, whole_path
from auxdrive.bench.record import BenchRow
from auxdrive.cards import PrecisionGate
from auxdrive.checks.parity import read_reference
from auxdrive.machine.load import last_cpus, pin
from auxdrive.precisions import FP32
from base_install import base_install_mb
from record import RESULTS, write_result
from target_gates import gates_here, passed, said_of_gates
from target_list import targets_of
from target_ways import (
    Ways,
    exact,
    fma,
    gflop,
    in_turn,
    large_frame,
    loaded,
    percentiles,
    torch_ways,
)

MODELS = {
    "pilotnet": ("pilotnet", "steering", (66, 200)),
    "resnet18": ("resnet18", "waypoints", (144, 256)),
}
LARGE = (720, 1280)
COMPILED = "torch inductor, frozen"


def main() -> None:
    """Measure everything and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in MODELS:
        parser.add_argument(f"--{name}", type=Path, help="a bundle; random weights by default")
        parser.add_argument(f"--{name}-run", type=Path, help="the run that it was exported from")
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
            run = getattr(arguments, f"{name}_run")
            models[name] = measured(Bundle.open(bundle), run, calls, arguments.quick, Path(home))
            print(json.dumps({name: models[name]}, indent=2), flush=True)
        large, small = (
            Bundle.open(written(Path(home) / name, *MODELS["resnet18"], camera))
            for name, camera in (("large", LARGE), ("small", None))
        )
        of_large = large_frame(large, small, calls)
    found = {"models": models, "frame_1280x720": of_large, "base_install_mb": base_install_mb()}
    result = {"calls": calls, "threads": 1, "targets": targets_of(found), **found}
    write_result(arguments.out, result)
    print(json.dumps({name: result[name] for name in ("frame_1280x720", "targets")}, indent=2))


def written(
    folder: Path,
    backbone: str,
    task: str,
    size: tuple[int, int],
    camera: tuple[int, int] | None = None,
) -> Path:
    """A bundle with random weights (see `write_random_bundle`)."""
    from random_bundles import write_random_bundle

    return write_random_bundle(folder, backbone, task, size, camera)


def measured(
    bundle: Bundle, run: Path | None, calls: int, quick: bool, home: Path
) -> dict[str, Any]:
    """All that is said of one model.

    Args:
        bundle: of the model.
        run: that it was exported from; None where it is not at hand.
        calls: of each way.
        quick: whether few fresh processes are enough, and inductor is left out.
        home: a folder for what is compiled.
    """
    settings = {"calls": calls, "loop_s": 0.0, "cold_starts": 2 if quick else 11, "energy_s": 0.0}
    report = bench_bundle(bundle, None, settings)
    gates = {} if run is None else judged(bundle, run, report)
    right = [
        row
        for row in report.rows
        if row.state == "measured" or passed(gates.get(row.subject.name, ()))
    ]
    together = in_one_process(bundle, right, calls, quick, home)
    return {
        "bundle": bundle.card.name,
        "backbone": bundle.card.training.backbone,
        "image": [bundle.card.camera.height, bundle.card.camera.width],
        "network_input": list(bundle.card.preprocessing.size),
        "path": report.path,
        "noise": report.noise,
        "runtimes": {row.subject.name: said_of(bundle, row, gates) for row in report.rows},
        "int8_against_fp32": int8_against_fp32(report),
        **ratios(report, together),
    }


def judged(bundle: Bundle, run: Path, report: BenchReport) -> dict[str, tuple[PrecisionGate, ...]]:
    """The gates of each runtime's own precision that is too inexact for parity.

    Args:
        bundle: that was measured.
        run: that it was exported from.
        report: what was measured.
    """
    found = {}
    for row in report.rows:
        if row.state == "wrong" and row.subject.graph == FP32:
            with loaded(bundle, row.subject) as predictor:
                found[row.subject.name] = gates_here(bundle, predictor, run)
    return found


def said_of(
    bundle: Bundle, row: BenchRow, gates: dict[str, tuple[PrecisionGate, ...]]
) -> dict[str, Any]:
    """What `bench_bundle` measured of a runtime, and why its precision may be driven by.

    Args:
        bundle: that was measured.
        row: of the runtime.
        gates: that were measured here, by the subject's name.
    """
    if row.latency is None or row.bare is None or row.overhead is None:
        return {"state": row.state, "why": row.why}
    return {
        "state": row.state,
        "why": row.why,
        **({} if row.exactness is None else {"exactness": row.exactness.model_dump()}),
        "gates": said_of_gates(bundle, row.subject, gates),
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


def int8_against_fp32(report: BenchReport) -> dict[str, Any]:
    """For each runtime that has measured both, how many times as fast int8 is, of the medians."""
    fp32 = {(row.subject.runtime, row.subject.device): row for row in report.rows if exact(row)}
    found = {}
    for row in report.rows:
        plain = fp32.get((row.subject.runtime, row.subject.device))
        if row.subject.graph != "int8" or plain is None or row.state != "measured":
            continue
        if row.bare is None or row.latency is None or plain.bare is None or plain.latency is None:
            continue
        found[f"{row.subject.runtime}:{row.subject.device}"] = {
            "bare": round(plain.bare.p50_ms / row.bare.p50_ms, 3),
            "path": round(plain.latency.p50_ms / row.latency.p50_ms, 3),
        }
    return found


def ratios(report: BenchReport, together: dict[str, Any]) -> dict[str, Any]:
    """Ratios to torch, of what was measured in one process, and the share of the core's peak."""
    p50 = {name: found["p50"] for name, found in together["ms"].items()}
    paths = {name: ms for name, ms in p50.items() if name.endswith(" path")}
    best = min(paths, key=paths.__getitem__)
    fp32 = {
        row.subject.name: row.bare.p50_ms
        for row in report.rows
        if row.bare is not None and row.state == "measured" and exact(row)
    }
    fastest = min(fp32, key=fp32.__getitem__)
    found: dict[str, Any] = {
        **together,
        "best": best,
        "eager_times_best_path": round(p50["torch eager"] / paths[best], 3),
        "fp32": list(fp32),
        "best_fp32": fastest,
    }
    if COMPILED in p50:
        found["inductor_times_best_fp32"] = round(p50[COMPILED] / p50[f"{fastest} bare"], 3)
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
        rows: of the runtimes that are exact enough.
        calls: of each way.
        quick: whether inductor is left out.
        home: a folder for what is compiled.
    """
    card, reference = bundle.card, read_reference(bundle)
    frames = frames_of(card, np.array(reference.images), reference.ego)  # torch takes no constants
    ways: Ways = {}
    predictors = []
    for row in rows:
        predictor = loaded(bundle, row.subject)
        predictors.append(predictor)
        name, drive = row.subject.name, drive_of(card, None, envelope=True)
        ways[f"{name} path"] = whole_path(predictor, drive)
        ways[f"{name} bare"] = bare_session(predictor.session, card)
    ways |= torch_ways(bundle, inductor=not quick)
    times, peaks = in_turn(ways, frames, calls, fma(home))
    for predictor in predictors:
        predictor.close()
    return {
        "ms": {name: percentiles(values) for name, values in times.items()},
        "network_gflop": gflop(bundle),
        "fma_peak_gflops": round(float(np.median(peaks)), 1) if peaks else None,
        "fma_bursts": [round(peak, 1) for peak in peaks] or "there is no C compiler here",
    }


if __name__ == "__main__":
    main()
