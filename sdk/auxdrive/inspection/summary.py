"""Summary of a data set: what there is, how its labels are distributed, and what is broken. Plain dictionaries, ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from auxdrive.dataset import Dataset
from auxdrive.episodes import EPISODES_DIR, EpisodeReader
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from auxdrive.state import STATE_DTYPE
from auxdrive.types import AnyArray, Float64

UNASSIGNED = "(no split)"
_GAP_PERIODS = 5.0
_RATE_TOLERANCE = 0.1


def open_episodes(dataset: Dataset) -> tuple[dict[str, EpisodeReader], list[str]]:
    """The episodes that can be read, and why the others cannot."""
    episodes, broken = {}, []
    for episode_id in dataset.episode_ids:
        try:
            episodes[episode_id] = dataset.episode(episode_id)
        except DataError as error:
            broken.append(str(error))
    return episodes, broken


def episodes_by_split(dataset: Dataset, episodes: Iterable[str]) -> dict[str, list[str]]:
    """Readable episodes by split, in the card's order; what is in no split comes last."""
    known = list(episodes)
    groups = {name: [each for each in ids if each in known] for name, ids in dataset.card.splits.items()}
    assigned = {each for ids in dataset.card.splits.values() for each in ids}
    rest = [each for each in known if each not in assigned]
    return {**groups, UNASSIGNED: rest} if rest else groups


def states(episodes: dict[str, EpisodeReader], ids: Iterable[str]) -> AnyArray:
    """The records of these episodes, one after the other."""
    return np.concatenate([np.zeros(0, STATE_DTYPE), *(np.asarray(episodes[each].state) for each in ids)])


def summarise(dataset: Dataset) -> dict[str, Any]:
    """Everything that `auxdrive inspect` says of a data set; `broken` lists what is wrong, one sentence each."""
    card = dataset.card
    episodes, broken = open_episodes(dataset)
    splits = {}
    for name, ids in episodes_by_split(dataset, episodes).items():
        records = states(episodes, ids)
        splits[name] = {
            "episodes": len(ids),
            "frames": len(records),
            "duration_s": len(records) / card.rate_hz,
            "steer_deg": statistics(np.degrees(records["steer_rad"].astype(np.float64))),
            "speed_mps": statistics(records["speed_mps"].astype(np.float64)),
        }
    for episode_id, episode in episodes.items():
        broken.extend(f"{episode_id}: {line}" for line in _complaints(dataset, episode))
    broken.extend(_folder_complaints(dataset, episodes))
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
        "modalities": _modalities(episodes),
        "fingerprint": None if len(episodes) < len(dataset) else dataset.fingerprint(),
        "broken": broken,
    }


def statistics(values: Float64) -> dict[str, float | None]:
    """Mean, spread, extremes, share of exact zeros, and the share of values that are known; of finite values alone."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return {"mean": None, "std": None, "min": None, "max": None, "zero_share": None, "known_share": 0.0}
    return {
        "mean": float(finite.mean()),
        "std": float(finite.std()),
        "min": float(finite.min()),
        "max": float(finite.max()),
        "zero_share": float((finite == 0).mean()),
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


def _complaints(dataset: Dataset, episode: EpisodeReader) -> Iterable[str]:
    """What is wrong inside one episode that can be read."""
    card, state = dataset.card, episode.state
    steps = np.diff(state["time_s"])
    if not np.isfinite(state["time_s"]).all() or (steps <= 0).any():
        yield "time does not increase"
    elif len(steps):
        gaps = int((steps > _GAP_PERIODS / card.rate_hz).sum())
        if gaps:
            yield f"{gaps} gaps longer than {_GAP_PERIODS:g} periods"
        rate_hz = 1 / float(np.median(steps))
        if abs(rate_hz / card.rate_hz - 1) > _RATE_TOLERANCE:
            yield f"recorded at {rate_hz:.2f} Hz, the card says {card.rate_hz:g} Hz"
    steer = state["steer_rad"].astype(np.float64)
    if not np.isfinite(steer).all():
        yield f"{int((~np.isfinite(steer)).sum())} steering labels are not finite"
    beyond = int((np.abs(steer) > card.steering.max_road_wheel_rad * (1 + 1e-6)).sum())
    if beyond:
        yield f"{beyond} steering labels beyond the full lock of {card.steering.max_road_wheel_deg:g} degrees"
    if not episode.has(Modality.RGB):
        yield "has no rgb, the camera that a student sees"
    elif episode.frame_shape(Modality.RGB)[:2] != (card.camera.height, card.camera.width):
        height, width = episode.frame_shape(Modality.RGB)[:2]
        yield f"rgb is {width}x{height}, the card's camera is {card.camera.width}x{card.camera.height}"


def _folder_complaints(dataset: Dataset, episodes: dict[str, EpisodeReader]) -> Iterable[str]:
    """What is wrong around the episodes."""
    for folder in sorted((dataset.path / EPISODES_DIR).glob(".partial-*")):
        yield f"{folder.name}: a recording that was not finished, ignored"
    known = {f"{modality}.npy" for modality in Modality} | {"state.npy"}
    for episode in episodes.values():
        strangers = sorted(entry.name for entry in episode.path.iterdir() if entry.name not in known)
        if strangers:
            yield f"{episode.episode_id}: unknown files, ignored: {', '.join(strangers)}"
    for modality in dataset.card.modalities:
        if episodes and not any(episode.has(modality) for episode in episodes.values()):
            yield f"the card names {modality}, which no episode has"
    for split, ids in dataset.card.splits.items():
        if not ids:
            yield f"the split '{split}' is empty"


def number(value: float | None, digits: int = 2) -> str:
    """A value for a table; a dash where it is unknown."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def is_dataset(path: Path) -> bool:
    """Whether the folder has a data set's card."""
    return (path / "dataset.json").is_file()
