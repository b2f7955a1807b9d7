"""Episodes in which somebody else drove than whose control is the label: what would have followed
each frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.state import STATE_DTYPE
from auxdrive.errors import DataError, InputError
from auxdrive.inspection.findings import examine
from auxdrive.modalities import Modality
from recorded_episodes import STATE, frame


def later(time_s: float, count: int = 2, **more: Any) -> list[dict[str, Any]]:
    return [
        {"time_s": time_s + 0.1 * (k + 1), "x_m": time_s + k, **STATE, **more} for k in range(count)
    ]


def record(folder: Path, x_m: float = 0.0) -> Path:
    with EpisodeWriter(folder, "e0", [Modality.RGB], ahead=2) as writer:
        for row in range(3):
            time_s = 0.1 * row
            frames = {Modality.RGB: frame(Modality.RGB, row)}
            writer.append(frames, {"time_s": time_s, **STATE}, later(time_s + x_m))
    card = DatasetCard(
        name="a", rate_hz=10.0, modalities=(Modality.RGB,), camera=CameraSpec(width=6, height=4)
    )
    write_card(folder, card)
    return folder / "episodes" / "e0"


def test_what_would_have_followed_is_kept_with_each_frame(tmp_path: Path) -> None:
    episode = EpisodeReader(record(tmp_path))
    ahead = episode.ahead
    assert ahead is not None
    assert (ahead.shape, ahead.dtype) == ((3, 2), STATE_DTYPE)
    assert ahead["x_m"] == pytest.approx(np.array([[0.0, 1.0], [0.1, 1.1], [0.2, 1.2]]))
    assert np.isnan(ahead["speed_mps"]).all()  # unknown
    findings = examine(Dataset.open(tmp_path))
    assert (findings.broken, findings.doubts) == ([], [])


def test_an_episode_without_it_has_none(tmp_path: Path) -> None:
    with EpisodeWriter(tmp_path, "e0", [Modality.RGB]) as writer:
        writer.append({Modality.RGB: frame(Modality.RGB, 0)}, {"time_s": 0.0, **STATE})
    assert EpisodeReader(tmp_path / "episodes" / "e0").ahead is None


def test_it_belongs_to_what_was_recorded(tmp_path: Path) -> None:
    """Two recordings that differ in nothing else have other fingerprints: their labels differ."""
    one, other = tmp_path / "one", tmp_path / "other"
    record(one)
    record(other, x_m=0.5)
    assert Dataset.open(one).fingerprint() != Dataset.open(other).fingerprint()


def test_what_does_not_fit_is_refused_and_leaves_the_recording_as_it_was(tmp_path: Path) -> None:
    frames = {Modality.RGB: frame(Modality.RGB, 0)}
    with EpisodeWriter(tmp_path, "e0", [Modality.RGB], ahead=2) as writer:
        for ahead, message in (
            ((), "give 2 states of what would have followed, got 0"),
            (later(0.0, 3), "give 2 states of what would have followed, got 3"),
            (later(0.0)[::-1], "times of what would have followed must increase"),
            (later(-0.1), "times of what would have followed must increase"),
            (later(0.0, brake=3.0), "a pedal goes from 0 to 1"),
        ):
            with pytest.raises(InputError, match=message):
                writer.append(frames, {"time_s": 0.0, **STATE}, ahead)
        writer.append(frames, {"time_s": 0.0, **STATE}, later(0.0))
    assert len(EpisodeReader(tmp_path / "episodes" / "e0")) == 1
    with EpisodeWriter(tmp_path, "e1", [Modality.RGB]) as writer:
        with pytest.raises(InputError, match="give 0 states of what would have followed, got 2"):
            writer.append(frames, {"time_s": 0.0, **STATE}, later(0.0))
        writer.append(frames, {"time_s": 0.0, **STATE})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (np.zeros((2, 2), STATE_DTYPE), "must hold some records for each of the 3 frames"),
        (np.zeros((3, 0), STATE_DTYPE), "must hold some records for each of the 3 frames"),
        (np.zeros(3, STATE_DTYPE), "must hold some records for each of the 3 frames"),
        (np.zeros((3, 2)), "the records are not of auxdrive's STATE_DTYPE"),
    ],
)
def test_damage_is_told(tmp_path: Path, damage: np.ndarray, message: str) -> None:
    path = record(tmp_path)
    np.save(path / "ahead.npy", damage)
    with pytest.raises(DataError, match=message):
        EpisodeReader(path)
