"""SHA-256 of what was recorded, by which model cards name the data that they were trained on. What
it covers: `Dataset.fingerprint`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from auxdrive.cards import DatasetCard
from auxdrive.data.episode_files import (
    AHEAD_NAME,
    MISTAKES_NAME,
    PLAN_NAME,
    POINTS_END_NAME,
    POINTS_NAME,
    STATE_NAME,
)
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.modalities import MODALITIES
from auxdrive.storage.reading import open_regular, refusals

_EDGE_BYTES = 65536
_SAMPLES = 16
_SAMPLE_BYTES = 4096


def fingerprint_of(card: DatasetCard, episodes: Mapping[str, EpisodeReader]) -> str:
    """The fingerprint of a data set in one folder.

    Args:
        card: of the data set.
        episodes: all of them by their ids, in their order.
    """
    digest = hashlib.sha256(b"auxdrive-dataset-fingerprint-1\0")
    recorded = tuple(
        modality for modality in card.modalities if MODALITIES[modality].derived_from is None
    )
    _feed(digest, card.model_copy(update={"modalities": recorded}).model_dump_json().encode())
    for episode_id, episode in episodes.items():
        _feed(digest, os.fsencode(episode_id))  # a name is bytes: on Unix it need not be UTF-8
        _feed_episode(digest, episode)
    return digest.hexdigest()


def fingerprint_of_parts(fingerprints: Iterable[str]) -> str:
    """The fingerprint of several data sets that are used as one: over those of all, in their
    order.
    """
    joined = hashlib.sha256(b"auxdrive-joined-fingerprint-1\0")
    for each in fingerprints:
        _feed(joined, each.encode())
    return joined.hexdigest()


def fingerprint_of_episode(episode: EpisodeReader) -> str:
    """The fingerprint of one episode, whatever its id."""
    digest = hashlib.sha256(b"auxdrive-episode-fingerprint-1\0")
    _feed_episode(digest, episode)
    return digest.hexdigest()


def _feed_episode(digest: hashlib._Hash, episode: EpisodeReader) -> None:
    _feed(digest, _read(episode.path / STATE_NAME))
    if episode.ahead is not None:
        _feed(digest, _read(episode.path / AHEAD_NAME))
    if episode.has_lidar_points:
        _feed(digest, _read(episode.path / POINTS_END_NAME))
        _feed(digest, _excerpts(episode.path / POINTS_NAME))
    if episode.plan is not None:
        _feed(digest, PLAN_NAME.encode())  # so that it cannot pass for `ahead.npy`
        _feed(digest, _read(episode.path / PLAN_NAME))
    if episode.mistakes:
        _feed(digest, MISTAKES_NAME.encode())
        _feed(digest, _read(episode.path / MISTAKES_NAME))
    for modality in episode.modalities:
        source = MODALITIES[modality].derived_from
        if source is None or not episode.has(source):
            _feed(digest, modality.value.encode())
            _feed(digest, _excerpts(episode.path / f"{modality}.npy"))


def _feed(digest: hashlib._Hash, data: bytes) -> None:
    """Hash with the length before, so that no two sequences of parts can look the same."""
    digest.update(len(data).to_bytes(8, "little"))
    digest.update(data)


def _read(path: Path) -> bytes:
    with open_regular(path) as file, refusals(path):
        return file.read()


def _excerpts(path: Path) -> bytes:
    """Size, beginning, end and evenly spread blocks of a file; all of it when it is small."""
    with open_regular(path) as file, refusals(path):
        size = os.fstat(file.fileno()).st_size
        parts = [size.to_bytes(8, "little")]
        if size <= 2 * _EDGE_BYTES + _SAMPLES * _SAMPLE_BYTES:
            return b"".join((*parts, file.read()))
        parts.append(file.read(_EDGE_BYTES))
        inner = size - 2 * _EDGE_BYTES - _SAMPLE_BYTES
        for index in range(_SAMPLES):
            file.seek(_EDGE_BYTES + inner * index // (_SAMPLES - 1))
            parts.append(file.read(_SAMPLE_BYTES))
        file.seek(size - _EDGE_BYTES)
        parts.append(file.read(_EDGE_BYTES))
        return b"".join(parts)
