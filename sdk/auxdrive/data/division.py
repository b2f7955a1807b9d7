"""Which frames are trained on, and which are held out for validation.

A frame counts as unseen only if training saw no frame shortly before or after it, since such frames
are nearly the same image. So whole sessions are held out where there are several, and otherwise
whole minutes of a session, with a margin around them that is not used at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auxdrive.data.dataset import TRAIN_SPLIT, VALIDATION_SPLIT, Dataset
from auxdrive.data.sessions import (
    CLOSE_S,
    Stretch,
    apart_s,
    distances_s,
    session_times,
    told,
    whole,
)
from auxdrive.errors import DataError, UsageError
from auxdrive.types import Float64

CARVE_EVERY = 5
MINUTE_S = 60.0
"""How long a stretch is held out of a session, where the session is long enough."""
MARGIN_S = 5.0
"""Frames nearer than this to a stretch that is held out belong to neither part. A quarter of the
stretch's length is used where that is less.
"""


@dataclass(frozen=True)
class TrainingParts:
    """The frames to train on and the frames to validate on. No frame is in both.

    Attributes:
        train: stretches of episodes to train on.
        validation: stretches of episodes to validate on.
        carved: whether the validation frames were taken from the training split, because the data
            set has no validation split.
        apart_s: the shortest time between a frame of one and a frame of the other; None where they
            share no session.
        how: what was held out and how far it lies from the training frames, as a sentence.
    """

    train: tuple[Stretch, ...]
    validation: tuple[Stretch, ...]
    carved: bool
    apart_s: float | None
    how: str


def training_parts(dataset: Dataset, carve_every: int = CARVE_EVERY) -> TrainingParts:
    """The frames of the card's splits `train` and `val`. Without splits every episode counts as
    `train`.

    Where there is no `val`, a part of the training frames is held out for validation. Which part
    depends on the card and the recorded times alone, so it is the same every time:

    - Whole sessions, evenly spread over all sessions in the order of their names, as long as they
      are no more than the part to hold out; or else the single session whose size comes nearest to
      it, if that is at most half of all.
    - Where no session fits, the last minute of every `carve_every` minutes (or the last part of a
      shorter recording). Frames within a margin belong to neither part: `MARGIN_S`, or a quarter of
      the stretch's length but at least `CLOSE_S` where that is less. Frames that several cameras
      took at the same time go to the same part.

    Args:
        dataset: that is divided.
        carve_every: one frame in so many is held out.

    Raises:
        DataError: a split is empty, the card has splits but none called `train`, or the data are
            too short to be divided.
        UsageError: `carve_every` is less than 2.
    """
    if carve_every < 2:
        raise UsageError(
            f"carve_every must be at least 2, got {carve_every}: holding everything out would "
            "leave nothing to train on"
        )
    train, splits = _training_episodes(dataset), dataset.card.splits
    if VALIDATION_SPLIT not in splits:
        return _carve(dataset, train, carve_every)
    if not splits[VALIDATION_SPLIT]:
        raise DataError(
            f"{dataset.name}: the split '{VALIDATION_SPLIT}' is empty; name episodes in it or "
            "leave it out"
        )
    return _parts(
        dataset,
        whole(dataset, train),
        whole(dataset, splits[VALIDATION_SPLIT]),
        f"the split '{VALIDATION_SPLIT}'",
        carved=False,
    )


def _training_episodes(dataset: Dataset) -> tuple[str, ...]:
    """The ids of the episodes of the card's split `train`; of all episodes where the card has no
    splits.

    Raises:
        DataError: the split is empty, or the card has splits but none called `train`.
    """
    splits = dataset.card.splits
    if splits and TRAIN_SPLIT not in splits:
        raise DataError(
            f"{dataset.name}: the card has the splits {', '.join(sorted(splits))}, but none called "
            f"'{TRAIN_SPLIT}' to train on"
        )
    train = splits[TRAIN_SPLIT] if splits else dataset.episode_ids
    if not train:
        raise DataError(
            f"{dataset.name}: the split '{TRAIN_SPLIT}' is empty; name episodes in the card's "
            "`splits`"
        )
    return train


def _parts(
    dataset: Dataset,
    train: tuple[Stretch, ...],
    validation: tuple[Stretch, ...],
    what: str,
    *,
    carved: bool,
) -> TrainingParts:
    distance_s = apart_s(session_times(dataset, validation), session_times(dataset, train))
    return TrainingParts(
        train, validation, carved, distance_s, f"{what}, {told(distance_s, 'training frames')}"
    )


def _carve(dataset: Dataset, train: tuple[str, ...], every: int) -> TrainingParts:
    sessions: dict[str, list[str]] = {}
    for episode_id in sorted(train):
        sessions.setdefault(dataset.origin(episode_id).session, []).append(episode_id)
    frames = {
        session: sum(len(dataset.episode(each)) for each in ids)
        for session, ids in sorted(sessions.items())
    }
    held = _whole_sessions(frames, every)
    if not held:
        return _carve_minutes(dataset, sessions, every)
    train = tuple(each for session, ids in sessions.items() if session not in held for each in ids)
    validation = tuple(each for session, ids in sessions.items() if session in held for each in ids)
    what = f"{len(held)} of {len(sessions)} training sessions"
    return _parts(dataset, whole(dataset, train), whole(dataset, validation), what, carved=True)


def _whole_sessions(frames: dict[str, int], every: int) -> set[str]:
    """The sessions to hold out.

    Args:
        frames: how many each session has, in the order of their names.
        every: one frame in so many is to be held out.

    Returns:
        Their names; empty where whole sessions cannot come near that part.
    """
    held: set[str] = set()
    seen = taken = 0
    for session, count in frames.items():
        seen += count
        if (taken + count) * every <= seen:
            held.add(session)
            taken += count
    if 2 * taken * every >= seen:
        return held
    fitting = [
        session
        for session, count in frames.items()
        if seen <= 2 * count * every and 2 * count <= seen
    ]
    return (
        {min(reversed(fitting), key=lambda session: abs(frames[session] * every - seen))}
        if fitting
        else set()
    )


@dataclass(frozen=True)
class _Line:
    """The frames of a session in the order of time.

    Attributes:
        time_s: (N,), when each was taken, on the session's clock.
        episode: (N,), the place of its episode in `names`.
        frame: (N,), its index within the episode.
        names: ids of the session's episodes.
    """

    time_s: Float64
    episode: NDArray[np.int64]
    frame: NDArray[np.int64]
    names: list[str]

    def stretches(self, chosen: NDArray[np.bool_]) -> list[Stretch]:
        """Some of the frames as stretches of episodes.

        Args:
            chosen: (N,), True for the frames to take.
        """
        found: list[Stretch] = []
        for place, name in enumerate(self.names):
            numbers = np.sort(self.frame[chosen & (self.episode == place)])
            runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
            found += [Stretch(name, int(run[0]), int(run[-1]) + 1) for run in runs if run.size]
        return found


def _line(dataset: Dataset, names: list[str]) -> _Line:
    readers = [dataset.episode(name) for name in names]
    time_s = np.concatenate(
        [
            dataset.origin(r).start_s + np.asarray(e.state["time_s"])
            for r, e in zip(names, readers, strict=True)
        ]
    )
    lengths = [len(reader) for reader in readers]
    order = np.argsort(time_s, kind="stable")
    episode = np.repeat(np.arange(len(names)), lengths)
    frame = np.concatenate([np.arange(length) for length in lengths])
    return _Line(time_s[order], episode[order], frame[order], names)


def _carve_minutes(dataset: Dataset, sessions: dict[str, list[str]], every: int) -> TrainingParts:
    lines = [_line(dataset, sessions[session]) for session in sorted(sessions)]
    total = sum(len(line.time_s) for line in lines)
    # frames that several cameras took at the same time count once
    seconds = sum(len(np.unique(line.time_s)) for line in lines) / dataset.card.rate_hz
    periods = max(1, round(seconds / (every * MINUTE_S)))
    held_s = seconds / (periods * every)
    margin_s = float(np.clip(held_s / 4, CLOSE_S, MARGIN_S))
    # The place of each frame within its period, from 0 to `total`: the last `every`-th part of each
    # period is held out.
    place = np.arange(total) * periods % total
    held = np.split(
        place * every >= total * (every - 1), np.cumsum([len(line.time_s) for line in lines])[:-1]
    )
    train: list[Stretch] = []
    validation: list[Stretch] = []
    for line, inside in zip(lines, held, strict=True):
        far = distances_s(line.time_s, line.time_s[inside]) >= margin_s
        validation += line.stretches(inside)
        train += line.stretches(far)
    if not train or not validation:
        raise DataError(
            f"{dataset.name}: {seconds:.1f} s of one drive and no split '{VALIDATION_SPLIT}'. That "
            "is too short to hold out a part that "
            f"lies {margin_s:g} s from what trains: record longer, or a second drive, which is a "
            "session of its own"
        )
    kept = sum(each.stop - each.start for each in (*train, *validation))
    what = (
        f"{periods} stretch(es) of {held_s:.0f} s held out ({total - kept} frames around them "
        "belong to neither part)"
    )
    return _parts(dataset, tuple(train), tuple(validation), what, carved=True)


def how_far(dataset: Dataset, split: str, parts: TrainingParts) -> tuple[str, float | None]:
    """How far in time a split lies from the training frames.

    Args:
        dataset: that holds the split.
        split: its name.
        parts: that are trained and validated on.

    Returns:
        The distance as a sentence, and in seconds (None where they share no session).

    Raises:
        UsageError: there is no split of that name.
    """
    own = session_times(dataset, whole(dataset, dataset.split(split)))
    distance_s = apart_s(own, session_times(dataset, parts.train))
    return f"the split '{split}', {told(distance_s, 'training frames')}", distance_s
