"""Data sets of vectors and classes, for the papers' synthetic and tabular data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from auxdrive.cards import DatasetCard
from auxdrive.data.episode_files import CARD_NAME, EPISODES_DIR, write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.modalities import VECTOR_PREFIX, Modality
from auxdrive.storage.reading import exists
from auxdrive.types import AnyArray
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """Samples of a split.

    Attributes:
        vectors: by name, (N, D).
        class_id: int (N,).
    """

    vectors: Mapping[str, AnyArray]
    class_id: NDArray[np.int64]

    def __len__(self) -> int:
        """N."""
        return len(self.class_id)

    def part(self, rows: NDArray[np.int64]) -> Rows:
        """Some of the samples.

        Args:
            rows: their numbers.
        """
        return Rows({name: each[rows] for name, each in self.vectors.items()}, self.class_id[rows])


def vector(name: str) -> Modality:
    """The modality of a vector by its short name."""
    return Modality(f"{VECTOR_PREFIX}{name}")


def write_rows(out: Path, splits: Mapping[str, Rows], class_names: Sequence[str]) -> Path:
    """Write a data set, unless it is there: one episode for each split, with a sample a second.

    Args:
        out: its folder.
        splits: the samples by split.
        class_names: of the classes.

    Returns:
        The folder.
    """
    if exists(out / CARD_NAME):
        return out
    first = next(iter(splits.values()))
    lengths = {vector(name): each.shape[1] for name, each in first.vectors.items()}
    for split, rows in splits.items():
        if exists(out / EPISODES_DIR / split):
            continue
        with EpisodeWriter(out, split, lengths, keep_on_error=False) as writer:
            for index in range(len(rows)):
                frames = {
                    vector(name): np.asarray(each[index], np.float32)
                    for name, each in rows.vectors.items()
                }
                state = {"time_s": float(index), "steer_rad": 0.0, "throttle": 0.0, "brake": 0.0}
                writer.append(frames, {**state, "class_id": int(rows.class_id[index])})
    card = DatasetCard(
        name=out.name,
        rate_hz=1.0,
        modalities=tuple(lengths),
        vectors=lengths,
        class_names=tuple(class_names),
        source="made by `auxdrive reproduce`",
        splits={split: (split,) for split in splits},
    )
    write_card(out, card)
    return out
