"""A small data set with something to learn, written with the SDK's own writer: the brighter column
is where to steer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from auxdrive.cards import CameraSpec, DatasetCard, VehicleSpec
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.plan import PATH_POINTS, ExpertPlan
from auxdrive.data.state import STATE_DTYPE
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray

HEIGHT, WIDTH = 64, 80


def write_episode(
    root: Path, name: str, seed: int, frames: int, modalities: tuple[Modality, ...]
) -> None:
    """A drive whose steering follows a bright stripe; depth shows the stripe without the noise. Who
    plans stops where the stripe is on the right; the class is the third in which it is.
    """
    rng = np.random.default_rng(seed)
    x = y = yaw = 0.0
    on_m = np.arange(1.0, PATH_POINTS + 1)
    with EpisodeWriter(root, name, modalities, plans=True) as writer:
        for index in range(frames):
            place = rng.uniform(0.1, 0.9)
            steer = (0.5 - place) * 0.6
            column = int(place * WIDTH)
            rgb = rng.integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            rgb[:, max(column - 3, 0) : column + 3] += 150
            depth = np.full((HEIGHT, WIDTH), 5000, dtype=np.uint16)
            depth[:, max(column - 3, 0) : column + 3] = 300
            segmentation = np.ones((HEIGHT, WIDTH), dtype=np.uint8)
            segmentation[:, max(column - 3, 0) : column + 3] = 6
            lidar = np.zeros((64, 64, 2), dtype=np.uint8)
            lidar[:, int(place * 63)] = 255
            stored: dict[Modality, AnyArray] = {
                Modality.RGB: rgb,
                Modality.DEPTH: depth,
                Modality.SEGMENTATION: segmentation,
                Modality.LIDAR: lidar,
            }
            state = np.zeros((), dtype=STATE_DTYPE)
            state["time_s"], state["x_m"], state["y_m"], state["yaw_rad"] = index * 0.25, x, y, yaw
            state["speed_mps"], state["steer_rad"] = 4.0, steer
            state["target_x_m"], state["target_y_m"] = 20.0, 2.0
            state["class_id"] = int(3 * place)
            path = np.stack([on_m, 0.5 * np.tan(steer) / 2.8 * on_m**2], axis=1)
            plan = ExpertPlan(path, np.full(4, 4.0), 4.0 if place < 0.5 else 0.0)
            writer.append({m: stored[m] for m in modalities}, state, plan=plan)
            yaw += steer * 0.2
            x, y = x + np.cos(yaw), y + np.sin(yaw)


FULL = (Modality.RGB, Modality.DEPTH, Modality.SEGMENTATION, Modality.LIDAR)


def write_stripe_data(root: Path, frames: int = 24) -> Path:
    """Four training episodes (one lacks depth), one to validate on, one to test on, of so many
    frames each.
    """
    episodes = {
        "train-0": FULL,
        "train-1": FULL,
        "train-2": (Modality.RGB, Modality.LIDAR),
        "train-3": FULL,
        "val-0": FULL,
        "test-0": FULL,
    }
    for seed, (name, modalities) in enumerate(episodes.items()):
        write_episode(root, name, seed, frames, modalities)
    write_card(
        root,
        DatasetCard(
            name="stripe",
            rate_hz=4.0,
            modalities=FULL,
            camera=CameraSpec(width=WIDTH, height=HEIGHT),
            vehicle=VehicleSpec(wheelbase_m=2.8),
            class_names=("left", "straight", "right"),
            splits={
                "train": tuple(n for n in episodes if n.startswith("train")),
                "val": ("val-0",),
                "test": ("test-0",),
            },
        ),
    )
    Dataset.open(root)
    return root
