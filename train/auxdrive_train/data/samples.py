"""The samples of some episodes: which frames can be used, and reading them from memory-mapped
files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import torch
from auxdrive.cards import DatasetCard, HistorySpec
from auxdrive.data.dataset import Dataset
from auxdrive.data.division import MINUTE_S
from auxdrive.data.sessions import Stretch
from auxdrive.errors import DataError
from auxdrive.history import earlier_rows
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.types import AnyArray, Float32, Float64
from numpy.typing import NDArray
from torch import Tensor

from auxdrive_train.data.batch import Batch
from auxdrive_train.data.frame_shapes import common_shape, missing_in, refuse_too_rare
from auxdrive_train.data.usable_frames import by_episode, usable_frames, why_none
from auxdrive_train.tasks.base import Task


@dataclass(frozen=True)
class SampleSet:
    """All valid frames of some episodes, or of stretches of them, numbered from 0 in the order of
    episodes and time.

    Attributes:
        card: the data set's card.
        task: what the labels are for.
        modalities: what `gather` reads.
        episode_ids: the episodes, each once.
        frame_shapes: by modality, the shape of one stored frame, equal in all episodes.
        missing: by modality, the episodes that lack it; no key if none does. Their frames are read
            as zeros and are not `present`.
        episode_of: int64 (N,), each sample's episode, as an index of `episode_ids`.
        frame_of: int64 (N,), each sample's record within its episode.
        session_of: int64 (N,), a number for the drive that each sample is from.
        taken_s: float64 (N,), when each sample was taken, in seconds since its drive began.
        ego: float32 (N, E), ego inputs in physical units.
        label: float32 (N, *label_shape), labels in physical units.
        near_mistake: bool (N,), which lie around a mistake of whoever drove.
        history: which images of the camera `gather` reads of a sample.
    """

    card: DatasetCard
    task: Task
    modalities: tuple[Modality, ...]
    episode_ids: tuple[str, ...]
    frame_shapes: dict[Modality, tuple[int, ...]]
    missing: dict[Modality, list[str]]
    episode_of: NDArray[np.int64]
    frame_of: NDArray[np.int64]
    session_of: NDArray[np.int64]
    taken_s: Float64
    ego: Float32
    label: Float32
    near_mistake: NDArray[np.bool_]
    history: HistorySpec
    _frames: dict[Modality, list[AnyArray | None]] = field(repr=False)
    _earlier: list[NDArray[np.int64]] = field(repr=False)  # by episode, see `earlier_rows`

    @classmethod
    def open(
        cls,
        dataset: Dataset,
        parts: Iterable[str | Stretch],
        task: Task,
        modalities: Iterable[Modality],
        history: HistorySpec = HistorySpec(),
    ) -> Self:
        """Map the files and read the labels. Frames are read only by `gather`.

        Every file stays mapped: one mapping per episode and modality (Linux allows 65,530 by
        default).

        Args:
            dataset: the data set.
            parts: episodes by name, or stretches of episodes. Labels may use records after the end
                of a stretch, within the episode.
            task: what the labels are for.
            modalities: what `gather` is to read.
            history: which images of the camera it is to read of a sample. Earlier ones may lie
                before a stretch, within the episode.

        Raises:
            UsageError: there is no episode of that name.
            DataError: there are no episodes, no modalities or no valid samples, no episode has a
                modality, frames differ in size, or they are too rare for `history`.
        """
        refuse_too_rare(dataset, history)
        stretches, kinds = by_episode(dataset, parts), tuple(dict.fromkeys(modalities))
        if not stretches or not kinds:
            raise DataError(
                f"{dataset.name}: no {'modalities' if stretches else 'episodes'} were chosen, so "
                "there is nothing to train on"
            )
        readers = {name: dataset.episode(name) for name in stretches}
        shapes = {modality: common_shape(dataset, readers, modality) for modality in kinds}
        found = [
            usable_frames(dataset, name, reader, stretches[name], task)
            for name, reader in readers.items()
        ]
        counts = [each.rows.size for each in found]
        if not any(counts):
            raise DataError(why_none(dataset, tuple(readers.values()), task))
        sessions = np.unique([each.session for each in found], return_inverse=True)[1]
        return cls(
            card=dataset.card,
            task=task,
            modalities=kinds,
            episode_ids=tuple(readers),
            frame_shapes=shapes,
            missing=missing_in(readers, kinds),
            episode_of=np.repeat(np.arange(len(found), dtype=np.int64), counts),
            frame_of=np.concatenate([each.rows for each in found]),
            session_of=np.repeat(sessions.astype(np.int64), counts),
            taken_s=np.concatenate([each.taken_s for each in found]),
            ego=np.concatenate([each.ego for each in found]),
            label=np.concatenate([each.label for each in found]),
            near_mistake=np.concatenate([each.near_mistake for each in found]),
            history=history,
            _earlier=[earlier_rows(each.state["time_s"], history) for each in readers.values()]
            if history.frames > 1
            else [],
            # A plain view of the map: slicing np.memmap itself takes as long as copying a small
            # frame.
            _frames={
                m: [np.asarray(r.frames(m)) if r.has(m) else None for r in readers.values()]
                for m in kinds
            },
        )

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.frame_of)

    def chosen(self, numbers: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """Some of the samples.

        Args:
            numbers: the samples' numbers, in the wanted order, repeated if wanted; or a mask, bool
                (N,).
        """
        return replace(
            self,
            episode_of=self.episode_of[numbers],
            frame_of=self.frame_of[numbers],
            session_of=self.session_of[numbers],
            taken_s=self.taken_s[numbers],
            ego=self.ego[numbers],
            label=self.label[numbers],
            near_mistake=self.near_mistake[numbers],
        )

    def independent(self, at_least: int) -> tuple[NDArray[np.int64], str]:
        """Groups of samples that are independent of each other: whole sessions if there are at
        least `at_least`, otherwise whole minutes of each session.

        Returns:
            int64 (N,), each sample's group; and in words what a group is.
        """
        sessions = int(np.unique(self.session_of).size)
        if sessions >= at_least:
            return self.session_of, f"{sessions} whole sessions"
        minutes = np.unique(
            np.stack([self.session_of, self.taken_s // MINUTE_S], axis=1),
            axis=0,
            return_inverse=True,
        )[1].reshape(-1)
        return minutes.astype(
            np.int64
        ), f"{int(minutes.max()) + 1} whole minutes of {sessions} session(s)"

    def has(self, modality: Modality) -> NDArray[np.bool_]:
        """bool (N,): which samples have the modality."""
        lacking = set(self.missing.get(modality, ()))
        by_episode = np.array([name not in lacking for name in self.episode_ids])
        having: NDArray[np.bool_] = by_episode[self.episode_of]
        return having

    def vectors(self, modality: Modality) -> Float32:
        """All samples' numbers of a vector, (N, D), of those that have it; a row of zeros where
        none has.

        Args:
            modality: a vector.
        """
        found = [
            np.asarray(source, np.float32)[self.frame_of[self.episode_of == episode]]
            for episode, source in enumerate(self._frames[modality])
            if source is not None
        ]
        rows: Float32 = np.concatenate(found)
        return rows if len(rows) else np.zeros((1, *rows.shape[1:]), np.float32)

    def gather(self, indices: NDArray[np.int64]) -> Batch:
        """Read a batch. Files are read in their own order, whatever the order of the samples.

        Args:
            indices: the samples' numbers, (B,), in the wanted order.

        Raises:
            DataError: there are no numbers, or one is outside 0 .. len - 1.
        """
        index = np.asarray(indices, dtype=np.int64)
        if index.ndim != 1 or index.size == 0 or index.min() < 0 or index.max() >= len(self):
            raise DataError(
                f"gather needs a list of sample numbers in 0..{len(self) - 1}, got shape "
                f"{index.shape}: {index[:8].tolist()}"
            )
        reads = np.argsort(index, kind="stable")
        places = list(
            zip(
                reads.tolist(),
                self.episode_of[index[reads]].tolist(),
                self.frame_of[index[reads]].tolist(),
                strict=True,
            )
        )
        frames, present = {}, {}
        for modality in self.modalities:
            frames[modality], present[modality] = self._gather_one(modality, places)
        return Batch(
            frames=frames,
            present=present,
            ego_be=torch.from_numpy(self.ego[index]),
            label=torch.from_numpy(self.label[index]),
            index=torch.from_numpy(index.copy()),
        )

    def _gather_one(
        self, modality: Modality, places: list[tuple[int, int, int]]
    ) -> tuple[Tensor, Tensor]:
        """Frames of one modality, and which of them are present.

        Copies sample by sample: indexing a whole episode at once would make a temporary copy first,
        and shuffled batches rarely hold two frames of one episode.

        Args:
            modality: what is read.
            places: (row in the batch, episode, frame) for each sample, in the order of the files.
        """
        at_once = self.history.frames if modality is Modality.RGB else 1
        stored = np.empty(
            (len(places), at_once, *self.frame_shapes[modality]),
            dtype=MODALITIES[modality].numpy_dtype,
        )
        present = np.ones(len(places), dtype=np.bool_)
        episodes = self._frames[modality]
        for row, episode, frame in places:
            source = episodes[episode]
            if source is None:
                stored[row] = 0
                present[row] = False
            else:
                stored[row, 0] = source[frame]
                for number in range(1, at_once):
                    stored[row, number] = source[self._earlier[episode][frame, number - 1]]
        frames = stored if at_once > 1 else stored[:, 0]
        return torch.from_numpy(frames), torch.from_numpy(present)
