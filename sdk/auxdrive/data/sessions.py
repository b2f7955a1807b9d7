"""How far apart in time frames were taken, which decides whether training and validation data are
independent.

Frames of one drive that lie close in time are nearly the same image. So parts of a data set are
compared on the clock of the session that they share (`EpisodeOrigin`). Frames of different sessions
are independent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from auxdrive.data.dataset import Dataset
from auxdrive.types import Float64

CLOSE_S = 1.0
"""Parts that come closer than this are not independent: a frame of one is almost the same image as
one of the other.
"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive frames of an episode.

    Attributes:
        episode_id: of the episode.
        start: index of the first frame.
        stop: index after the last frame.
    """

    episode_id: str
    start: int
    stop: int


def whole(dataset: Dataset, episode_ids: Iterable[str]) -> tuple[Stretch, ...]:
    """Whole episodes as stretches.

    Args:
        dataset: that holds the episodes.
        episode_ids: of the episodes.
    """
    return tuple(
        Stretch(episode_id, 0, len(dataset.episode(episode_id))) for episode_id in episode_ids
    )


def session_times(dataset: Dataset, stretches: Iterable[Stretch]) -> dict[str, Float64]:
    """When the frames of stretches were taken.

    Args:
        dataset: that holds the episodes.
        stretches: of its episodes.

    Returns:
        By session the times of its frames, sorted, in seconds on the session's clock.
    """
    times: dict[str, list[Float64]] = {}
    for each in stretches:
        origin = dataset.origin(each.episode_id)
        taken_s = np.asarray(
            dataset.episode(each.episode_id).state["time_s"][each.start : each.stop],
            dtype=np.float64,
        )
        times.setdefault(origin.session, []).append(origin.start_s + taken_s)
    return {session: np.sort(np.concatenate(parts)) for session, parts in times.items()}


def distances_s(times_s: Float64, others_s: Float64) -> Float64:
    """How far each time is from the nearest of others.

    Args:
        times_s: (N,).
        others_s: (M,), sorted.

    Returns:
        (N,), infinite where there are no others.
    """
    if not len(others_s):
        return np.full(len(times_s), np.inf)
    after = np.searchsorted(others_s, times_s)
    before = np.abs(times_s - others_s[np.maximum(after - 1, 0)])
    nearest: Float64 = np.minimum(
        before, np.abs(others_s[np.minimum(after, len(others_s) - 1)] - times_s)
    )
    return nearest


def apart_s(one: Mapping[str, Float64], other: Mapping[str, Float64]) -> float | None:
    """The shortest time between a frame of one part and a frame of another; None where they share
    no session.

    Args:
        one: the times of one part (see `session_times`).
        other: the times of the other.
    """
    shared = [
        float(distances_s(one[session], other[session]).min())
        for session in one
        if session in other
    ]
    return min(shared, default=None)


def splits_apart_s(dataset: Dataset) -> dict[str, float | None]:
    """The value of `DatasetCard.apart_s`: how far each split with episodes is from the nearest
    other one.
    """
    times = {
        name: session_times(dataset, whole(dataset, ids))
        for name, ids in dataset.card.splits.items()
        if ids
    }
    found: dict[str, float | None] = {}
    for name, own in times.items():
        others = [
            distance
            for other, theirs in times.items()
            if other != name and (distance := apart_s(own, theirs)) is not None
        ]
        found[name] = min(others, default=None)
    return found if len(found) > 1 else {}


def told(distance_s: float | None, what: str) -> str:
    """A distance in words.

    Args:
        distance_s: in seconds; None where no session is shared.
        what: from which it is measured.
    """
    if distance_s is None:
        return f"in other sessions than {what}"
    close = (
        ""
        if distance_s >= CLOSE_S
        else ": too close, frames so near each other are almost the same image"
    )
    return f"at least {distance_s:.2f} s from {what}{close}"
