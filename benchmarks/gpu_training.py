"""Training on a GPU: samples/s of the parts of a SAMD step of ResNet-18 in bf16, beside their bare
forward and backward, with and without `torch.compile`, and as a share of the GPU's peak.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.modalities import Modality
from auxdrive_train.data.batch import Batch
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.prepare import build_finished
from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.models.networks import Network, Output
from auxdrive_train.tasks import make_task
from torch.utils.flop_counter import FlopCounterMode

BATCH = 64
HEIGHT, WIDTH = 144, 256
PEAK_SIZE = 8192


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


def measure(steps: int) -> dict[str, Any]:
    """Measure on the GPU.

    Args:
        steps: how many steps are timed, after a fifth of it to warm up.

    Raises:
        RuntimeError: torch sees no GPU.
    """
    gpu()
    torch.set_float32_matmul_precision("high")
    device = torch.device("cuda")
    model = student().to(device).train()
    batch = samples(device)
    plain = bare_step(model, batch)
    compiled = torch.compile(model)
    flops = flops_of(plain)
    seconds = seconds_of(plain, steps)
    peak = peak_flops(device)
    return {
        "batch": BATCH,
        "image": [HEIGHT, WIDTH],
        "forward and backward in bf16, samples/s": round(BATCH / seconds, 1),
        "the same by torch.compile, samples/s": round(
            BATCH / seconds_of(bare_step(compiled, batch), steps), 1
        ),
        "GFLOP of a sample, forward and backward": round(flops / BATCH / 1e9, 3),
        "TFLOP/s": round(flops / seconds / 1e12, 2),
        "peak in bf16, by a product of matrices, TFLOP/s": round(peak / 1e12, 1),
        "share of that peak": round(flops / seconds / peak, 4),
    }


def student() -> Network:
    """A ResNet-18 student of waypoints with random weights."""
    camera = CameraSpec(width=WIDTH, height=HEIGHT)
    card = DatasetCard(name="none", rate_hz=4.0, modalities=(Modality.RGB,), camera=camera)
    task = make_task("waypoints", card)
    config = parse_config(
        {
            "data": "none",
            "task": "waypoints",
            "method": "baseline",
            "backbone": "resnet18",
            "preprocessing": {"size": [HEIGHT, WIDTH], "crop_top": 0},
        }
    )
    method, networks = build_finished(config, task)
    return method.roles(networks)[STUDENT]


def samples(device: torch.device) -> Batch:
    """Random samples in the memory of the device."""
    images = torch.randint(0, 256, (BATCH, HEIGHT, WIDTH, 3), dtype=torch.uint8, device=device)
    return Batch(
        frames={Modality.RGB: images},
        present={Modality.RGB: torch.ones(BATCH, dtype=torch.bool, device=device)},
        ego_be=torch.rand(BATCH, 3, device=device),
        label=torch.zeros(BATCH, 8, 2, device=device),
        index=torch.arange(BATCH, device=device),
    )


def bare_step(model: Callable[[Batch], Output], batch: Batch) -> Callable[[], None]:
    """One forward and backward in bf16, without optimiser, loss or data.

    Args:
        model: the network, compiled or not.
        batch: the samples.
    """

    def step() -> None:
        with torch.autocast(batch.ego_be.device.type, torch.bfloat16):
            output = model(batch)
        torch.autograd.backward(output.prediction.float().square().mean())

    return step


def seconds_of(step: Callable[[], None], steps: int) -> float:
    """Mean time of a step."""
    for _ in range(max(steps // 5, 2)):
        step()
    torch.cuda.synchronize()
    begin_s = time.perf_counter()
    for _ in range(steps):
        step()
    torch.cuda.synchronize()
    return (time.perf_counter() - begin_s) / steps


def flops_of(step: Callable[[], None]) -> float:
    """Floating-point operations of a step, as torch counts them."""
    with FlopCounterMode(display=False) as counter:
        step()
    return float(counter.get_total_flops())


def peak_flops(device: torch.device) -> float:
    """The best rate of a large product of matrices in bf16."""
    one = torch.randn(PEAK_SIZE, PEAK_SIZE, device=device, dtype=torch.bfloat16)
    best_s = min(_times(lambda: one @ one))
    return float(2 * PEAK_SIZE**3 / best_s)


def _times(work: Callable[[], object]) -> Iterable[float]:
    for _ in range(20):
        torch.cuda.synchronize()
        begin_s = time.perf_counter()
        work()
        torch.cuda.synchronize()
        yield time.perf_counter() - begin_s
