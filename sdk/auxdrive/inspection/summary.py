"""Summary of a data set: what there is, how its labels are distributed, and what is broken. Plain
dictionaries, ready for JSON.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from auxdrive.data.camera_faults import STANDING_MPS, CameraFaults
from auxdrive.data.dataset import Dataset
from auxdrive.data.division import training_parts
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.sessions import splits_apart_s
from auxdrive.data.state import STATE_DTYPE
from auxdrive.errors import DataError
from auxdrive.inspection.findings import examine
from auxdrive.modalities import Modality
from auxdrive.storage.reading import is_file
from auxdrive.types import AnyArray, Float64

UNASSIGNED = "(no split)"
STRAIGHT_DEG = 1.0
"""Road-wheel angles smaller than this count as straight on: a curve of 150 m radius for a car, and
far below what a joystick rests at.
"""


def open_episodes(dataset: Dataset) -> dict[str, EpisodeReader]:
    """The episodes that can be read; `findings.examine` says why the others cannot."""
    episodes = {}
    for episode_id in dataset.episode_ids:
        with contextlib.suppress(DataError):
            episodes[episode_id] = dataset.episode(episode_id)
    return episodes


def episodes_by_split(dataset: Dataset, episodes: Iterable[str]) -> dict[str, list[str]]:
    """Readable episodes by split, in the card's order; what is in no split comes last."""
    known = list(episodes)
    groups = {
        name: [each for each in ids if each in known] for name, ids in dataset.card.splits.items()
    }
    assigned = {each for ids in dataset.card.splits.values() for each in ids}
    rest = [each for each in known if each not in assigned]
    return {**groups, UNASSIGNED: rest} if rest else groups


def states(episodes: dict[str, EpisodeReader], ids: Iterable[str]) -> AnyArray:
    """The records of these episodes, one after the other."""
    return np.concatenate(
        [np.zeros(0, STATE_DTYPE), *(np.asarray(episodes[each].state) for each in ids)]
    )


def summarise(dataset: Dataset) -> dict[str, Any]:
    """Everything that `auxdrive inspect` says of a data set; `broken` lists what is wrong and
    `doubts` what is odd, a sentence each.
    """
    card = dataset.card
    episodes = open_episodes(dataset)
    found = examine(dataset)
    whole = len(episodes) == len(dataset)
    apart = splits_apart_s(dataset) if whole else {}
    splits = {}
    for name, ids in episodes_by_split(dataset, episodes).items():
        records = states(episodes, ids)
        splits[name] = {
            "episodes": len(ids),
            "sessions": len({dataset.origin(each).session for each in ids}),
            "frames": len(records),
            "duration_s": len(records) / card.rate_hz,
            "apart_s": apart.get(name),
            "steer_deg": statistics(
                np.degrees(records["steer_rad"].astype(np.float64)), "straight_share", STRAIGHT_DEG
            ),
            "speed_mps": statistics(
                records["speed_mps"].astype(np.float64), "standing_share", STANDING_MPS
            ),
        }
    return {
        "kind": "data set",
        "path": str(dataset.path),
        "name": card.name,
        "rate_hz": card.rate_hz,
        "source": card.source,
        "licence": card.licence,
        "camera": card.camera.model_dump(),
        "steering": card.steering.model_dump(),
        "vehicle": card.vehicle.model_dump(),
        "episodes": len(episodes),
        "frames": sum(len(episode) for episode in episodes.values()),
        "splits": splits,
        "validation": _validation(dataset) if whole else None,
        "camera_faults": asdict(found.camera_faults),
        "modalities": _modalities(episodes),
        "fingerprint": dataset.fingerprint() if whole else None,
        "broken": found.broken,
        "doubts": found.doubts,
    }


def _validation(dataset: Dataset) -> dict[str, Any]:
    """What training would validate on, and how far in time that lies from what trains; or why it
    could not.
    """
    try:
        parts = training_parts(dataset)
    except DataError as error:
        return {"how": None, "apart_s": None, "impossible": str(error)}
    return {"how": parts.how, "apart_s": parts.apart_s, "impossible": None}


def statistics(values: Float64, near_zero: str, below: float) -> dict[str, float | None]:
    """Mean, spread, extremes, the share of values smaller than `below` in size under the name
    `near_zero`, and the share of values that are known; of finite values alone.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return {
            "mean": None,
            "std": None,
            "min": None,
            "max": None,
            near_zero: None,
            "known_share": 0.0,
        }
    return {
        "mean": float(finite.mean()),
        "std": float(finite.std()),
        "min": float(finite.min()),
        "max": float(finite.max()),
        near_zero: float((np.abs(finite) < below).mean()),
        "known_share": len(finite) / len(values),
    }


def _modalities(episodes: dict[str, EpisodeReader]) -> dict[str, Any]:
    total = sum(len(episode) for episode in episodes.values())
    result = {}
    for modality in Modality:
        holders = [episode for episode in episodes.values() if episode.has(modality)]
        if holders:
            frames = sum(len(episode) for episode in holders)
            shapes = sorted({episode.frame_shape(modality) for episode in holders})
            result[modality.value] = {
                "episodes": len(holders),
                "frames": frames,
                "share": frames / total,
                "shapes": [list(shape) for shape in shapes],
            }
    return result


def sentences(summary: dict[str, Any]) -> list[str]:
    """What is said of the whole data set beside the tables: its images, and what training would
    validate on.
    """
    validation = summary["validation"]
    told = [f"camera: {CameraFaults(**summary['camera_faults'])}"]
    if validation is not None:
        how, impossible = validation["how"], validation["impossible"]
        told.append(
            f"training would validate on {how}" if how else f"cannot be trained on: {impossible}"
        )
    return told


def number(value: float | None, digits: int = 2) -> str:
    """A value for a table; a dash where it is unknown."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def is_dataset(path: Path) -> bool:
    """Whether the folder has a data set's card."""
    return is_file(path / "dataset.json")
