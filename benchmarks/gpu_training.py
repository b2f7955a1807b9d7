"""Training on a GPU: ResNet-18 students of waypoints by SAMD in bf16, as `auxdrive train` trains
them, beside the bare forward and backward of the networks that each phase runs, with and without
`torch.compile`, and as a share of the GPU's peak.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from auxdrive.cards import DatasetCard
from auxdrive.data.dataset import Dataset
from auxdrive.modalities import Modality
from auxdrive.runs import RunFolder
from auxdrive_train.data.batch import Batch
from auxdrive_train.engine.building import build_finished
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import train
from auxdrive_train.methods.contract import STUDENT, TEACHER
from auxdrive_train.models.networks import Output
from auxdrive_train.tasks import make_task
from loader import HEIGHT, WIDTH, random_frame, write_random
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

BATCH = 64
PEAK_SIZE = 8192
SEEN = (Modality.RGB, Modality.LIDAR)
EPISODES, FRAMES = 40, 120
EPOCHS = 4
"""Of each phase; the first reads files into the page cache and tunes kernels, and is left out."""
Step = Callable[[], None]


def gpu() -> dict[str, Any]:
    """The GPU that torch uses.

    Raises:
        RuntimeError: torch sees none.
    """
    if not torch.cuda.is_available():
        raise RuntimeError("torch sees no CUDA device")
    properties = torch.cuda.get_device_properties(0)
    return {
        "name": properties.name,
        "capability": f"{properties.major}.{properties.minor}",
        "memory_gib": round(properties.total_memory / 2**30, 1),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "bf16": torch.cuda.is_bf16_supported(),
    }


def measure(steps: int, device: str = "cuda") -> dict[str, Any]:
    """Measure on the GPU.

    Args:
        steps: how many steps of the bare networks are timed, after a fifth of it to warm up.
        device: where; on another than "cuda" the figures say nothing of a GPU.

    Raises:
        RuntimeError: torch sees no GPU.
    """
    if device == "cuda":
        gpu()
    peak = peak_flops(torch.device(device))
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        write_random(data, SEEN, EPISODES, FRAMES)
        parts = bare_parts(Dataset.open(data).card, steps, torch.device(device), peak)
        engine = trained(data, Path(folder) / "run", device)
    seconds = {name: part["ms"] / 1e3 for name, part in parts.items()}
    bare = {
        TEACHER: BATCH / seconds["teacher, forward and backward"],
        STUDENT: BATCH
        / (seconds["student, forward and backward"] + seconds["teacher, forward alone"]),
    }
    return {
        "batch": BATCH,
        "image": [HEIGHT, WIDTH],
        "peak in bf16, by a product of matrices, TFLOP/s": round(peak / 1e12, 1),
        "bare networks in bf16": parts,
        "auxdrive train": {
            f"{role} phase": {
                **engine[role],
                "bare networks, samples/s": round(bare[role], 1),
                "share of the bare networks": round(engine[role]["samples/s"] / bare[role], 3),
            }
            for role in engine
        },
    }


def settings(data: Path, device: str) -> dict[str, Any]:
    """The config of SAMD with LiDAR, a teacher's and a student's phase of `EPOCHS` epochs."""
    return {
        "data": str(data),
        "task": "waypoints",
        "method": "samd",
        "aux": [Modality.LIDAR],
        "options": {"epochs_per_round": EPOCHS},
        "backbone": "resnet18",
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "preprocessing": {"size": [HEIGHT, WIDTH], "crop_top": 0},
        "device": device,
        "precision": "bf16-mixed",
    }


def trained(data: Path, out: Path, device: str) -> dict[str, dict[str, float]]:
    """Samples/s of training, with data, augmentation, losses and optimiser, by role."""
    train(parse_config(settings(data, device)), out)
    records = [record for record in RunFolder(out).epochs() if record["epoch"] > 1]
    return {
        role: {
            "samples/s": round(
                float(np.median([r["samples_per_s"] for r in records if r["role"] == role])), 1
            ),
            "share of time waiting for data": round(
                max(r["wait_share"] for r in records if r["role"] == role), 4
            ),
        }
        for role in dict.fromkeys(record["role"] for record in records)
    }


def bare_parts(
    card: DatasetCard, steps: int, device: torch.device, peak: float
) -> dict[str, dict[str, float]]:
    """Time and rate of each network alone, on samples that lie in the device's memory."""
    task = make_task("waypoints", card)
    method, networks = build_finished(parse_config(settings(Path("none"), "cpu")), task)
    roles = method.roles(networks.to(device).train())
    student, teacher = roles[STUDENT], roles[TEACHER]
    batch = samples(device, task.label_shape)
    ways: Mapping[str, Step] = {
        "student, forward and backward": forward_and_backward(student, batch),
        "student by torch.compile, forward and backward": forward_and_backward(
            cast(nn.Module, torch.compile(student)), batch
        ),
        "teacher, forward and backward": forward_and_backward(teacher, batch),
        "teacher, forward alone": forward(teacher, batch),
    }
    found = {}
    for name, step in ways.items():
        seconds = seconds_of(step, steps)
        # counted where it is not compiled: torch sees none of a compiled graph's operators
        flops = flops_of(ways[name.replace(" by torch.compile", "")])
        found[name] = {
            "ms": round(seconds * 1e3, 4),
            "samples/s": round(BATCH / seconds, 1),
            "GFLOP of a sample": round(flops / BATCH / 1e9, 3),
            "TFLOP/s": round(flops / seconds / 1e12, 2),
            "share of the peak": round(flops / seconds / peak, 4),
        }
    return found


def samples(device: torch.device, label_shape: tuple[int, ...]) -> Batch:
    """Random samples in the memory of the device."""
    rng = np.random.default_rng(0)
    frames = {
        modality: torch.from_numpy(
            np.stack([random_frame(rng, modality) for _ in range(BATCH)])
        ).to(device)
        for modality in SEEN
    }
    return Batch(
        frames=frames,
        present={m: torch.ones(BATCH, dtype=torch.bool, device=device) for m in SEEN},
        ego_be=torch.rand(BATCH, 3, device=device),
        label=torch.zeros(BATCH, *label_shape, device=device),
        index=torch.arange(BATCH, device=device),
    )


def forward_and_backward(model: nn.Module, batch: Batch) -> Step:
    """One forward and backward in bf16, without optimiser, loss or data.

    Args:
        model: the network, compiled or not.
        batch: the samples.
    """

    def step() -> None:
        with torch.autocast(batch.ego_be.device.type, torch.bfloat16):
            output = cast(Output, model(batch))
        torch.autograd.backward(output.prediction.float().square().mean())

    return step


def forward(model: nn.Module, batch: Batch) -> Step:
    """One forward in bf16, without gradients."""

    def step() -> None:
        with torch.no_grad(), torch.autocast(batch.ego_be.device.type, torch.bfloat16):
            model(batch)

    return step


def seconds_of(step: Step, steps: int) -> float:
    """Mean time of a step."""
    for _ in range(max(steps // 5, 2)):
        step()
    wait()
    begin_s = time.perf_counter()
    for _ in range(steps):
        step()
    wait()
    return (time.perf_counter() - begin_s) / steps


def wait() -> None:
    """Wait until the GPU, if there is one, has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def flops_of(step: Step) -> float:
    """Floating-point operations of a step, as torch counts them."""
    with FlopCounterMode(display=False) as counter:
        step()
    return float(counter.get_total_flops())


def peak_flops(device: torch.device) -> float:
    """The best rate of a large product of matrices in bf16."""
    size = PEAK_SIZE if device.type == "cuda" else PEAK_SIZE // 16
    one = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    best_s = min(_times(lambda: one @ one))
    return float(2 * size**3 / best_s)


def _times(work: Callable[[], object]) -> Iterable[float]:
    for _ in range(20):
        wait()
        begin_s = time.perf_counter()
        work()
        wait()
        yield time.perf_counter() - begin_s
