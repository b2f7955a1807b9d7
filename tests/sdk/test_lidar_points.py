"""Points of a LiDAR in episodes: as many in each frame as there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.errors import DataError, InputError
from auxdrive.inspection.findings import examine
from auxdrive.inspection.summary import summarise
from auxdrive.modalities import Modality
from auxdrive.storage.arrays import NpyStream
from recorded_episodes import STATE, frame

COUNTS = (5, 0, 3)


def points(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed + count).random((count, 4), np.float32)


def append(writer: EpisodeWriter, row: int, given: object) -> None:
    frames = {Modality.RGB: frame(Modality.RGB, row)}
    writer.append(frames, {"time_s": 0.1 * row, **STATE}, lidar_points=given)  # type: ignore[arg-type]


def record(folder: Path, counts: tuple[int, ...] = COUNTS, seed: int = 0) -> Path:
    with EpisodeWriter(folder, "e0", [Modality.RGB], lidar_points=True) as writer:
        for row, count in enumerate(counts):
            append(writer, row, points(count, seed))
    camera = CameraSpec(width=6, height=4)
    card = DatasetCard(name="a", rate_hz=10.0, modalities=(Modality.RGB,), camera=camera)
    write_card(folder, card)
    return folder / "episodes" / "e0"


def test_each_frame_has_its_own_points(tmp_path: Path) -> None:
    episode = EpisodeReader(record(tmp_path))
    found = episode.lidar_points
    assert found is not None
    assert (len(found), found.total) == (3, 8)
    for row, count in enumerate(COUNTS):
        assert np.array_equal(found[row], points(count))
    assert np.array_equal(found[-1], points(3))
    assert [len(each) for each in found[1:]] == [0, 3]
    with pytest.raises(ValueError, match="read-only"):
        found[0][0] = 0.0
    with pytest.raises(IndexError):
        found[3]
    findings = examine(Dataset.open(tmp_path))
    assert (findings.broken, findings.doubts) == ([], [])
    told = summarise(Dataset.open(tmp_path))["lidar_points"]
    assert told == {"episodes": 1, "frames": 3, "points": 8}


def test_frames_without_any_point_are_a_recording_too(tmp_path: Path) -> None:
    found = EpisodeReader(record(tmp_path, (0, 0))).lidar_points
    assert found is not None
    assert found.total == 0
    assert found[1].shape == (0, 4)


def test_they_belong_to_what_was_recorded(tmp_path: Path) -> None:
    one, other, apart = tmp_path / "one", tmp_path / "other", tmp_path / "apart"
    record(one)
    record(other, seed=1)
    np.save(record(apart) / "lidar_points_end.npy", np.array([4, 5, 8]))
    assert len({Dataset.open(folder).fingerprint() for folder in (one, other, apart)}) == 3


def test_what_does_not_fit_is_refused_and_leaves_the_recording_as_it_was(tmp_path: Path) -> None:
    with EpisodeWriter(tmp_path, "e0", [Modality.RGB], lidar_points=True) as writer:
        for given, message in (
            (None, "LiDAR points: the instant has none"),
            (points(2).astype(np.float64), "are float32"),
            (points(2)[:, :3], r"are float32 \(n, 4\)"),
            (np.full((1, 4), np.nan, np.float32), "must be finite"),
        ):
            with pytest.raises(InputError, match=message):
                append(writer, 0, given)
        append(writer, 0, points(2))
    assert [len(each) for each in EpisodeReader(writer.path).lidar_points or ()] == [2]
    with EpisodeWriter(tmp_path, "e1", [Modality.RGB]) as writer:
        with pytest.raises(InputError, match="brings some, which were not announced"):
            append(writer, 0, points(2))
        append(writer, 0, None)
    assert EpisodeReader(writer.path).lidar_points is None


@pytest.mark.parametrize("full", ["state.npy", "lidar_points_end.npy", "lidar_points.npy"])
def test_a_full_disk_keeps_the_instants_that_were_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    """Whichever file meets it, the points of the instant that was torn are cut off."""
    write, torn = NpyStream._write, []

    def refusing(stream: NpyStream, data: bytes | memoryview) -> None:
        if not torn and Path(stream._file.name).name == full:
            torn.append(full)
            write(stream, memoryview(data)[: len(data) // 2])
            raise OSError(28, "No space left on device")
        write(stream, data)

    writer = EpisodeWriter(tmp_path, "e0", [Modality.RGB], lidar_points=True)
    append(writer, 0, points(5))
    append(writer, 1, points(3))
    with monkeypatch.context() as patch:
        patch.setattr(NpyStream, "_write", refusing)
        with pytest.raises(DataError, match=r"the disk is full.*after 2 frames.*they are kept"):
            append(writer, 2, points(4))
    found = EpisodeReader(tmp_path / "episodes" / "e0").lidar_points
    assert found is not None
    assert [len(each) for each in found] == [5, 3]
    assert np.array_equal(found[1], points(3))


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("lidar_points_end.npy", np.array([5, 5]), r"must be int64 \(3,\), where the points"),
        ("lidar_points_end.npy", np.array([5.0, 5.0, 8.0]), r"must be int64 \(3,\)"),
        ("lidar_points.npy", np.zeros((8, 3), np.float32), r"must be float32 \(points, 4\)"),
        ("lidar_points.npy", np.zeros((8, 4)), r"must be float32 \(points, 4\)"),
        ("lidar_points.npy", None, "has LiDAR points, but no lidar_points.npy"),
        ("lidar_points_end.npy", None, "has LiDAR points, but no lidar_points_end.npy"),
    ],
)
def test_damaged_files_are_refused_as_the_episode_is_opened(
    tmp_path: Path, name: str, damage: np.ndarray | None, message: str
) -> None:
    file = record(tmp_path) / name
    if damage is None:
        file.unlink()
    else:
        np.save(file, damage)
    with pytest.raises(DataError, match=message):
        EpisodeReader(file.parent)


@pytest.mark.parametrize(
    "ends", [[5, 4, 8], [-1, 5, 8], [5, 5, 7], [5, 5, 9], [2**62, -(2**62), 8]]
)
def test_ends_that_do_not_ascend_to_the_points_are_refused_and_told(
    tmp_path: Path, ends: list[int]
) -> None:
    path = record(tmp_path)
    np.save(path / "lidar_points_end.npy", np.array(ends))
    with pytest.raises(DataError, match="must ascend from 0 to the 8 points"):
        _ = EpisodeReader(path).lidar_points
    assert any("must ascend" in line for line in examine(Dataset.open(tmp_path)).broken)


def test_points_that_are_not_finite_are_told(tmp_path: Path) -> None:
    path = record(tmp_path)
    np.save(path / "lidar_points.npy", np.full((8, 4), np.inf, np.float32))
    assert (
        "e0: 2 frames have LiDAR points that are not finite"
        in examine(Dataset.open(tmp_path)).broken
    )
