"""Which frames of an episode can be trained on: those for which the task has labels, within the
stretches that were chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.data.driving_mistakes import near_mistakes
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.plan import with_plan
from auxdrive.data.sessions import Stretch, whole
from auxdrive.errors import DataError
from auxdrive.types import Float32, Float64
from numpy.typing import NDArray

from auxdrive_train.tasks.base import Labels, Task


@dataclass(frozen=True)
class UsableFrames:
    """The usable frames of one episode.

    Attributes:
        rows: int64 (N,), their records in the episode, in the order of time.
        session: the drive that the episode is from.
        taken_s: float64 (N,), when each was taken, in seconds since the drive began.
        ego: float32 (N, E), ego inputs in physical units.
        label: float32 (N, *label_shape), labels in physical units.
        near_mistake: bool (N,), which lie around a mistake of whoever drove.
    """

    rows: NDArray[np.int64]
    session: str
    taken_s: Float64
    ego: Float32
    label: Float32
    near_mistake: NDArray[np.bool_]


def by_episode(dataset: Dataset, parts: Iterable[str | Stretch]) -> dict[str, list[Stretch]]:
    """The stretches of each episode, in the order in which they are named.

    Args:
        dataset: the data set.
        parts: episodes by name, each as one stretch, or stretches of episodes.

    Raises:
        UsageError: there is no episode of that name.
    """
    stretches: dict[str, list[Stretch]] = {}
    for each in parts:
        for part in whole(dataset, [each]) if isinstance(each, str) else (each,):
            stretches.setdefault(part.episode_id, []).append(part)
    return stretches


def usable_frames(
    dataset: Dataset, name: str, reader: EpisodeReader, stretches: Sequence[Stretch], task: Task
) -> UsableFrames:
    """The frames of an episode that have labels and lie in one of the stretches; there may be none.

    Args:
        dataset: the data set.
        name: the episode's name in it.
        reader: the episode.
        stretches: parts of the episode. Labels may use records after the end of a stretch.
        task: what the labels are for.

    Raises:
        DataError: the episode's records are damaged.
    """
    try:
        labels = labels_of(task, reader, dataset.card.rate_hz)
    except DataError as error:
        raise DataError(f"{reader.path}: {error}") from error
    inside = np.zeros_like(labels.valid)
    for part in stretches:
        inside[part.start : part.stop] = True
    rows = np.flatnonzero(inside & labels.valid).astype(np.int64)
    origin, time_s = dataset.origin(name), reader.state["time_s"][rows]
    return UsableFrames(
        rows=rows,
        session=origin.session,
        taken_s=origin.start_s + time_s,
        ego=labels.ego[rows],
        label=labels.label[rows],
        near_mistake=near_mistakes(time_s, reader.mistakes),
    )


def labels_of(task: Task, reader: EpisodeReader, rate_hz: float) -> Labels:
    """The labels of an episode's frames.

    Where somebody else drove than whose control is the label, as in a student's drive with the
    labels of an expert, the label of a frame comes from it and the records that would have followed
    it (`EpisodeReader.ahead`). The frames that did follow are the other's drive. The expert's plans
    are its own in any drive.

    Args:
        task: what the labels are for.
        reader: the episode.
        rate_hz: frames per second of the data set.

    Raises:
        DataError: the episode's records are damaged.
    """
    if task.reads_plan:
        return task.labels(with_plan(reader.state, reader.plan), rate_hz)
    ahead = reader.ahead
    if ahead is None:
        return task.labels(reader.state, rate_hz)
    state = reader.state
    of_each = [
        task.labels(np.concatenate([state[row : row + 1], ahead[row]]), rate_hz)
        for row in range(len(state))
    ]
    return Labels(
        valid=np.array([labels.valid[0] for labels in of_each]),
        ego=np.stack([labels.ego[0] for labels in of_each]),
        label=np.stack([labels.label[0] for labels in of_each]),
    )


def why_none(dataset: Dataset, readers: Sequence[EpisodeReader], task: Task) -> str:
    """The message if no frame of these episodes is usable.

    Args:
        dataset: the data set.
        readers: its episodes that were chosen, at least one.
        task: what the labels are for.
    """
    records = sum(len(reader) for reader in readers)
    rows = np.concatenate([task.ego.from_state(reader.state) for reader in readers])
    unknown = [
        name
        for name, columns in task.ego.columns.items()
        if not np.isfinite(rows[:, columns]).all(axis=1).any()
    ]
    if task.reads_plan and all(reader.plan is None for reader in readers):
        unknown.append("the expert's plan (plan.npy)")
    why = f": no record holds {' or '.join(unknown)}" if unknown else ""
    needs = ", ".join(task.ego.names) or "no inputs beside the image"
    return (
        f"{dataset.name}: none of {records} records in {len(readers)} episodes has labels for the "
        f"task '{task.name}' ({needs}; label {task.output.name}){why}. Choose another task, or "
        "record these inputs, and what the label is made of (such as the pose), in longer episodes"
    )
