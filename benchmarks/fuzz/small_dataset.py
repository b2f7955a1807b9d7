"""A small sound data set of two episodes."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray


@cache
def sound() -> dict[str, bytes]:
    """A data set that nothing is wrong with: relative path -> content."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, frames, modalities in (
            ("a", 4, (Modality.RGB, Modality.DEPTH)),
            ("b", 3, (Modality.RGB,)),
        ):
            with EpisodeWriter(root, name, modalities) as writer:
                for index in range(frames):
                    images: dict[Modality, AnyArray] = {
                        Modality.RGB: np.full((4, 6, 3), 40 * index, np.uint8),
                        Modality.DEPTH: np.full((4, 6), 9, np.uint16),
                    }
                    state = {
                        "time_s": index / 10,
                        "steer_rad": 0.1,
                        "throttle": 0.5,
                        "brake": 0.0,
                        "speed_mps": 3.0,
                    }
                    writer.append({modality: images[modality] for modality in modalities}, state)
        camera, splits = CameraSpec(width=6, height=4), {"train": ("a",), "val": ("b",)}
        write_card(
            root,
            DatasetCard(
                name="d",
                rate_hz=10,
                modalities=(Modality.RGB, Modality.DEPTH),
                camera=camera,
                splits=splits,
            ),
        )
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }
