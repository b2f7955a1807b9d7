"""Samples per second of gathering and augmenting, and the share of time that a consumer of a given
speed waits for data.

    python benchmarks/loader.py [--data DIR] [--batch 64] [--batches 40] [--step-ms 200]

Without --data a data set of random 256 x 144 frames is written to a temporary folder with the SDK's
own writer; it stays in the page cache, so the results are those of memory, not of a disk. The
result goes to benchmarks/results/loader.json with the machine and the commit.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.modalities import MODALITIES, Modality
from auxdrive_train.data.augment import augment
from auxdrive_train.data.augment_config import AugmentConfig
from auxdrive_train.data.batch import Batch
from auxdrive_train.data.loader import Loader, epoch_order
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.tasks import make_task
from record import write_result

RESULT = Path(__file__).parent / "results" / "loader.json"
HEIGHT, WIDTH = 144, 256
EPISODES, FRAMES = 8, 120
ALL = (Modality.RGB, Modality.DEPTH, Modality.SEGMENTATION, Modality.LIDAR)
WARM_UP = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, help="a data set that has rgb, depth, segmentation and lidar"
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument(
        "--step-ms", type=float, default=200.0, help="how long the simulated training step takes"
    )
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    # other work on the machine makes every result here worse
    load_average = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.data is None:
            write_random(Path(scratch))
        dataset = Dataset.open(arguments.data or Path(scratch))
        settings = {"rgb+depth+segmentation+lidar": ALL, "rgb": (Modality.RGB,)}
        measured = {name: measure(dataset, chosen, arguments) for name, chosen in settings.items()}
    result = {
        "data": "random" if arguments.data is None else dataset.card.name,
        "image": [dataset.card.needed_camera.height, dataset.card.needed_camera.width],
        "batch": arguments.batch,
        "batches": arguments.batches,
        "step_ms": arguments.step_ms,
        "augmentation": AugmentConfig().model_dump(),
        "torch_threads": torch.get_num_threads(),
        "load_average_1_min_at_start": load_average,
        "results": measured,
    }
    print(json.dumps(write_result(arguments.out, result), indent=2))


def write_random(
    folder: Path,
    modalities: Sequence[Modality] = ALL,
    episodes: int = EPISODES,
    frames: int = FRAMES,
) -> None:
    """Episodes of random frames, which no cache of equal pages can help with, of a car that drives
    straight on.

    Args:
        folder: where.
        modalities: of the frames.
        episodes: how many.
        frames: of each episode.
    """
    rng = np.random.default_rng(0)
    for episode in range(episodes):
        with EpisodeWriter(folder, f"e{episode:02d}", modalities) as writer:
            for row in range(frames):
                state = {"time_s": 0.1 * row, "steer_rad": 0.0, "throttle": 0.5, "brake": 0.0}
                state |= {"x_m": 0.5 * row, "y_m": 0.0, "yaw_rad": 0.0, "speed_mps": 5.0}
                state |= {"target_x_m": 100.0, "target_y_m": 0.0}
                writer.append(
                    {modality: random_frame(rng, modality) for modality in modalities}, state
                )
    camera = CameraSpec(width=WIDTH, height=HEIGHT)
    card = DatasetCard(name="random", rate_hz=10.0, modalities=tuple(modalities), camera=camera)
    write_card(folder, card)


def random_frame(rng: np.random.Generator, modality: Modality) -> np.ndarray[Any, Any]:
    spec = MODALITIES[modality]
    shape = (
        spec.array_shape(64, 64) if modality is Modality.LIDAR else spec.array_shape(HEIGHT, WIDTH)
    )
    stored: type[np.integer[Any]] = np.dtype(spec.dtype).type
    return rng.integers(0, np.iinfo(stored).max, shape, stored, endpoint=True)


def measure(
    dataset: Dataset, modalities: tuple[Modality, ...], arguments: argparse.Namespace
) -> dict[str, float]:
    """Samples per second over batches of a shuffled order: the median, and what one batch in ten
    exceeds, which other work on the machine disturbs less.
    """
    task = make_task("steering", dataset.card)
    samples = SampleSet.open(dataset, dataset.episode_ids, task, modalities)
    size, config, generator = arguments.batch, AugmentConfig(), torch.Generator().manual_seed(0)
    count = WARM_UP + arguments.batches
    order = np.concatenate(
        [epoch_order(len(samples), 0, epoch) for epoch in range(-(-count * size // len(samples)))]
    )
    chunks = [order[number * size : (number + 1) * size] for number in range(count)]
    batches = [samples.gather(chunk) for chunk in chunks[:WARM_UP]]
    timed = {
        "gather": elapsed_s(samples.gather, chunks),
        "augment": elapsed_s(
            lambda batch: augment(batch, config, task, generator),
            [batches[n % WARM_UP] for n in range(count)],
        ),
        "gather_and_augment": elapsed_s(
            lambda chunk: augment(samples.gather(chunk), config, task, generator), chunks
        ),
    }

    def step(batch: Batch) -> None:
        augment(batch, config, task, generator)
        time.sleep(arguments.step_ms / 1000)

    loader = Loader(samples, size)
    for batch in loader.iterate(np.concatenate(chunks[: WARM_UP + 10])):
        step(batch)
    result = {"share_waited_with_prefetch": round(loader.waited_s / loader.total_s, 5)}
    for name, seconds in timed.items():
        best, median = np.quantile(seconds, (0.1, 0.5))
        result[f"{name}_samples_per_s"] = round(float(size / median), 1)
        result[f"{name}_samples_per_s_best_tenth"] = round(float(size / best), 1)
    return result


def elapsed_s(function: Callable[[Any], object], arguments: list[Any]) -> list[float]:
    """Seconds of each call, the first few left out."""
    seconds = []
    for argument in arguments:
        begin = time.perf_counter()
        function(argument)
        seconds.append(time.perf_counter() - begin)
    return seconds[WARM_UP:]


if __name__ == "__main__":
    main()
