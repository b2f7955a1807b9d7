"""Training samples/s on an idle machine and beside a busy process, with OpenMP's idle threads
asleep (ours) and spinning (its default).

    python benchmarks/busy.py [--repeats 3] [--epochs 4] [--busy 1] [--out FILE]

PilotNet with batch norm at 64x128, batches of 32, baseline and SAMD, on a data set of random
images that is written first. Every measurement is an `auxdrive train` of its own, in turn, so
that what else the machine does hits them alike. The busy process computes without a pause; `--busy`
says how many of them there are. The result goes to benchmarks/results/busy.json: the median of the
epochs but the first of each phase, and over the repeats its median, least and largest.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.state import STATE_DTYPE
from auxdrive.machine.openmp import PASSIVE
from auxdrive.modalities import Modality
from auxdrive.runs import RunFolder
from record import RESULTS, write_result

SIZE = (64, 128)
BATCH = 32
FRAMES = 480
METHODS = {"baseline": [], "samd": ["--aux", "depth", "--set", "options.epochs_per_round=2"]}
# libgomp's own default, said aloud: a user's value wins over what auxdrive sets.
WAITING = {
    "asleep (as auxdrive sets it)": {},
    "spinning (OpenMP's default)": {"GOMP_SPINCOUNT": "300000"},
}
COMMAND = [sys.executable, "-c", "from auxdrive.cli import main; main()", "train"]


def main() -> None:
    """Measure every case and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--busy", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS / "busy.json")
    arguments = parser.parse_args()
    measured: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = write_data(Path(folder) / "data")
        for repeat in range(arguments.repeats):
            for method in METHODS:
                for beside, processes in (
                    ("alone", 0),
                    (f"beside {arguments.busy} busy process(es)", arguments.busy),
                ):
                    for waiting, variables in WAITING.items():
                        name = f"{method}, {beside}, {waiting}"
                        out = Path(folder) / f"{method}-{processes}-{waiting.split()[0]}-{repeat}"
                        with busy(processes):
                            measured.setdefault(name, []).append(
                                samples_per_s(method, data, out, arguments.epochs, variables)
                            )
                        print(f"{name}: {measured[name][-1]:.0f} samples/s", flush=True)
    rates = {
        name: {"median": statistics.median(values), "least": min(values), "most": max(values)}
        for name, values in measured.items()
    }
    write_result(
        arguments.out,
        {
            "samples_per_s": rates,
            "size": SIZE,
            "batch": BATCH,
            "frames": FRAMES,
            "busy": arguments.busy,
        },
    )


def write_data(root: Path) -> Path:
    """Random images and depths at the network's size: little but the network is measured."""
    rng = np.random.default_rng(0)
    modalities = (Modality.RGB, Modality.DEPTH)
    for name, frames in {"train-0": FRAMES, "val-0": BATCH}.items():
        with EpisodeWriter(root, name, modalities) as writer:
            for index in range(frames):
                state = np.zeros((), dtype=STATE_DTYPE)
                state["time_s"], state["x_m"], state["speed_mps"], state["steer_rad"] = (
                    index * 0.1,
                    index * 0.4,
                    4.0,
                    rng.normal(0, 0.1),
                )
                image = rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8)
                writer.append(
                    {
                        Modality.RGB: image,
                        Modality.DEPTH: rng.integers(0, 9000, SIZE, dtype=np.uint16),
                    },
                    state,
                )
    splits = {"train": ("train-0",), "val": ("val-0",)}
    camera = CameraSpec(width=SIZE[1], height=SIZE[0])
    write_card(
        root,
        DatasetCard(
            name="random", rate_hz=10.0, modalities=modalities, camera=camera, splits=splits
        ),
    )
    return root


@contextmanager
def busy(count: int) -> Iterator[None]:
    """That many processes that compute without a pause."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def samples_per_s(
    method: str, data: Path, out: Path, epochs: int, variables: dict[str, str]
) -> float:
    """Median over the epochs that read no cold file."""
    environment = {
        **{name: value for name, value in os.environ.items() if name not in PASSIVE},
        **variables,
    }
    settings = [
        f"batch_size={BATCH}",
        f"preprocessing.size=[{SIZE[0]},{SIZE[1]}]",
        "backbone=pilotnet_bn",
    ]
    options = [
        "--data",
        data,
        "--method",
        method,
        "--task",
        "steering",
        "--epochs",
        epochs,
        "--out",
        out,
        *METHODS[method],
    ]
    chosen = [part for setting in settings for part in ("--set", setting)]
    subprocess.run(
        [*COMMAND, *map(str, options), *chosen], env=environment, check=True, capture_output=True
    )
    records = RunFolder(out).epochs()
    rates = [float(record["samples_per_s"]) for record in records if record["epoch"] > 1]
    return round(statistics.median(rates), 1)


if __name__ == "__main__":
    main()
