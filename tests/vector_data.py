"""A small data set of vectors and classes beside images: in which third of them a stripe lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray
from stripes import HEIGHT, WIDTH

CLUES, NOISE = Modality("vector_clues"), Modality("vector_noise")
CLASSES = ("left", "straight", "right")


def write_vector_data(root: Path, frames: int = 40) -> Path:
    """RGB, clues (large numbers that tell the place), and noise; an episode of each split, and one
    to train on that lacks the clues.
    """
    episodes = {"train-0": True, "train-1": False, "val-0": True, "test-0": True}
    for seed, (name, has_clues) in enumerate(episodes.items()):
        rng = np.random.default_rng(seed)
        held = (Modality.RGB, *([CLUES] if has_clues else []), NOISE)
        with EpisodeWriter(root, name, held) as writer:
            for index in range(frames):
                place = rng.uniform(0.1, 0.9)
                rgb = rng.integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
                column = int(place * WIDTH)
                rgb[:, max(column - 3, 0) : column + 3] += 150
                frames_of: dict[Modality, AnyArray] = {
                    Modality.RGB: rgb,
                    CLUES: np.array([1000 + 500 * place, -place, 1.0], np.float32),
                    NOISE: rng.normal(size=5).astype(np.float32),
                }
                state = {
                    "time_s": index * 0.5, "steer_rad": 0.5 - place, "throttle": 0.0, "brake": 0.0,
                    "speed_mps": 4.0, "class_id": int(3 * place),
                }  # fmt: skip
                writer.append({each: frames_of[each] for each in held}, state)
    write_card(
        root,
        DatasetCard(
            name="vectors",
            rate_hz=2.0,
            modalities=(Modality.RGB, CLUES, NOISE),
            camera=CameraSpec(width=WIDTH, height=HEIGHT),
            vectors={CLUES: 3, NOISE: 5},
            class_names=CLASSES,
            splits={
                "train": ("train-0", "train-1"),
                "val": ("val-0",),
                "test": ("test-0",),
            },
        ),
    )
    return root
