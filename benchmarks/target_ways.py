"""Ways from a frame to what a network makes of it, which are timed call by call in turn in one
process; and the loop of multiply-adds that says what the core computes at most.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from auxdrive import Bundle, Predictor, bench_bundle
from auxdrive.bench.path import Frame, bare_session, drive_of, frames_of, whole_path
from auxdrive.bench.record import BenchRow
from auxdrive.bench.subjects import BenchSubject
from auxdrive.checks.parity import read_reference
from auxdrive.precisions import FP32
from auxdrive.runtimes import Session
from auxdrive.types import Float64

WARM_UP = 20
PEAK_EVERY = 100
"""Calls between two bursts of the loop of multiply-adds."""
EXACT = "f32"
"""The precision of a runtime that computes a graph in fp32 as it is."""
Ways = dict[str, Callable[[Frame], object]]


def in_turn(
    ways: Ways,
    frames: list[Frame],
    calls: int,
    burst: Callable[[], float] | None = None,
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


def torch_ways(bundle: Bundle, inductor: bool) -> Ways:
    """The network itself, random weights, with its preprocessing, on one thread: from a
    frame to its prediction.

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


def opencv_way(bundle: Bundle, session: Session) -> Callable[[Frame], object]:
    """OpenCV's area resize of a larger frame to the size of a bundle's camera, on one thread, and
    the bare session.

    Args:
        bundle: of the session.
        session: that takes the smaller frame.
    """
    import cv2

    cv2.setNumThreads(1)
    camera, call = bundle.card.camera, bare_session(session, bundle.card)
    small = np.empty((camera.height, camera.width, 3), np.uint8)

    def resized(frame: Frame) -> object:
        size = camera.width, camera.height
        cv2.resize(frame.image, size, dst=small, interpolation=cv2.INTER_AREA)
        return call(Frame(small, frame.ego, frame.numbers, frame.speed_mps))

    return resized


def exact(row: BenchRow) -> bool:
    """Whether a row is the graph in fp32, computed in fp32."""
    subject = row.subject
    return subject.graph == FP32 and subject.options.get("precision", EXACT) == EXACT


def loaded(bundle: Bundle, subject: BenchSubject) -> Predictor:
    """A predictor with one thread."""
    return Predictor.load(
        bundle,
        subject.runtime,
        subject.device,
        1,
        options=subject.options,
        precision=subject.graph,
    )


def large_frame(large: Bundle, small: Bundle, calls: int) -> dict[str, Any]:
    """A large frame, which the graph shrinks itself, against OpenCV's area resize and the bare
    network at the size of its input: for each runtime that is here, in fp32, milliseconds and the
    ratios of the medians.

    Args:
        large: whose camera has more pixels than its network takes.
        small: of the same network, whose camera has as many as that takes.
        calls: of each way.
    """
    report = bench_bundle(large, None, {"calls": 1, "cold_starts": 0, "loop_s": 0, "energy_s": 0})
    subjects = [row.subject for row in report.rows if row.state == "measured" and exact(row)]
    reference = read_reference(large)
    frames = frames_of(large.card, np.array(reference.images), reference.ego)
    found = {}
    for subject in subjects:
        with loaded(large, subject) as whole, loaded(small, subject) as bare:
            times, _ = in_turn(
                {
                    "path": whole_path(whole, drive_of(large.card, None, envelope=True)),
                    "session": bare_session(whole.session, large.card),
                    "opencv and bare": opencv_way(small, bare.session),
                },
                frames,
                calls,
            )
        ms = {name: percentiles(values) for name, values in times.items()}
        other = ms["opencv and bare"]["p50"]
        found[subject.name] = {
            "ms": ms,
            "path_times_opencv": round(ms["path"]["p50"] / other, 4),
            "session_times_opencv": round(ms["session"]["p50"] / other, 4),
        }
    return found
