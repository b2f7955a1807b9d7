"""Derived modalities: against loops and closed forms, under mirroring, as files of a data set."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.dataset import Dataset
from auxdrive.data.derived import DERIVATIONS, derive, ensure_derived, luma
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.errors import DataError, InputError, UsageError
from auxdrive.modalities import ATTENTION_CLASSES, MODALITIES, SEGMENTATION_CLASSES, Modality
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

sizes = st.tuples(st.integers(1, 11), st.integers(1, 12))
images = sizes.flatmap(lambda size: arrays(np.uint8, (*size, 3)))


def test_the_table_is_that_of_the_modalities() -> None:
    assert set(DERIVATIONS) == {
        modality for modality, spec in MODALITIES.items() if spec.derived_from is not None
    }


def twin_edge(image: np.ndarray) -> np.ndarray:
    """Sobel by loops over pixels and kernel, in float64."""
    height, width, _ = image.shape
    grey = np.floor((image.astype(float) * [299, 587, 114]).sum(-1) / 1000 + 0.5)
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    result = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            window = [
                [
                    grey[min(max(row + i, 0), height - 1), min(max(column + j, 0), width - 1)]
                    for j in (-1, 0, 1)
                ]
                for i in (-1, 0, 1)
            ]
            result[row, column] = math.hypot((kernel * window).sum(), (kernel.T * window).sum()) / 4
    return result


@settings(max_examples=40, deadline=None)
@given(image=images)
def test_edge_agrees_with_the_loop(image: np.ndarray) -> None:
    assert (
        np.abs(derive(Modality.EDGE, image) - np.minimum(twin_edge(image), 255)).max() <= 0.5 + 1e-9
    )


def test_edge_of_a_full_step_is_full_scale() -> None:
    image = np.zeros((5, 6, 3), np.uint8)
    image[:, 3:] = 255
    assert derive(Modality.EDGE, image)[2].tolist() == [0, 0, 255, 255, 0, 0]


@settings(max_examples=30, deadline=None)
@given(image=images)
def test_frequency_agrees_with_the_definition_of_the_transform(image: np.ndarray) -> None:
    grey = luma(image).astype(float)
    height, width = grey.shape
    rows = np.exp(
        -2j * np.pi * np.outer(np.arange(height) - height // 2, np.arange(height)) / height
    )
    columns = np.exp(
        -2j * np.pi * np.outer(np.arange(width), np.arange(width) - width // 2) / width
    )
    expected = np.log1p(np.abs(rows @ grey @ columns)) / np.log1p(255 * height * width) * 255
    assert np.abs(derive(Modality.FREQUENCY, image) - expected).max() <= 0.5 + 1e-6


def test_frequency_of_a_white_image_is_one_full_point() -> None:
    spectrum = derive(Modality.FREQUENCY, np.full((6, 9, 3), 255, np.uint8))
    assert spectrum[3, 4] == 255
    assert np.delete(spectrum.ravel(), 3 * 9 + 4).max() == 0


def test_attention_is_full_on_its_classes() -> None:
    ids = np.arange(len(SEGMENTATION_CLASSES), dtype=np.uint8)[None]
    assert derive(Modality.ATTENTION, ids)[0].tolist() == [
        255 if name in ATTENTION_CLASSES else 0 for name in SEGMENTATION_CLASSES
    ]
    with pytest.raises(InputError, match="class id 200"):
        derive(Modality.ATTENTION, np.full((2, 2), 200, np.uint8))


def mirrored(modality: Modality, frames: np.ndarray) -> np.ndarray:
    """A frame, or a batch, of the scene mirrored left to right: images and the LiDAR histogram
    reverse their columns; a centred spectrum its frequencies, of which W // 2 is zero.
    """
    axis = -1 if MODALITIES[modality].channels == 1 else -2
    width = frames.shape[axis]
    last = 2 * (width // 2) if MODALITIES[modality].mirror == "spectrum" else width - 1
    return np.take(frames, (last - np.arange(width)) % width, axis=axis)


@settings(max_examples=30, deadline=None)
@given(image=images)
def test_derivation_and_mirror_commute(image: np.ndarray) -> None:
    flipped = mirrored(Modality.RGB, image)
    np.testing.assert_array_equal(
        derive(Modality.EDGE, flipped), mirrored(Modality.EDGE, derive(Modality.EDGE, image))
    )
    spectrum = mirrored(Modality.FREQUENCY, derive(Modality.FREQUENCY, image))
    assert np.abs(derive(Modality.FREQUENCY, flipped).astype(int) - spectrum).max() <= 1
    ids = image[..., 0] % len(SEGMENTATION_CLASSES)
    left = derive(Modality.ATTENTION, mirrored(Modality.SEGMENTATION, ids))
    np.testing.assert_array_equal(
        left, mirrored(Modality.ATTENTION, derive(Modality.ATTENTION, ids))
    )


def test_batches_are_derived_frame_by_frame() -> None:
    batch = np.random.default_rng(0).integers(0, 255, (4, 7, 8, 3), dtype=np.uint8)
    for modality in (Modality.EDGE, Modality.FREQUENCY):
        np.testing.assert_array_equal(
            derive(modality, batch), np.stack([derive(modality, image) for image in batch])
        )


def test_what_cannot_be_derived() -> None:
    with pytest.raises(UsageError, match="depth is recorded"):
        derive(Modality.DEPTH, np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="have the shape"):
        derive(Modality.EDGE, np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="are uint8"):
        derive(Modality.EDGE, np.zeros((4, 4, 3)))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    rng = np.random.default_rng(0)
    for episode_id, modalities in {
        "a": (Modality.RGB,),
        "b": (Modality.RGB, Modality.SEGMENTATION),
    }.items():
        with EpisodeWriter(tmp_path, episode_id, modalities) as writer:
            for index in range(5):
                frames = {
                    m: rng.integers(0, 13, MODALITIES[m].array_shape(6, 8), dtype=np.uint8)
                    for m in modalities
                }
                writer.append(frames, {"time_s": index, "steer_rad": 0, "throttle": 0, "brake": 0})
    card = DatasetCard(
        name="d",
        rate_hz=1,
        modalities=(Modality.RGB, Modality.SEGMENTATION),
        camera=CameraSpec(width=8, height=6),
    )
    write_card(tmp_path, card)
    return Dataset.open(tmp_path)


def test_missing_files_are_derived_once_and_the_card_follows(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auxdrive.data.derived._CHUNK_BYTES", 300)  # two frames at a time
    done: list[int] = []
    assert (
        ensure_derived(
            dataset, [Modality.EDGE, Modality.ATTENTION, Modality.DEPTH], progress=done.append
        )
        == 3
    )
    assert sum(done) == 15
    assert len(done) > 3
    assert dataset.missing(Modality.ATTENTION) == ("a",)  # it has no segmentation
    assert dataset.missing(Modality.EDGE) == ()
    assert Dataset.open(dataset.path).card.modalities == (
        Modality.RGB,
        Modality.SEGMENTATION,
        Modality.EDGE,
        Modality.ATTENTION,
    )
    episode = dataset.episode("b")
    np.testing.assert_array_equal(
        episode.frames(Modality.EDGE), derive(Modality.EDGE, episode.frames(Modality.RGB))
    )
    np.testing.assert_array_equal(
        episode.frames(Modality.ATTENTION),
        derive(Modality.ATTENTION, episode.frames(Modality.SEGMENTATION)),
    )
    assert ensure_derived(dataset, [Modality.EDGE, Modality.ATTENTION]) == 0
    assert not list(dataset.path.rglob(".*"))


def test_only_the_episodes_asked_for(dataset: Dataset) -> None:
    assert ensure_derived(dataset, [Modality.FREQUENCY], episodes=["b"]) == 1
    assert dataset.missing(Modality.FREQUENCY) == ("a",)


def test_leftovers_of_a_killed_process_do_not_matter(dataset: Dataset) -> None:
    episode = dataset.path / "episodes" / "a"
    (episode / f".partial-edge.npy-{os.getpid()}").write_bytes(b"half")
    (episode / ".partial-edge.npy-999999999").write_bytes(b"half")
    ensure_derived(dataset, [Modality.EDGE])
    assert dataset.episode("a").has(Modality.EDGE)


def test_a_disk_that_refuses_leaves_nothing_incomplete(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match=r"edge\.npy: No space left"):
        ensure_derived(dataset, [Modality.EDGE])
    monkeypatch.undo()
    assert dataset.missing(Modality.EDGE) == ("a", "b")
    assert not list(dataset.path.rglob(".*"))
