"""Small recordings of random frames, for the tests of episodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.modalities import MODALITIES, Modality

STATE = {"steer_rad": 0.1, "throttle": 0.2, "brake": 0.0}


def frame(modality: Modality, seed: int, height: int = 4, width: int = 6) -> np.ndarray:
    spec = MODALITIES[modality]
    stored: type[np.integer[Any]] = np.dtype(spec.dtype).type
    return np.random.default_rng(seed).integers(
        0, np.iinfo(stored).max, spec.array_shape(height, width), dtype=stored, endpoint=True
    )


def record_episode(
    folder: Path,
    episode_id: str = "e0",
    modalities: tuple[Modality, ...] = (Modality.RGB,),
    frames: int = 3,
) -> Path:
    with EpisodeWriter(folder, episode_id, modalities) as writer:
        for index in range(frames):
            writer.append(
                {m: frame(m, index) for m in modalities}, {"time_s": 0.1 * index, **STATE}
            )
    return folder / "episodes" / episode_id
