"""The checks of recorded data. Data sets are checked by the same rules when they are written,
inspected and trained on.

"Broken" is what makes labels or images wrong. "Doubts" are what a person should know of data that
can be used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from auxdrive.cards import DatasetCard
from auxdrive.data.camera_faults import CameraFaults, camera_faults, judge
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import (
    AHEAD_NAME,
    EPISODES_DIR,
    MISTAKES_NAME,
    PLAN_NAME,
    POINTS_END_NAME,
    POINTS_NAME,
    STATE_NAME,
)
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.sessions import CLOSE_S, splits_apart_s, told
from auxdrive.data.timing import GAP_PERIODS, ROUNDING, breaks, measured_rate_hz, same_rate
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from auxdrive.storage.publish import is_partial
from auxdrive.storage.reading import entries
from auxdrive.types import Float64

MIN_STEPS = 20
"""How many time steps a session must have for its rate to be checked."""
_SHOWN = 20


@dataclass(slots=True)
class Findings:
    """What the checks of a data set found.

    Attributes:
        broken: a sentence for each thing that is wrong.
        doubts: a sentence for each thing that is odd.
        camera_faults: how many images show nothing.
    """

    broken: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    camera_faults: CameraFaults = field(default_factory=CameraFaults)


def examine(dataset: Dataset, episode_ids: Iterable[str] | None = None) -> Findings:
    """Check a data set.

    Args:
        dataset: to check.
        episode_ids: of the episodes to check; by default all, and the folder around them.
    """
    found = Findings()
    episodes: dict[str, EpisodeReader] = {}
    for episode_id in dataset.episode_ids if episode_ids is None else episode_ids:
        try:
            episodes[episode_id] = dataset.episode(episode_id)
        except DataError as error:
            found.broken.append(str(error))
    for episode_id, episode in episodes.items():
        found.broken += [f"{episode_id}: {line}" for line in _of_episode(dataset, episode)]
    _judge_rates(dataset, episodes, found)
    by_session = camera_faults(dataset, episodes)
    found.camera_faults = sum(by_session.values(), CameraFaults())
    broken, doubts = judge(by_session)
    found.broken += broken
    found.doubts += doubts
    if episode_ids is None:
        if len(episodes) == len(dataset):
            _judge_distances(dataset, found)
        found.doubts += _around(dataset, episodes)
    return found


def shown(lines: list[str]) -> list[str]:
    """The first of many sentences, and how many more there are."""
    return (
        lines if len(lines) <= _SHOWN else [*lines[:_SHOWN], f"... and {len(lines) - _SHOWN} more"]
    )


def _of_episode(dataset: Dataset, episode: EpisodeReader) -> Iterable[str]:
    """What is broken within an episode that can be read."""
    card, state = dataset.card, episode.state
    steps = np.diff(state["time_s"])
    if not np.isfinite(state["time_s"]).all() or (steps <= 0).any():
        yield "time does not increase"
    elif gaps := sum(breaks(float(step), card.rate_hz, ROUNDING) for step in steps):
        yield f"{gaps} gaps longer than {GAP_PERIODS:g} periods"
    steer = state["steer_rad"].astype(np.float64)
    if not np.isfinite(steer).all():
        yield f"{int((~np.isfinite(steer)).sum())} steering labels are not finite"
    beyond = int((np.abs(steer) > card.steering.max_road_wheel_rad * (1 + 1e-6)).sum())
    if beyond:
        yield (
            f"{beyond} steering labels beyond the maximum steering angle of "
            f"{card.steering.max_road_wheel_deg:g} degrees"
        )
    camera = card.camera
    if camera is None:
        pass
    elif not episode.has(Modality.RGB):
        yield "has no rgb, the camera that a student sees"
    elif episode.frame_shape(Modality.RGB)[:2] != (camera.height, camera.width):
        height, width = episode.frame_shape(Modality.RGB)[:2]
        yield f"rgb is {width}x{height}, the card's camera is {camera.width}x{camera.height}"
    yield from _of_vectors(episode, card)
    yield from _of_points(episode)


def _of_vectors(episode: EpisodeReader, card: DatasetCard) -> Iterable[str]:
    """What is broken about the vectors."""
    for modality, length in card.vectors.items():
        if not episode.has(modality):
            continue
        frames = np.asarray(episode.frames(modality))
        if frames.shape[1:] != (length,):
            yield f"{modality} has {frames.shape[1]} numbers a frame, {length} by the card"
        if not np.isfinite(frames).all():
            yield f"{int((~np.isfinite(frames)).sum())} numbers of {modality} are not finite"


def _of_points(episode: EpisodeReader) -> Iterable[str]:
    """What is broken about the LiDAR's points."""
    try:
        frames = episode.lidar_points or ()
        strange = sum(not np.isfinite(points).all() for points in frames)
    except DataError as error:
        yield str(error)
        return
    if strange:
        yield f"{strange} frames have LiDAR points that are not finite"


def _judge_rates(dataset: Dataset, episodes: dict[str, EpisodeReader], found: Findings) -> None:
    """Compare the card's rate with the rate of all episodes together, which must agree, and with
    that of each session, which may differ but then is a doubt.

    Args:
        dataset: that is checked.
        episodes: its readable episodes by id.
        found: gets the sentences.
    """
    by_session: dict[str, list[Float64]] = {}
    for episode_id, episode in episodes.items():
        by_session.setdefault(dataset.origin(episode_id).session, []).append(
            np.diff(episode.state["time_s"])
        )
    steps = {session: np.concatenate(parts) for session, parts in by_session.items()}
    rate_hz = measured_rate_hz(np.concatenate([np.zeros(0), *steps.values()]))
    card_hz = dataset.card.rate_hz
    if rate_hz is not None and not same_rate(rate_hz, card_hz):
        found.broken.append(f"recorded at {rate_hz:.2f} Hz, the card says {card_hz:g} Hz")
        return
    others = {}
    for session, own in steps.items():
        own_hz = measured_rate_hz(own) if len(own) >= MIN_STEPS else None
        if own_hz is not None and not same_rate(own_hz, card_hz):
            others[session] = own_hz
    if others:
        named = ", ".join(
            f"{session} at {own_hz:.2f} Hz" for session, own_hz in list(others.items())[:3]
        )
        found.doubts.append(
            f"{len(others)} of {len(steps)} sessions were recorded at another rate than the card's "
            f"{card_hz:g} Hz: {named}"
        )


def _judge_distances(dataset: Dataset, found: Findings) -> None:
    measured = splits_apart_s(dataset)
    for split, distance_s in measured.items():
        if distance_s is not None and distance_s < CLOSE_S:
            found.doubts.append(f"split '{split}': {told(distance_s, 'the other splits')}")
        if split in dataset.card.apart_s and not _equal(dataset.card.apart_s[split], distance_s):
            claimed = told(dataset.card.apart_s[split], "the other splits")
            found.broken.append(
                f"the card's apart_s says that split '{split}' lies {claimed}; it lies "
                f"{told(distance_s, 'them')}. Correct it"
            )


def _equal(one: float | None, other: float | None) -> bool:
    return one == other if one is None or other is None else abs(one - other) < 1e-3


def _around(dataset: Dataset, episodes: dict[str, EpisodeReader]) -> Iterable[str]:
    """What is odd about the files around the episodes."""
    for part in dataset.parts:
        for folder in (entry for entry in entries(part.path / EPISODES_DIR) if is_partial(entry)):
            yield f"{folder.name}: a recording that was not finished, ignored"
    known = {f"{modality}.npy" for modality in (*Modality, *dataset.card.vectors)}
    known |= {STATE_NAME, AHEAD_NAME, PLAN_NAME, MISTAKES_NAME, POINTS_NAME, POINTS_END_NAME}
    for episode_id, episode in episodes.items():
        strangers = sorted(entry.name for entry in entries(episode.path) if entry.name not in known)
        if strangers:
            yield f"{episode_id}: unknown files, ignored: {', '.join(shown(strangers))}"
    for modality in dataset.card.modalities:
        if episodes and not any(episode.has(modality) for episode in episodes.values()):
            yield f"the card names {modality}, which no episode has"
    for split, ids in dataset.card.splits.items():
        if not ids:
            yield f"the split '{split}' is empty"
