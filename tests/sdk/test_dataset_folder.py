"""Dataset: opening, splits, coverage, fingerprint, and every way in which a folder is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import MODALITIES, Modality

CARD = DatasetCard(
    name="tiny",
    rate_hz=10,
    modalities=(Modality.RGB, Modality.DEPTH),
    camera=CameraSpec(width=40, height=30),
    splits={"train": ("b", "a"), "test": ("c",)},
)


def record(
    folder: Path,
    episode_id: str,
    modalities: tuple[Modality, ...],
    frames: int = 3,
    seed: int = 0,
    size: tuple[int, int] = (30, 40),
) -> None:
    rng = np.random.default_rng(seed)
    with EpisodeWriter(folder, episode_id, modalities) as writer:
        for index in range(frames):
            images = {
                m: rng.integers(0, 200, MODALITIES[m].array_shape(*size)).astype(
                    MODALITIES[m].numpy_dtype
                )
                for m in modalities
            }
            writer.append(
                images,
                {
                    "time_s": index / 10,
                    "steer_rad": rng.normal(0, 0.1),
                    "throttle": 0.5,
                    "brake": 0.0,
                },
            )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    record(tmp_path, "c", (Modality.RGB,), seed=3)
    record(tmp_path, "a", (Modality.RGB, Modality.DEPTH), seed=1)
    record(tmp_path, "b", (Modality.RGB, Modality.DEPTH), seed=2)
    write_card(tmp_path, CARD)
    return tmp_path


def test_open_and_ask(folder: Path) -> None:
    (folder / "episodes" / ".partial-x-1").mkdir()
    (folder / "episodes" / "notes.txt").touch()
    dataset = Dataset.open(folder)
    assert dataset.episode_ids == ("a", "b", "c")
    assert len(dataset) == 3
    assert dataset.card == CARD
    assert dataset.split("train") == ("b", "a")
    assert len(dataset.episode("a")) == 3
    assert dataset.missing(Modality.DEPTH) == ("c",)
    assert dataset.missing(Modality.DEPTH, ("a",)) == ()


def test_unknown_names_get_the_nearest(folder: Path) -> None:
    dataset = Dataset.open(folder)
    with pytest.raises(UsageError, match=r"unknown split 'trian'. Did you mean 'train'"):
        dataset.split("trian")
    with pytest.raises(UsageError, match="unknown episode 'd'"):
        dataset.episode("d")
    write_card(folder, CARD.model_copy(update={"splits": {}}))
    with pytest.raises(UsageError, match="has no splits"):
        Dataset.open(folder).split("train")


def test_folders_that_are_no_data_set(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        Dataset.open(tmp_path / "nowhere")
    (folder / "dataset.json").rename(folder / "kept")
    with pytest.raises(DataError, match="not a data set"):
        Dataset.open(folder)
    for text, message in [
        ("{", "no valid JSON"),
        ('{"format": "x", "extra": 1}', "extra"),
        ("\xff", "not UTF-8"),
    ]:
        (folder / "dataset.json").write_text(text, encoding="latin1")
        with pytest.raises(DataError, match=message):
            Dataset.open(folder)
    (folder / "kept").rename(folder / "dataset.json")
    write_card(folder, CARD.model_copy(update={"splits": {"train": ("a", "z")}}))
    with pytest.raises(DataError, match="names 1 episodes that do not exist: z"):
        Dataset.open(folder)
    write_card(folder, CARD.model_copy(update={"splits": {"train": ("a",), "test": ("a",)}}))
    with pytest.raises(DataError, match="'train' and 'test'"):
        Dataset.open(folder)
    shutil.rmtree(folder / "episodes")
    with pytest.raises(DataError, match="empty"):
        Dataset.open(folder)
    (folder / "dataset.json").unlink()
    (folder / "dataset.json").mkdir()
    with pytest.raises(DataError, match="is a folder; a file is needed"):
        Dataset.open(folder)


def test_fingerprint_follows_the_recorded_data(folder: Path) -> None:
    first = Dataset.open(folder).fingerprint()
    assert len(first) == 64
    assert Dataset.open(folder).fingerprint() == first

    seen = {first}
    write_card(folder, CARD.model_copy(update={"rate_hz": 20.0}))
    seen.add(Dataset.open(folder).fingerprint())
    write_card(folder, CARD)
    for name in ("rgb.npy", "state.npy"):
        path = folder / "episodes" / "a" / name
        content = bytearray(path.read_bytes())
        content[-2] ^= 1
        path.write_bytes(content)
        seen.add(Dataset.open(folder).fingerprint())
    (folder / "episodes" / "c").rename(folder / "episodes" / "cc")
    write_card(folder, CARD.model_copy(update={"splits": {}}))
    seen.add(Dataset.open(folder).fingerprint())
    assert len(seen) == 5


def test_fingerprint_does_not_follow_what_can_be_derived(folder: Path) -> None:
    first = Dataset.open(folder).fingerprint()
    np.save(folder / "episodes" / "a" / "edge.npy", np.zeros((3, 30, 40), np.uint8))
    write_card(folder, CARD.model_copy(update={"modalities": (*CARD.modalities, Modality.EDGE)}))
    assert Dataset.open(folder).fingerprint() == first
    # Attention recorded where there is no segmentation to derive it from is data.
    np.save(folder / "episodes" / "a" / "attention.npy", np.zeros((3, 30, 40), np.uint8))
    assert Dataset.open(folder).fingerprint() != first


def test_fingerprint_samples_large_files(tmp_path: Path) -> None:
    record(tmp_path, "a", (Modality.RGB,), frames=2, size=(600, 1000))  # 3.6 MB
    write_card(tmp_path, CARD.model_copy(update={"splits": {}}))
    seen = {Dataset.open(tmp_path).fingerprint()}
    path = tmp_path / "episodes" / "a" / "rgb.npy"
    for start in (60_000, path.stat().st_size - 10):
        with path.open("r+b") as file:
            file.seek(start)
            file.write(b"changed!!")
        seen.add(Dataset.open(tmp_path).fingerprint())
    assert len(seen) == 3
