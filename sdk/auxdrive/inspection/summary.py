"""The summary of a data set: what it holds, how its labels are distributed, and what is broken, as
plain dictionaries for JSON.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from auxdrive.data.camera_faults import CameraFaults
from auxdrive.data.dataset import Dataset
from auxdrive.data.division import training_parts
from auxdrive.data.driving_mistakes import MistakesMade, mistakes_made
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.sessions import splits_apart_s
from auxdrive.data.state import STATE_DTYPE
from auxdrive.errors import DataError
from auxdrive.inspection.findings import examine
from auxdrive.modalities import Modality, vectors_among
from auxdrive.standing import STANDING_MPS
from auxdrive.storage.reading import is_file
from auxdrive.types import AnyArray, Float64

UNASSIGNED = "(no split)"
STRAIGHT_DEG = 1.0
"""Road-wheel angles below this count as straight ahead. A car then drives a curve of 150 m radius
or more.
"""


def open_episodes(dataset: Dataset) -> dict[str, EpisodeReader]:
    """The episodes that can be read, by id. `findings.examine` says why others cannot."""
    episodes = {}
    for episode_id in dataset.episode_ids:
        with contextlib.suppress(DataError):
            episodes[episode_id] = dataset.episode(episode_id)
    return episodes


def episodes_by_split(dataset: Dataset, episodes: Iterable[str]) -> dict[str, list[str]]:
    """The readable episodes of each split, in the card's order. Those in no split come last.

    Args:
        dataset: whose card names the splits.
        episodes: ids of the readable ones.
    """
    known = list(episodes)
    groups = {
        name: [each for each in ids if each in known] for name, ids in dataset.card.splits.items()
    }
    assigned = {each for ids in dataset.card.splits.values() for each in ids}
    rest = [each for each in known if each not in assigned]
    return {**groups, UNASSIGNED: rest} if rest else groups


def states(episodes: dict[str, EpisodeReader], ids: Iterable[str]) -> AnyArray:
    """The state records of several episodes, one after the other.

    Args:
        episodes: by id.
        ids: of those to take.

    Returns:
        (N,) of `STATE_DTYPE`.
    """
    return np.concatenate(
        [np.zeros(0, STATE_DTYPE), *(np.asarray(episodes[each].state) for each in ids)]
    )


def summarise(dataset: Dataset) -> dict[str, Any]:
    """Everything that `auxdrive inspect` tells of a data set. `broken` lists what is wrong and
    `doubts` what is odd, in a sentence each.
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
        "camera": None if card.camera is None else card.camera.model_dump(),
        "steering": card.steering.model_dump(),
        "vehicle": card.vehicle.model_dump(),
        "episodes": len(episodes),
        "frames": sum(len(episode) for episode in episodes.values()),
        "splits": splits,
        "validation": _validation(dataset) if whole else None,
        "camera_faults": asdict(found.camera_faults),
        "modalities": _modalities(episodes),
        "lidar_points": _lidar_points(episodes),
        "mistakes": _mistakes(episodes),
        "fingerprint": dataset.fingerprint() if whole else None,
        "broken": found.broken,
        "doubts": found.doubts,
    }


def _validation(dataset: Dataset) -> dict[str, Any]:
    """What a training would validate on and how far in time that lies from the training frames, or
    why the data set cannot be trained on.
    """
    try:
        parts = training_parts(dataset)
    except DataError as error:
        return {"how": None, "apart_s": None, "impossible": str(error)}
    return {"how": parts.how, "apart_s": parts.apart_s, "impossible": None}


def statistics(values: Float64, near_zero: str, below: float) -> dict[str, float | None]:
    """Mean, standard deviation and extremes of the finite values, and two shares: of values near
    zero, and of values that are known.

    Args:
        values: (N,).
        near_zero: the name of the first share.
        below: values smaller than this in size count as near zero.
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


def _mistakes(episodes: dict[str, EpisodeReader]) -> dict[str, Any] | None:
    """What whoever drove did wrong; None where nothing was noted."""
    made = mistakes_made((each.state["time_s"], each.mistakes) for each in episodes.values())
    return made.model_dump() if made.episodes else None


def _lidar_points(episodes: dict[str, EpisodeReader]) -> dict[str, Any] | None:
    """Where the LiDAR's points were recorded, and how many there are; None if nowhere."""
    holders = [each for each in episodes.values() if each.has_lidar_points]
    total = 0
    for episode in holders:
        with contextlib.suppress(DataError):  # `findings.examine` says what is wrong
            total += 0 if episode.lidar_points is None else episode.lidar_points.total
    frames = sum(len(episode) for episode in holders)
    return {"episodes": len(holders), "frames": frames, "points": total} if holders else None


def _modalities(episodes: dict[str, EpisodeReader]) -> dict[str, Any]:
    total = sum(len(episode) for episode in episodes.values())
    result = {}
    held = {modality for each in episodes.values() for modality in each.modalities}
    for modality in (*Modality, *vectors_among(held)):
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


def camera_told(summary: dict[str, Any]) -> str:
    """The size of the camera's images in words."""
    camera = summary["camera"]
    return "no camera" if camera is None else f"camera {camera['width']}x{camera['height']}"


def sentences(summary: dict[str, Any]) -> list[str]:
    """Sentences on the whole data set, beside the tables: the faults of its camera, and what a
    training would validate on.
    """
    validation = summary["validation"]
    told = [f"camera: {CameraFaults(**summary['camera_faults'])}"]
    if validation is not None:
        how, impossible = validation["how"], validation["impossible"]
        told.append(
            f"training would validate on {how}" if how else f"cannot be trained on: {impossible}"
        )
    if points := summary["lidar_points"]:
        told.append(
            f"LiDAR points: {points['points']:,} in {points['frames']} frames of "
            f"{points['episodes']} episodes"
        )
    if summary["mistakes"]:
        made = MistakesMade.model_validate(summary["mistakes"])
        told.append(
            f"mistakes of whoever drove, in {made.episodes} episodes: {made.in_words}; "
            f"{made.frames_near} frames lie around them"
        )
    return told


def number(value: float | None, digits: int = 2) -> str:
    """A number for a table; a dash where it is unknown.

    Args:
        value: the number.
        digits: after the point.
    """
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def is_dataset(path: Path) -> bool:
    """Whether the folder has a data set's card."""
    return is_file(path / "dataset.json")
